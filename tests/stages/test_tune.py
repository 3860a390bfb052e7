import csv
import json

import pytest

from model_core.contract.errors import Cancelled
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.stages import tune

from .conftest import QUICK, do

GRID = {**QUICK, "training_epochs": 1, "filters": [8], "batch_size": [4, 8], "learning_rate": [1e-3, 1e-4]}


@pytest.fixture(scope="module")
def grid(series, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune") / "grid"
    return do("tune", series=series, out=str(folder), **GRID)[0], folder


def test_every_cell_has_a_row_and_the_figure_is_drawn(grid):
    _, folder = grid
    rows = list(csv.DictReader((folder / "tuning.csv").open()))
    assert [(float(r["learning_rate"]), int(r["batch_size"])) for r in rows] == [(1e-3, 4), (1e-3, 8), (1e-4, 4), (1e-4, 8)]
    assert (folder / "tuning.png").stat().st_size > 10_000


def test_the_best_cell_is_chosen_on_validation_ground(grid):
    result, _ = grid
    rows = result.summary["grid"]
    best = result.summary["best on validation ground"]
    assert best["val_f1"] == max(row["val_f1"] for row in rows)


def test_only_the_best_cell_keeps_its_weights(grid):
    result, folder = grid
    kept = list(folder.rglob("*.weights.h5"))
    assert len(kept) == 1
    assert str(kept[0].parent).endswith(result.outputs["best model"].split("cells/")[1])
    assert not list(folder.rglob("state"))


def test_a_stopped_grid_goes_on_without_training_finished_cells_again(series, tmp_path, grid):
    class StopInThird(Recorder):
        def cancelled(self):
            return sum("Cell 3" in event.get("message", "") for event in self.events) > 0

    values = {"series": series, "out": str(tmp_path / "grid"), **GRID}
    with pytest.raises(Cancelled):
        tune.run(make_job("tune", values).params, StopInThird())
    done = sorted((tmp_path / "grid.partial" / "cells").glob("*/cell.json"))
    assert len(done) == 2
    stamps = {path.parent.name: path.stat().st_mtime_ns for path in done}
    result, _ = do("tune", **values, resume=True)
    again = {name: (tmp_path / "grid" / "cells" / name / "cell.json").stat().st_mtime_ns for name in stamps}
    assert again == stamps
    expected = json.loads(json.dumps(grid[0].summary["grid"]))
    assert json.loads(json.dumps(result.summary["grid"])) == expected
