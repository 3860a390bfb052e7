import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pytest

from model_core.contract.errors import Cancelled, MtlError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.stages.shared import course
from model_core.stages.shared.fingerprints import fingerprint
from model_core.stages.shared.studying import steps
from model_core.stages.shared.studying.steps import Steps

from .conftest import QUICK

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own_study(study, tmp_path):
    """A copy of the sample that a test may change."""
    return shutil.copytree(study, tmp_path / "sample")


def said_done(report):
    return [event["message"] for event in report.events if event["event"] == "log" and "done already" in event["message"]]


def train(folder, study, **changes):
    report = Recorder()
    result = Steps(folder, report).run("base", "train", {**QUICK, "series": str(study / "series.json"), **changes})
    return result, report


def test_a_step_that_is_done_is_not_done_again(tmp_path, own_study):
    first, report = train(tmp_path / "work", own_study)
    assert not said_done(report) and Path(first.outputs["weights"]).exists()
    again, report = train(tmp_path / "work", own_study)
    assert said_done(report) and (again.outputs, again.summary) == (first.outputs, json.loads(json.dumps(first.summary)))
    for path in own_study.iterdir():
        os.utime(path)
    moved = shutil.copytree(own_study, tmp_path / "elsewhere")
    assert said_done(train(tmp_path / "work", moved)[1])


def test_changed_settings_or_labels_make_a_step_anew(tmp_path, own_study):
    train(tmp_path / "work", own_study)
    weights = (tmp_path / "work" / "base" / "base.weights.h5").read_bytes()
    _, report = train(tmp_path / "work", own_study, seed=5)
    assert not said_done(report)
    assert (tmp_path / "work" / "base" / "base.weights.h5").read_bytes() != weights
    labels = gpd.read_file(own_study / "landslides.gpkg")
    labels.iloc[1:].to_file(own_study / "landslides.gpkg", layer="landslides")
    assert not said_done(train(tmp_path / "work", own_study, seed=5)[1])


def test_the_fingerprint_ignores_where_it_is_computed_and_written(own_study):
    values = {**QUICK, "series": str(own_study / "series.json")}
    same = [fingerprint(make_job("train", {**values, "out": out, "threads": threads, "device": device}))
            for out, threads, device in (("a", None, "auto"), ("b", 1, "cpu"))]
    assert len(set(same)) == 1
    assert fingerprint(make_job("train", {**values, "out": "a", "training_epochs": 9})) != same[0]


def test_a_failed_step_leaves_no_result_and_is_tried_again(tmp_path, own_study):
    scene = next(own_study.glob("*2015*simulated.tif"))
    whole = scene.read_bytes()
    scene.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MtlError):
        train(tmp_path / "work", own_study)
    assert not (tmp_path / "work" / "base").exists()
    scene.write_bytes(whole)
    assert not said_done(train(tmp_path / "work", own_study)[1])
    assert (tmp_path / "work" / "base" / "base.json").exists()


def test_a_killed_training_goes_on_where_it_was(tmp_path, own_study):
    script = ("import sys, json; from pathlib import Path; from model_core.contract.events import Report;"
              "from model_core.stages.shared.studying.steps import Steps; values = json.loads(sys.argv[2]);"
              "Steps(Path(sys.argv[1]), Report()).run('base', 'train', values)")
    values = {**QUICK, "training_epochs": 12, "series": str(own_study / "series.json")}
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "work"), json.dumps(values)], cwd=ROOT,
                               stderr=subprocess.DEVNULL)
    saved = tmp_path / "work" / "base.partial" / "state"
    try:
        end = time.monotonic() + 120
        while not list(saved.glob("epoch_*")) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    finally:
        process.wait()
    assert list(saved.glob("epoch_*")) and not (tmp_path / "work" / "base").exists(), "killed too late to prove anything"
    _, report = train(tmp_path / "work", own_study, training_epochs=12)
    told = [event["step"] for event in report.events if event["event"] == "metric" and event["name"] == "loss"]
    assert told and told[0] > 1 and told[-1] == 12


def test_a_stopped_step_stops_the_work(tmp_path, own_study):
    class Stopped(Recorder):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        Steps(tmp_path / "work", Stopped()).run("base", "train", {**QUICK, "series": str(own_study / "series.json")})
    assert not (tmp_path / "work" / "base").exists()


class Killed(BaseException):
    """In place of a signal, at a moment that a signal seldom hits."""


def killed_in_rmtree(monkeypatch, module, victim):
    """From now on the module's first removal of a folder of this name ends the work after half of it."""
    remove = shutil.rmtree

    def rmtree(path, **options):
        if Path(path).name not in (victim, f".{victim}.partial"):
            remove(path, **options)
            return
        monkeypatch.undo()
        for child in sorted(Path(path).iterdir())[::2]:
            remove(child) if child.is_dir() else child.unlink()
        raise Killed

    monkeypatch.setattr(module.shutil, "rmtree", rmtree)


def test_a_result_that_was_half_removed_does_not_count_as_done(tmp_path, own_study, monkeypatch):
    first, _ = train(tmp_path / "work", own_study)
    files = sorted(path.name for path in (tmp_path / "work" / "base").iterdir())
    killed_in_rmtree(monkeypatch, steps, "base")
    with pytest.raises(Killed):
        train(tmp_path / "work", own_study, seed=5)
    _, report = train(tmp_path / "work", own_study)  # the settings of the first time again
    assert not said_done(report)
    assert sorted(path.name for path in (tmp_path / "work" / "base").iterdir()) == files


def test_a_training_killed_while_it_clears_its_state_can_still_be_finished(tmp_path, own_study, monkeypatch):
    killed_in_rmtree(monkeypatch, course, "state")
    with pytest.raises(Killed):
        train(tmp_path / "work", own_study)
    train(tmp_path / "work", own_study)
    assert not [path for path in (tmp_path / "work").rglob("*") if "state" in path.name or "partial" in path.name]


def test_a_stopped_training_says_that_the_same_command_goes_on(tmp_path, own_study):
    class StoppedLater(Recorder):
        def cancelled(self):
            return any(event["event"] == "metric" for event in self.events)

    with pytest.raises(Cancelled) as caught:
        Steps(tmp_path / "work", StoppedLater()).run(
            "base", "train", {**QUICK, "training_epochs": 9, "series": str(own_study / "series.json")})
    assert caught.value.hint == "The same command goes on from there." and "base" in caught.value.message
    _, report = train(tmp_path / "work", own_study, training_epochs=9)
    assert next(event["step"] for event in report.events if event["event"] == "metric" and event["name"] == "loss") > 1


def test_what_a_killed_work_left_half_written_is_cleared(tmp_path):
    scraps = [tmp_path / ".study.json.abc.partial" / "study.json", tmp_path / ".steps" / ".base.json.x.partial" / "base.json",
              tmp_path / "study.partial.gpkg", tmp_path / "study.partial.gpkg-journal"]
    kept = [tmp_path / "base.partial" / "state" / "epoch_0001" / "state.json", tmp_path / "study.gpkg"]
    for path in (*scraps, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    Steps(tmp_path, Recorder())
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)
