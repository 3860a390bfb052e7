"""Tries a grid of learning rates, filters and batch sizes, as the paper's Table 2; chosen on validation ground."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arrays.confusion import Confusion
from ..contract.events import Report, Result
from ..contract.fields import from_dict, to_dict
from ..contract.library import weights_below
from ..contract.params.train import TrainParams, TuneParams
from ..geo.files import write_json_atomic
from ..geo.vectors import write_layers
from ..report.figures import tuning_grid
from .shared.course import STATE
from .shared.ground import Ground, load_grounds
from .shared.models import new_network, start_device
from .shared.runs import check_output, new_run, safe_name
from .shared.scenes import network_bands, series_of
from .shared.series_check import read_dates
from .shared.split import Split, blocks_layer, choose_split
from .shared.training import NetworkSpec, train_on
from .train import quantity_of

CELL = "cell.json"
CELL_KEY = ("learning_rate", "filters", "batch_size")


def run(params: TuneParams, report: Report) -> Result:
    """Trains every cell of the grid on one split; finished cells are kept when it is stopped.

    The best cell is the one with the highest mean F1 on validation ground; its accuracy on test ground is told, but
    chose nothing.

    Raises:
        InputError: Images or labels cannot be used.
        OutputError: The results cannot be written.
        Cancelled: Stopped on request; `--resume` goes on with the cell that was running.
    """
    check_output(params)
    series = series_of(params)
    dated, grid = read_dates(series, params.dates, report, labels=True)
    bands = network_bands(dated, params.model_bands)
    grounds = load_grounds(dated, grid, bands, params.scaling, params.min_area_m2, report)
    split = choose_split(grounds, params, report)
    quantity = quantity_of([ground.scenes for ground in grounds], report)
    cells = list(itertools.product(params.learning_rate, params.filters, params.batch_size, range(params.n_seeds)))
    with new_run("tune", params, resume=params.resume, keep_partial=True) as folder:
        write_layers(folder / "blocks.gpkg", {"blocks": blocks_layer(split, grounds[0])})
        device = start_device(params, report)
        found: list[dict[str, Any]] = []
        for number, (rate, filters, batch, repeat) in enumerate(cells, start=1):
            report.log(f"Cell {number} of {len(cells)}: learning rate {rate:g}, {filters} filters, batches of {batch}"
                       + (f", repetition {repeat + 1}" if params.n_seeds > 1 else ""))
            cell = _cell_params(params, rate, filters, batch, repeat)
            spec = NetworkSpec(bands, quantity, params.scaling, filters, params.up_convolutions)
            found.append(_train_cell(cell, grounds, split, spec, device, folder, params.resume, report))
        rows = _table(found)
        best = max(rows, key=lambda row: -1.0 if row["val_f1"] is None else row["val_f1"])
        _clear(folder, best["folder"])
        _write(folder, rows)
    out = Path(params.out)
    shown = [{key: value for key, value in row.items() if key != "folder"} for row in rows]
    return Result(
        {"table": str(out / "tuning.csv"), "figure": str(out / "tuning.png"), "best model": str(out / best["folder"])},
        {"grid": shown, "best on validation ground": {key: best[key] for key in ("learning_rate", "filters",
                                                                                "batch_size", "val_f1", "test_f1")}},
    )


def _cell_params(params: TuneParams, rate: float, filters: int, batch: int, repeat: int) -> TrainParams:
    values = {key: value for key, value in to_dict(params).items() if key != "n_seeds"}
    return from_dict(TrainParams, {**values, "learning_rate": rate, "filters": filters, "batch_size": batch,
                                   "seed": params.seed + repeat})


def _train_cell(
    cell: TrainParams, grounds: Sequence[Ground], split: Split, spec: NetworkSpec, device: Any, folder: Path,
    resume: bool, report: Report,
) -> dict[str, Any]:
    """A row of the table: trained now, or read from an earlier run."""
    name = safe_name(f"lr{cell.learning_rate:g}-f{cell.filters}-b{cell.batch_size}-s{cell.seed}")
    place = folder / "cells" / name
    if (place / CELL).exists():
        row: dict[str, Any] = json.loads((place / CELL).read_text(encoding="utf-8"))
        return row
    place.mkdir(parents=True, exist_ok=True)

    def build() -> Any:
        return new_network(spec, cell.momentum, cell.seed)

    trained = train_on(grounds, split, cell, spec, build, device, place, name, report, resume)
    test = sum(trained.test, Confusion())
    row = {
        "learning_rate": cell.learning_rate, "filters": cell.filters, "batch_size": cell.batch_size, "seed": cell.seed,
        "epoch": trained.best_epoch, "val_loss": trained.validation_loss, "val_f1": trained.validation.f1,
        "precision": test.precision, "recall": test.recall, "test_f1": test.f1, "folder": f"cells/{name}",
    }
    write_json_atomic(place / CELL, row)
    shutil.rmtree(place / STATE)
    return row


def _table(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a cell: means over the repetitions, with the standard deviation of the validation F1."""
    rows = []
    for key, group in itertools.groupby(found, key=lambda row: [row[name] for name in CELL_KEY]):
        repeats = list(group)
        row = dict(zip(CELL_KEY, key, strict=True))
        for name in ("val_loss", "val_f1", "precision", "recall", "test_f1"):
            # Cells of earlier versions have no loss.
            known = [repeat[name] for repeat in repeats if repeat.get(name) is not None]
            row[name] = statistics.fmean(known) if known else None
            if name == "val_f1":
                row["val_f1_sd"] = statistics.stdev(known) if len(known) > 1 else None
        best = max(repeats, key=lambda repeat: -1.0 if repeat["val_f1"] is None else repeat["val_f1"])
        rows.append({**row, "folder": best["folder"]})
    return rows


def _clear(folder: Path, best: str) -> None:
    """A grid of large networks would fill a disk: only the best cell keeps its weights, and none its state."""
    for weights in weights_below(folder / "cells"):
        if weights.parent != folder / best:
            weights.unlink()
    for state in folder.rglob(STATE):  # of cells that were killed in their last moment
        shutil.rmtree(state)


def _write(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    with (folder / "tuning.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    tuning_grid(rows, "F1 on validation ground", folder / "tuning.png")
