"""Maps landslides on the scenes of one or more dates: probability raster, binary raster, polygons."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..arrays.windows import cover
from ..contract.errors import InputError
from ..contract.events import Report, Result
from ..contract.library import find_model
from ..contract.params.predict import PredictParams
from ..geo.grid import Grid
from ..geo.rasters import no_side_files
from .shared.epoch_maps import map_epoch, scaling_of
from .shared.models import load_predictor
from .shared.objects import check_slopes
from .shared.runs import check_output, new_run
from .shared.scenes import check_fit, series_of
from .shared.series_check import read_dates


def run(params: PredictParams, report: Report) -> Result:
    """Predicts every epoch of the input with one model; one whose images are damaged is told and left out.

    Raises:
        ModelError: The model cannot be used or does not fit the scenes.
        InputError: A scene cannot be used.
        OutputError: The results cannot be written.
    """
    check_output(params)
    card, folder = find_model(params.model)
    series = series_of(params)
    check_slopes(params, series.dem)
    dated, grid = read_dates(series, params.dates, report)
    check_fit(card, dated, grid, report)

    outputs: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    failures: dict[str, InputError] = {}
    with new_run("predict", params) as partial, no_side_files(), ThreadPoolExecutor(1) as beside:
        scalings = [beside.submit(scaling_of, scenes, grid, card) for scenes in dated]  # while the network starts
        predictor = load_predictor(card, folder, params, report)
        predictor.prepare(*_window_shape(grid, params))
        for scenes, scaling in zip(dated, scalings, strict=True):
            try:
                names, row = map_epoch(scenes, scaling.result(), grid, card, predictor, params, series.dem, partial,
                                       report)
            except InputError as error:  # a damaged image; the maps of the other dates must not be lost with it
                failures[scenes.name] = error
                if len(failures) == len(dated):
                    raise
                report.warn(f"{scenes.name} is left out: {error.message} {error.hint}")
                continue
            rows.append(row)
            outputs.update({f"{role}_{scenes.name}": str(Path(params.out) / name) for role, name in names.items()})
    summary: dict[str, Any] = {"predicted landslides": rows}
    if failures:
        summary["left out"] = [{"what": name, "why": f"{error.message} {error.hint}"}
                               for name, error in failures.items()]
    return Result(outputs, summary)


def _window_shape(grid: Grid, params: PredictParams) -> tuple[int, int]:
    rows, cols = cover(*grid.shape, params.window_px, params.overlap_px)[0]
    return rows.stop - rows.start, cols.stop - cols.start
