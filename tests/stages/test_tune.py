import csv
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest

from model_core.arrays.confusion import Confusion
from model_core.contract.card import read_card
from model_core.contract.errors import Cancelled, OutputError, UsageError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.stages import tune

from .conftest import QUICK, do

GRID = {**QUICK, "training_epochs": 1, "filters": [8], "batch_size": [8], "learning_rate": [1e-3, 1e-4]}
LARGE = {**GRID, "filters": [8, 16], "batch_size": [4, 8, 16], "n_seeds": 2}


@pytest.fixture(scope="module")
def grid(series, tmp_path_factory):
    """A grid of two cells that were really trained: (result, folder)."""
    folder = tmp_path_factory.mktemp("tune") / "grid"
    return do("tune", series=series, out=str(folder), **GRID)[0], folder


def counts(f1):
    """Pixels with this F1."""
    return Confusion(tp=round(1000 * f1), fp=1000 - round(1000 * f1), fn=1000 - round(1000 * f1), tn=5000)


@pytest.fixture
def played(monkeypatch):
    """Trainings that only pretend: their F1 on validation and on test ground run against each other."""
    names = []

    def train_on(grounds, split, params, spec, build, device, folder, name, report, resume):
        report.check()
        names.append(name)
        (folder / f"{name}.weights.h5").touch()
        (folder / "state").mkdir()
        validation = 0.3 + 0.05 * params.seed + (0.2 if (params.filters, params.batch_size) == (16, 8) else 0.0)
        return SimpleNamespace(best_epoch=1, validation_loss=1 - validation, validation=counts(validation), test=[counts(1 - validation)])

    monkeypatch.setattr(tune, "train_on", train_on)
    monkeypatch.setattr(tune, "start_device", lambda params, report: None)
    return names


def test_every_cell_has_a_row_with_what_the_papers_table_tells(grid):
    result, folder = grid
    rows = list(csv.DictReader((folder / "tuning.csv").open()))
    assert [(float(row["learning_rate"]), int(row["filters"]), int(row["batch_size"])) for row in rows] == [
        (1e-3, 8, 8), (1e-4, 8, 8)]
    for row, shown in zip(rows, result.summary["grid"], strict=True):
        assert {"precision", "recall", "test_f1", "val_f1", "val_loss"} <= set(shown)
        assert float(row["val_f1"]) == pytest.approx(shown["val_f1"])
        assert 0 < float(row["val_loss"]) == pytest.approx(shown["val_loss"])
    assert (folder / "blocks.gpkg").exists()


def test_the_figure_shows_the_grid(grid):
    figure = matplotlib.image.imread(grid[0].outputs["figure"])
    assert min(figure.shape[:2]) > 200
    assert len(np.unique(figure.reshape(-1, figure.shape[2]), axis=0)) > 20


def test_the_best_model_can_be_used_and_is_the_only_one_that_is_left(grid):
    result, folder = grid
    (weights,) = folder.rglob("*.weights.h5")
    assert weights.parent == folder / result.outputs["best model"].partition("grid/")[2]
    best = result.summary["best on validation ground"]
    card = read_card(weights)
    assert (card.training["learning_rate"], card.filters) == (best["learning_rate"], best["filters"])
    assert card.metrics["f1"] == best["test_f1"]
    assert not list(folder.rglob("state"))


def test_a_cell_stopped_in_its_middle_goes_on_to_the_same_table(series, grid, tmp_path):
    class StopInSecond(Recorder):
        def cancelled(self):
            told = [event.get("message", "") for event in self.events]
            begun = next((k for k, text in enumerate(told) if "Cell 2" in text), len(told))
            return any(event["event"] == "metric" for event in self.events[begun:])

    values = {"series": series, "out": str(tmp_path / "grid"), **GRID}
    with pytest.raises(Cancelled):
        tune.run(make_job("tune", values).params, StopInSecond())
    (done,) = (tmp_path / "grid.partial" / "cells").glob("*/cell.json")
    stamp = done.stat().st_mtime_ns
    with pytest.raises(OutputError) as refused:
        do("tune", **values)
    assert refused.value.code == "output.unfinished"
    result, _ = do("tune", **values, resume=True)
    assert (tmp_path / "grid" / "cells" / done.parent.name / "cell.json").stat().st_mtime_ns == stamp
    assert result.summary == grid[0].summary


def test_the_choice_is_made_on_validation_ground_whatever_the_test_ground_says(series, played, tmp_path):
    result, _ = do("tune", series=series, out=str(tmp_path / "grid"), **LARGE)
    best = result.summary["best on validation ground"]
    assert (best["filters"], best["batch_size"]) == (16, 8)
    assert best["test_f1"] == min(row["test_f1"] for row in result.summary["grid"])


def test_repetitions_are_averaged_and_tell_their_spread(series, played, tmp_path):
    result, _ = do("tune", series=series, out=str(tmp_path / "grid"), **LARGE)
    assert len(played) == len(set(played)) == 2 * 2 * 3 * 2
    assert len(result.summary["grid"]) == 2 * 2 * 3
    row = result.summary["grid"][0]
    assert row["val_f1"] == pytest.approx((0.30 + 0.35) / 2)
    assert row["val_f1_sd"] == pytest.approx(0.05 / np.sqrt(2), rel=1e-6)
    # The better repetition of the best cell is the one to use.
    (weights,) = (tmp_path / "grid").rglob("*.weights.h5")
    assert weights.name == "lr0.001-f16-b8-s1.weights.h5"


def test_a_cell_of_an_earlier_version_has_no_loss():
    cell = {"learning_rate": 1e-3, "filters": 8, "batch_size": 4, "val_f1": 0.5, "precision": 0.6, "recall": 0.4,
            "test_f1": 0.48, "folder": "cells/a"}
    (old,) = tune._table([cell])
    (new,) = tune._table([{**cell, "val_loss": 0.3}, {**cell, "val_loss": 0.5}])
    assert old["val_loss"] is None and new["val_loss"] == pytest.approx(0.4) and list(old) == list(new)


def test_finished_cells_are_not_trained_again(series, played, tmp_path):
    class StopLater(Recorder):
        def cancelled(self):
            return len(played) >= 5

    values = {"series": series, "out": str(tmp_path / "grid"), **LARGE}
    with pytest.raises(Cancelled, match="kept"):
        tune.run(make_job("tune", values).params, StopLater())
    # Killed between the two steps that end a cell, its state is left over.
    (tmp_path / "grid.partial" / "cells" / played[0] / "state").mkdir()
    result, _ = do("tune", **values, resume=True)
    assert len(played) == len(set(played)) == 24
    assert len(result.summary["grid"]) == 12
    assert not list((tmp_path / "grid").rglob("state"))


def test_a_grid_of_out_of_fold_models_is_refused(series, tmp_path):
    with pytest.raises(UsageError):
        do("tune", series=series, out=str(tmp_path / "grid"), **GRID, folds=3)
