"""Maps landslides on the scenes of one or more dates: probability raster, binary raster, polygons."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.codes import IGNORE
from ..arrays.runs import RunFinder
from ..arrays.windows import cover
from ..contract.card import ModelCard, Scaling
from ..contract.errors import InputError
from ..contract.events import Report, Result
from ..contract.library import find_model
from ..contract.params.predict import PredictParams
from ..geo.grid import Grid
from ..geo.polygonise import write_objects
from ..geo.rasters import no_side_files
from .shared.map_files import classes_of, map_writer
from .shared.mapping import map_probability, unlabelled
from .shared.models import load_predictor
from .shared.objects import check_slopes, dates_from, slopes_of, sources_writer
from .shared.runs import check_output, new_run, safe_name
from .shared.scenes import DatedScenes, check_fit, open_stack, scaled_reader, scene_scaling, series_of
from .shared.series_check import read_dates
from .shared.split import learned_ground


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
        scalings = [beside.submit(_scaling, scenes, grid, card) for scenes in dated]  # while the network starts
        predictor = load_predictor(card, folder, params, report)
        predictor.prepare(*_window_shape(grid, params))
        for scenes, scaling in zip(dated, scalings, strict=True):
            try:
                names = predict_epoch(scenes, scaling.result(), grid, card, predictor, params, series.dem, partial,
                                      report, rows)
            except InputError as error:  # a damaged image; the maps of the other dates must not be lost with it
                failures[scenes.name] = error
                if len(failures) == len(dated):
                    raise
                report.warn(f"{scenes.name} is left out: {error.message} {error.hint}")
                continue
            outputs.update({f"{role}_{scenes.name}": str(Path(params.out) / name) for role, name in names.items()})
    summary: dict[str, Any] = {"predicted landslides": rows}
    if failures:
        summary["left out"] = [{"what": name, "why": f"{error.message} {error.hint}"}
                               for name, error in failures.items()]
    return Result(outputs, summary)


def predict_epoch(
    scenes: DatedScenes, scaling: Scaling, grid: Grid, card: ModelCard, predictor: Any, params: PredictParams,
    dem: str | None, folder: Path, report: Report, rows: list[dict[str, Any]],
) -> dict[str, str]:
    """Writes the results of one epoch; adds a line to `rows` and returns the file names by role."""
    report.stage(f"Predicting {scenes.name}")
    stem = safe_name(scenes.name)
    names = {role: f"{stem}_{role}.{suffix}" for role, suffix in
             (("probability", "tif"), ("binary", "tif"), ("polygons", "gpkg"))}
    threshold = card.threshold if params.threshold is None else params.threshold
    tags = {"model": card.name, "model_sha256": card.sha256, "date": scenes.days_text,
            "threshold": f"{threshold:g}"}
    ground = learned_ground(card)
    learned = None if ground is None else ground.geometry
    finder, observed_px = RunFinder(grid.width), 0
    with (
        open_stack(scenes, grid, card.bands) as stack,
        map_writer(grid, folder / names["probability"], folder / names["binary"], tags) as files,
    ):
        if params.adapt_batch_norm:
            predictor.adapt(unlabelled(scaled_reader(stack, scaling), grid.shape))
        days, sources = scenes.days_of(stack.scenes), folder / f"{stem}_source.tif"
        with sources_writer(sources, grid, stack.scenes, days, tags) as writer:
            read = scaled_reader(stack, scaling, writer.write if writer else None)
            for block in map_probability(read, grid.shape, predictor.predict, report, window_px=params.window_px,
                                         overlap_px=params.overlap_px):
                classes = classes_of(block.values, threshold)
                observed_px += int(np.count_nonzero(classes != IGNORE))
                files.write(block, classes)
                height, width = block.values.shape
                if block.left + width == grid.width:  # these rows are complete
                    for complete in files.probabilities(block.top, block.top + height):
                        finder.feed(complete >= threshold, complete)
        report.stage(f"Outlining {scenes.name}")
        files.publish()
        found = write_objects(
            finder, grid, folder / names["polygons"], min_area_m2=params.min_area_m2, min_pixels=params.min_pixels,
            model_id=card.name, training_ground=learned, smooth=params.smooth,
            **dates_from(sources, days, grid), **slopes_of(params, dem),
        )
        if len(days) > 1:
            names["source"] = sources.name
    rows.append({
        "date": scenes.name, "landslides": found.n, "area [m²]": found.area_m2,
        "observed [km²]": observed_px * grid.pixel_area_m2 / 1e6, "threshold": threshold,
        "removed as too small": found.n_removed,
    })
    return names


def _window_shape(grid: Grid, params: PredictParams) -> tuple[int, int]:
    rows, cols = cover(*grid.shape, params.window_px, params.overlap_px)[0]
    return rows.stop - rows.start, cols.stop - cols.start


def _scaling(scenes: DatedScenes, grid: Grid, card: ModelCard) -> Scaling:
    with open_stack(scenes, grid, card.bands) as stack:
        return scene_scaling(stack, card.scaling)
