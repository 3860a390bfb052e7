"""A study that is killed again and again ends as one that nobody disturbed."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import geopandas as gpd
import pytest
import rasterio

from .conftest import do

ROOT = Path(__file__).parents[2]
SMALL = {"filters": 8, "training_epochs": 6, "fine_tuning_epochs": 3, "batch_size": 8, "patch_size_px": 32, "stride_px": 48,
         "jitter_px": 8, "guard_px": 8, "n_blocks": 3, "layout": "compact", "min_landslides": 1, "precision": "float32"}
# What tells when, where and by what it was made, not what was made.
APART = {"seconds", "engine", "created", "datetime", "resume"}
# The report says when it was written and how long the steps took; its tables but these are compared. What was written
# last is noted once more after a kill.
TIMES = {"report.html", "report.json", "run_time.csv", "versions.csv", ".layers.json"}
TRAININGS = ("base", "pooled")
END = "end"  # of a study: no step any more


@pytest.fixture(scope="module")
def grounds(tmp_path_factory):
    """Series files of two simulated places, one to study and one to learn from."""
    folder = tmp_path_factory.mktemp("grounds")
    for seed, name in enumerate(("here", "there")):
        do("sample", out=str(folder / name), kind="pair", size_px=192, n_landslides=40, seed=seed + 1)
    return {"series": str(folder / "here" / "series.json"), "training": str(folder / "there" / "series.json")}


@pytest.mark.slow
def test_a_study_killed_ten_times_ends_like_one_that_ran_through(grounds, tmp_path):
    hits = compare_killed(tmp_path, {**grounds, **SMALL, "folds": 3}, n_kills=10, seed=0)
    assert len(hits) == 10 and sum(hit["learned"] for hit in hits) >= 2, hits
    assert len({hit["step"] for hit in hits}) >= 3 and sum(hit["writing"] for hit in hits) >= 2, hits
    assert hits[-1]["step"] == END, hits


def test_a_study_killed_three_times_ends_like_one_that_ran_through(grounds, tmp_path):
    hits = compare_killed(tmp_path, {**grounds, **SMALL, "folds": 0}, n_kills=3, seed=1)
    assert len(hits) == 3 and any(hit["learned"] for hit in hits), hits
    assert any(hit["writing"] for hit in hits), hits


# -- killing -------------------------------------------------------------------------------------------------------

def compare_killed(tmp_path, settings, n_kills, seed):
    """What each kill hit, after the killed study was found to be the same as the unbroken one."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    do("study", out=str(whole), **settings)
    hits = kill_often(broken, settings, moments(whole, n_kills, random.Random(seed)))
    print(Counter(hit["step"] for hit in hits), sum(hit["learned"] for hit in hits), "within a training")
    begin(broken, settings).wait()
    expected, found = contents(whole), contents(broken)
    assert sorted(found) == sorted(expected)
    differing = [path for path, content in expected.items() if found[path] != content]
    assert not differing
    return hits


def moments(whole, n_kills, rng):
    """Random moments of a study's course, in order: the step, and how many seconds after it began or the last kill."""
    steps = json.loads((whole / "study.json").read_text())["steps"]
    begins, seconds = {}, 0.0
    for name, step in steps.items():
        begins[name] = seconds
        seconds += step["seconds"]
    found, last = [], -1.0
    for moment in sorted(rng.uniform(0, seconds) for _ in range(n_kills - 1)):
        name = [name for name, begin in begins.items() if begin <= moment][-1]
        # A training begins to save at about half its time.
        found.append((name, (moment - max(begins[name], last)) * (0.3 if name in TRAININGS else 1.0)))
        last = moment
    return [*found, (END, 0.0)]


def kill_often(out, settings, moments):
    """Begins the study anew for each moment and kills it there, every second time at the next half-written file."""
    hits = []
    for number, (step, wait_s) in enumerate(moments):
        began = time.time()
        process = begin(out, settings)
        try:
            until(lambda process=process, step=step, began=began: process.poll() is not None or reached(out, step, began), 180)
            time.sleep(wait_s)
            if number % 2 or step == END:
                until(lambda process=process: process.poll() is not None or half_written(out), 10)
            process.send_signal(signal.SIGKILL)
        finally:
            process.wait()
        if process.returncode == -signal.SIGKILL:
            hits.append({"step": running(out), "learned": bool(list(out.rglob("state/epoch_*"))),
                         "writing": bool(half_written(out))})
    return hits


def begin(out, settings):
    words = [word for name, value in {**settings, "out": out}.items()
             for word in (f"--{name.replace('_', '-')}", str(value))]
    return subprocess.Popen([sys.executable, "-m", "model_core", "study", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(true, seconds):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.002)


def reached(out, step, since):
    """Whether the study is at this step or beyond it; in a training when it has just learned something more."""
    if step == END:
        return bool(list(out.glob("study.new.partial.gpkg")))
    if step in TRAININGS and not (out / step).exists():
        with suppress(FileNotFoundError):  # a folder that is cleared while it is searched
            return any(modified(path) > since for path in out.glob(f"{step}.partial/**/state/epoch_*"))
        return False
    return (out / ".steps" / f"{step}.json").exists()


def modified(path):
    """Time of the last change; 0 for what has just been cleared."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def running(out):
    """The step that was begun and not finished."""
    records = {path: read(path) for path in (out / ".steps").rglob("*.json") if path.parent.suffix != ".partial"}
    begun = [path.relative_to(out / ".steps").with_suffix("").as_posix()
             for path, record in records.items() if "seconds" not in record]
    return begun[0] if begun else END


def half_written(out):
    """Files and folders on the way to a result; the unfinished folder of a step is none."""
    try:
        return [*out.rglob(".*.partial*"), *out.rglob("*.partial.gpkg")]
    except FileNotFoundError:  # a folder went while it was looked into
        return []


# -- comparing -----------------------------------------------------------------------------------------------------

def contents(folder):
    """By path below the folder what each file holds, in a form that can be compared."""
    return {path.relative_to(folder).as_posix(): content(path, folder) for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in TIMES}


def content(path, folder):
    if path.suffix == ".tif":
        with rasterio.open(path) as raster:
            return (raster.read().tobytes(), raster.transform, raster.crs, str(raster.nodata),
                    str(raster.tags()).replace(str(folder), ""))
    if path.suffix == ".gpkg":
        layers = gpd.list_layers(path)["name"]
        return {name: gpd.read_file(path, layer=name).to_wkb().to_csv().replace(str(folder), "") for name in layers}
    if path.suffix == ".csv":
        return path.read_text().replace(str(folder), "")
    if path.suffix == ".json":
        return json.dumps(without(read(path)), sort_keys=True).replace(str(folder), "")
    return path.read_bytes()


def without(data):
    if isinstance(data, dict):
        return {key: without(value) for key, value in data.items() if key not in APART}
    return [without(value) for value in data] if isinstance(data, list) else data


def read(path):
    return json.loads(path.read_text())
