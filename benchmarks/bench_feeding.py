"""Claim: training from big arrays with augmentation and saved states keeps 0.9 of the speed of Keras alone.

Keras alone fits the same network to patches that lie ready in memory: no cutting, no augmentation, nothing saved. Both
take turns in one run, and the first training epoch of each turn, which compiles, is left out. On a busy machine the
processor time, which all threads add to, is the truer measure.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from model_core.contract.events import Report
from model_core.network import backend

FILTERS, BATCH, PATCH_PX, N_BANDS = 32, 32, 128, 5
STEPS, EPOCHS, TURNS = 6, 3, 2
SCENE_PX, DATES = 1024, 2


class Clock(Report):
    """Notes when training epochs end."""

    def __init__(self):
        super().__init__()
        self.times = []

    def emit(self, kind, **values):
        if kind == "metric" and values["name"] == "loss":
            self.times.append((time.perf_counter(), time.process_time()))


def main():
    device = backend.setup(seed=0)
    print(f"{device.name}, {device.threads} threads, {device.backend} {device.backend_version}. {device.reason}")
    import keras

    from model_core.network.augmentation import Augmentation
    from model_core.network.feeding import Patch, Patches
    from model_core.network.fitting import FitSettings, fit
    from model_core.network.losses import Tversky
    from model_core.network.unet import build_unet

    rng = np.random.default_rng(0)
    images = [rng.normal(size=(SCENE_PX, SCENE_PX, N_BANDS)).astype(np.float32) for _ in range(DATES)]
    codes = [(rng.random((SCENE_PX, SCENE_PX)) < 0.05).astype(np.uint8) for _ in range(DATES)]
    corners = rng.integers(0, SCENE_PX - PATCH_PX, (STEPS * BATCH, 2))
    windows = [Patch(k % DATES, int(row), int(col)) for k, (row, col) in enumerate(corners)]
    source = Patches(images, codes, lambda epoch: windows, PATCH_PX, BATCH, seed=0)
    ready = [np.concatenate(arrays) for arrays in zip(*(source.batch(0, k) for k in range(STEPS)), strict=True)]
    settings = FitSettings(training_epochs=EPOCHS, augmentation=Augmentation(
        rotation_deg=45, shear_deg=20, flip_horizontal=True, flip_vertical=True, zoom=0.1, gain=0.2, offset=0.2))

    def alone():
        clock, model = Clock(), build_unet(N_BANDS, FILTERS)
        model.compile("adam", Tversky())
        told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: clock.metric("loss", epoch, 0))
        model.fit(*ready, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[told])
        return clock.times

    def ours():
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            fit(build_unet(N_BANDS, FILTERS), source, None, settings, Path(folder), clock)
        return clock.times

    seconds = {"Keras alone": [], "ours": []}
    for _ in range(TURNS):
        for name, run in (("Keras alone", alone), ("ours", ours)):
            seconds[name].extend(np.diff(run(), axis=0))
    augment_s = _seconds_to_prepare(source, settings)
    speed = {name: STEPS * BATCH / np.median(times, axis=0) for name, times in seconds.items()}
    print(f"{'':14}{'patches/s':>12}{'patches/processor second':>28}")
    for name, (by_clock, by_processor) in speed.items():
        print(f"{name:14}{by_clock:12.1f}{by_processor:28.1f}")
    ratios = speed["ours"] / speed["Keras alone"]
    print(f"{'ratio':14}{ratios[0]:12.2f}{ratios[1]:28.2f}")
    print(f"Cutting and augmenting a batch takes {augment_s:.3f} s.")


def _seconds_to_prepare(source, settings):
    from model_core.network.augmentation import build_augmenter

    augment, times = build_augmenter(settings.augmentation, 0), []
    for k in range(STEPS):
        start = time.perf_counter()
        augment(*source.batch(0, k), 0, k)
        times.append(time.perf_counter() - start)
    return np.median(times)


if __name__ == "__main__":
    main()
