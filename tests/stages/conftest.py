"""A tiny simulated study and a network that was trained on it for a moment, made once for all tests here."""

import json
from pathlib import Path

import pytest

from model_core import cli
from model_core.cli import run_stage
from model_core.contract.events import Recorder
from model_core.contract.job import make_job

# A network that learns in seconds: far from good, but real.
QUICK = {"filters": 8, "training_epochs": 2, "batch_size": 8, "patch_size_px": 64, "stride_px": 64, "jitter_px": 8,
         "guard_px": 16, "n_blocks": 3, "precision": "float32"}
# The same on the command line.
QUICK_WORDS = tuple(word for name, value in QUICK.items() for word in (f"--{name.replace('_', '-')}", str(value)))
# A whole study with it.
SETTINGS = {**QUICK, "fine_tuning_epochs": 1, "n_blocks": 3, "folds": 3, "min_landslides": 1, "guard_px": 8, "layout": "compact"}


def do(stage, **values):
    """Runs a stage and returns its result and everything it told."""
    report = Recorder()
    return run_stage(make_job(stage, values), report), report


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Folder of a simulated study of 1.6 km²: two dates, landslides at the second one."""
    folder = tmp_path_factory.mktemp("study") / "sample"
    do("sample", out=str(folder), kind="pair", size_px=256, n_landslides=40, seed=1)
    return folder


@pytest.fixture(scope="session")
def series(study):
    return str(study / "series.json")


@pytest.fixture(scope="session")
def model(series, tmp_path_factory):
    """Folder of a trained model."""
    folder = tmp_path_factory.mktemp("model") / "quick"
    do("train", series=series, out=str(folder), **QUICK)
    return folder


@pytest.fixture(scope="session")
def years(tmp_path_factory):
    """Folder of a small simulated study of seven years."""
    folder = tmp_path_factory.mktemp("years") / "sample"
    do("sample", out=str(folder), small=True, seed=0)
    return folder


@pytest.fixture(scope="session")
def three_years(years):
    """Its series file with three of the years: before, the year of most landslides, and one without any drawn."""
    data = json.loads((years / "series.json").read_text())
    data["epochs"] = [epoch for epoch in data["epochs"] if epoch["name"] in ("2014", "2015", "2016")]
    del data["epochs"][0]["landslides"]
    (years / "three.json").write_text(json.dumps(data))
    return str(years / "three.json")


@pytest.fixture(scope="session")
def whole(years, three_years, tmp_path_factory):
    """Folder, result and report of a study."""
    out = tmp_path_factory.mktemp("work") / "study"
    result, report = do("study", series=three_years, training=str(years / "training.json"), out=str(out), **SETTINGS)
    return out, result, report


@pytest.fixture
def epochs(study):
    """The series as plain data with absolute paths, to be changed and written elsewhere."""
    data = json.loads((study / "series.json").read_text())
    for epoch in data["epochs"]:
        epoch["scenes"] = [str(study / scene) for scene in epoch["scenes"]]
        for name in ("landslides", "searched"):
            if name in epoch:
                epoch[name] = str(study / epoch[name])
    return data["epochs"]


@pytest.fixture
def write_series(tmp_path):
    def write(rows) -> str:
        path = Path(tmp_path) / "series.json"
        path.write_text(json.dumps({"epochs": rows}))
        return str(path)

    return write


@pytest.fixture
def mtl(capsys, tmp_path):
    """Runs a command with the output folder `out`: exit code, stdout, stderr."""
    def run(stage, *words, out="out"):
        code = cli.main([stage, *(str(word) for word in words), "--out", str(tmp_path / out)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(mtl, tmp_path):
    """Runs a command that must be refused; returns the message and the hint."""
    def run(kind, stage, *words, out="out"):
        before = sorted(tmp_path.rglob("*"))
        code, _, err = mtl(stage, *words, out=out)
        assert code == kind.exit_code, err
        lines = err.strip().splitlines()
        assert len(lines) == 2, "a sentence and a hint"
        assert all(line[0].isupper() or line[0] in "/'0123456789abcdefghijklmnopqrstuvwxyz" for line in lines)
        assert lines[1][0].isupper() and all(line.endswith((".", "?")) for line in lines)
        assert "Error" not in err and "Traceback" not in err
        assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
        return tuple(lines)

    return run


@pytest.fixture(scope="session")
def after(study):
    """The image with the landslides."""
    return next(study.glob("*2015-11-09*simulated.tif"))


@pytest.fixture
def slides(study):
    return study / "landslides.gpkg"
