"""Claim: `mtl predict` keeps 0.85 of the network's own speed from file to polygons, in memory that does not grow.

The network alone runs on windows of the same size that lie ready in memory, in the same precision, before and after
each prediction; its pixels a second are compared with the useful pixels a second of the whole prediction: reading,
scaling, predicting, blending, writing, outlining, but not the start. Processor seconds are compared too, because they
do not notice what else the machine does. Peak memory is that of the whole process. The scenes are SIMULATED, the
network was trained briefly on one. About 6 minutes on 2 cores with 32 filters.
"""

import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

FILTERS = 32
SIZES_PX = (5000, 10000)
TILE_PX, N_BANDS = 1000, 5
N_LANDSLIDES = 120  # a tile
TRAINING_EPOCHS = 6
RAW_S = 15.0  # the network alone, before and after each prediction
FOLDER = Path(__file__).parents[1] / "build" / "bench_predict"
GOAL = 0.85


def main():
    if len(sys.argv) > 1:
        return predict_timed(Path(sys.argv[1]))
    from model_core.network import backend

    device = backend.setup(seed=0)
    print(f"{device.name}, {device.threads} threads, {device.backend} {device.backend_version}. {device.reason}")
    print(f"{FILTERS} filters, simulated 5-band scenes.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    pattern = simulated_pattern()
    scenes = {size: write_scene(size, pattern) for size in SIZES_PX}
    model = trained_model()
    for size, scene in scenes.items():
        compare(size, scene, model)
    return None


def compare(size, scene, model):
    """Prints one scene's table."""
    from model_core.contract.params.predict import PredictParams

    options = PredictParams()
    alone = NetworkAlone(size, options)
    alone.run()
    steps = in_own_process(scene, model, size)
    alone.run()
    px = size * size
    start, peak = steps.pop("start"), steps.pop("peak")
    wall, cpu = steps.pop("all"), steps.pop("all cpu")
    speed, speed_cpu = alone.px / alone.wall, alone.px / alone.cpu
    print(f"\n{size} x {size} px, windows of {alone.window_px} px: "
          f"{alone.computed / px:.3f} px computed for each useful one, {steps.pop('objects')} objects")
    print(f"{'':28}{'Mpx/s':>8}{'Mpx/processor s':>18}")
    print(f"{'network alone':28}{speed / 1e6:8.3f}{speed_cpu / 1e6:18.3f}")
    print(f"{'mtl predict':28}{px / wall / 1e6:8.3f}{px / cpu / 1e6:18.3f}")
    print(f"{'ratio (goal ' + str(GOAL) + ')':28}{px / wall / speed:8.2f}{px / cpu / speed_cpu:18.2f}")
    print(f"peak memory {peak / 1e9:.2f} GB; {wall:.1f} s, and {start:.1f} s to start")
    print(f"{'step':28}{'s':>8}{'processor s':>18}")
    for name, (seconds, processor) in steps.items():
        print(f"  {name:26}{seconds:8.2f}{processor:18.2f}")


class NetworkAlone:
    """The network's own speed on windows in memory."""

    def __init__(self, size, options):
        import numpy as np

        from model_core.arrays.windows import cover
        from model_core.network.inference import Predictor
        from model_core.network.unet import build_unet

        windows = cover(size, size, options.window_px, options.overlap_px)
        self.window_px = windows[0].rows.stop
        self.computed = len(windows) * self.window_px**2
        self.px, self.wall, self.cpu = 0, 0.0, 0.0
        self._predictor = Predictor(build_unet(N_BANDS, FILTERS))
        rng = np.random.default_rng(0)
        self._image = rng.normal(size=(1, self.window_px, self.window_px, N_BANDS)).astype(np.float32)
        self._predictor.predict(self._image)  # compiles

    def run(self):
        wall, cpu = time.perf_counter(), time.process_time()
        end = wall + RAW_S
        while time.perf_counter() < end:
            self._predictor.predict(self._image)
            self.px += self.window_px**2
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def in_own_process(scene, model, size):
    """Times of the steps and peak memory of a prediction in a process of its own."""
    out, job = FOLDER / f"map-{size}", FOLDER / f"job-{size}.json"
    shutil.rmtree(out, ignore_errors=True)
    params = {"scene": [str(scene)], "model": str(model), "out": str(out)}
    job.write_text(json.dumps({"stage": "predict", "params": params}))
    subprocess.run([sys.executable, __file__, str(job)], check=True)
    return json.loads(job.with_suffix(".times.json").read_text())


def predict_timed(job_path):
    """What the child process does: the job, with a clock around each step."""
    from model_core import cli

    cli.share_heap()  # as the command does
    from model_core.contract.events import Recorder
    from model_core.contract.job import read_job
    from model_core.geo import rasters
    from model_core.stages import predict
    from model_core.stages.shared import epoch_maps, scenes

    steps = {}
    timed(steps, epoch_maps, "scene_scaling", "statistics (beside the start)")
    timed(steps, scenes.SceneStack, "read", "reading (beside the network)")
    timed(steps, scenes.scalings, "apply", "scaling (beside the network)")
    load_predictor = predict.load_predictor

    def load_timed(*args):
        predictor = load_predictor(*args)
        timed(steps, predictor, "predict", "network, with all beside it", every_thread=True)
        return predictor

    predict.load_predictor = load_timed
    timed(steps, rasters.RasterWriter, "write", "writing (beside the network)")
    timed(steps, rasters.RasterWriter, "publish", "cloud-optimised files")
    timed(steps, epoch_maps, "write_objects", "outlining (beside the last)")
    begun = {}

    class Clock(Recorder):
        def stage(self, name):
            super().stage(name)
            if name.startswith("Predicting"):
                begun["wall"], begun["cpu"] = time.perf_counter(), time.process_time()

    started = time.perf_counter()
    result = cli.run_stage(read_job(job_path), Clock())
    steps["all"] = time.perf_counter() - begun["wall"]
    steps["all cpu"] = time.process_time() - begun["cpu"]
    steps["start"] = begun["wall"] - started
    steps["peak"] = peak_memory()
    steps["objects"] = result.summary["predicted landslides"][0]["landslides"]
    job_path.with_suffix(".times.json").write_text(json.dumps(steps))


def peak_memory():
    """Bytes that this process held at most."""
    # Linux' getrusage begins with what the parent process held.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the peak memory is not told on this system")


def timed(steps, owner, name, label, every_thread=False):
    """Puts a clock around a function; adds wall and processor seconds of its own thread, or of all."""
    function = getattr(owner, name)
    clock = time.process_time if every_thread else time.thread_time
    steps[label] = [0.0, 0.0]

    def wrapped(*args, **kwargs):
        with added(steps[label], clock):
            return function(*args, **kwargs)

    setattr(owner, name, wrapped)


@contextmanager
def added(total, clock):
    wall, cpu = time.perf_counter(), clock()
    yield
    total[0] += time.perf_counter() - wall
    total[1] += clock() - cpu


def simulated_pattern():
    """(TILE_PX, TILE_PX, 5) uint16 counts of a simulated image with landslides."""
    import numpy as np
    import rasterio

    sample = FOLDER / "sample"
    if not sample.exists():
        run("sample", {"out": str(sample), "kind": "pair", "size_px": TILE_PX, "n_landslides": N_LANDSLIDES})
    scene = json.loads((sample / "series.json").read_text())["epochs"][1]["scenes"][0]
    with rasterio.open(sample / scene) as image:
        return np.moveaxis(image.read(), 0, -1)


def write_scene(size, pattern):
    """The pattern side by side, each time with noise of its own, in the sensor's format: 250 MB for 5000 x 5000 px."""
    import numpy as np
    import rasterio
    from affine import Affine
    from rasterio.windows import Window

    from model_core.simulate.metadata import l3a_metadata
    from model_core.stages.sample import AFTER
    from model_core.stages.shared.simulated import CORNER_M, EPSG

    day, sky = AFTER
    path = FOLDER / f"{size}_{day}_RE1_3A_simulated.tif"
    metadata = path.with_name(path.stem + "_metadata.xml")
    if metadata.exists():
        return path
    rng = np.random.default_rng(1)
    place = {"crs": f"EPSG:{EPSG}", "driver": "GTiff"}
    transform = Affine(5, 0, CORNER_M[0], 0, -5, CORNER_M[1])
    with rasterio.open(path, "w", width=size, height=size, count=N_BANDS, dtype="uint16", interleave="pixel",
                       transform=transform, **place) as out:
        for row in range(0, size, TILE_PX):
            for col in range(0, size, TILE_PX):
                noisy = pattern * rng.normal(1, 0.02, pattern.shape).astype(np.float32)
                out.write(np.moveaxis(np.maximum(noisy, 1).astype(np.uint16), -1, 0),
                          window=Window(col, row, TILE_PX, TILE_PX))
    # The sensor's unusable-data mask has pixels of 50 m.
    mask = path.with_name(path.stem + "_udm.tif")
    with rasterio.open(mask, "w", width=size // 10, height=size // 10, count=1, dtype="uint8",
                       transform=transform * Affine.scale(10), **place) as out:
        out.write(np.zeros((1, size // 10, size // 10), np.uint8))
    metadata.write_text(l3a_metadata(path.name, mask.name, day, sky, EPSG, size, N_BANDS))
    return path


def trained_model():
    """The folder of a network that has learned enough to draw landslides and not noise."""
    folder = FOLDER / "model"
    if not folder.exists():
        run("train", {"series": str(FOLDER / "sample" / "series.json"), "out": str(folder), "filters": FILTERS,
                      "training_epochs": TRAINING_EPOCHS})
    return folder


def run(stage, params):
    """A job of the engine in a process of its own."""
    job = FOLDER / f"{stage}.json"
    job.write_text(json.dumps({"stage": stage, "params": params}))
    subprocess.run([sys.executable, "-m", "model_core", "run", str(job)], check=True, capture_output=True,
                   cwd=Path(__file__).parents[1])


if __name__ == "__main__":
    main()
