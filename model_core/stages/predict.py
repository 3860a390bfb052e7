"""Maps landslides on the scenes of one or more dates: probability raster, binary raster, polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely.geometry import shape

from ..contract.card import ModelCard
from ..contract.events import Report, Result
from ..contract.library import find_model
from ..contract.params.predict import PredictParams
from ..geo.grid import Grid
from ..geo.polygonise import polygonise
from ..geo.rasters import limited_cache
from .shared.map_files import classes_of, write_maps
from .shared.mapping import Reader, map_probability
from .shared.models import load_predictor
from .shared.runs import new_run, safe_name
from .shared.scenes import (
    DatedScenes,
    check_fit,
    describe_series,
    open_stack,
    scaled_reader,
    scene_scaling,
    series_of,
    study_grid,
)


def run(params: PredictParams, report: Report) -> Result:
    """Predicts every epoch of the input with one model.

    Raises:
        ModelError: The model cannot be used or does not fit the scenes.
        InputError: A scene cannot be used.
        OutputError: The results cannot be written.
    """
    card, folder = find_model(params.model)
    series = series_of(params)
    dated = describe_series(series, report)
    grid = study_grid(dated, series)
    check_fit(card, dated, grid, report)

    predictor = load_predictor(card, folder, params, report)
    outputs: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    with new_run("predict", params) as partial, limited_cache():
        for scenes in dated:
            names = predict_epoch(scenes, grid, card, predictor, params, partial, report, rows)
            outputs.update({f"{role}_{scenes.name}": str(Path(params.out) / name) for role, name in names.items()})
    return Result(outputs, {"predicted landslides": rows})


def predict_epoch(
    scenes: DatedScenes, grid: Grid, card: ModelCard, predictor: Any, params: PredictParams, folder: Path,
    report: Report, rows: list[dict[str, Any]],
) -> dict[str, str]:
    """Writes the three results of one epoch; adds a line to `rows` and returns the file names by role."""
    report.stage(f"Predicting {scenes.name}")
    stem = safe_name(scenes.name)
    names = {role: f"{stem}_{role}.{suffix}" for role, suffix in
             (("probability", "tif"), ("binary", "tif"), ("polygons", "gpkg"))}
    threshold = card.threshold if params.threshold is None else params.threshold
    tags = {"model": card.name, "date": str(scenes.date or ""), "threshold": f"{threshold:g}"}
    with open_stack(scenes, grid, card.bands) as stack:
        read = scaled_reader(stack, scene_scaling(stack, card.scaling))
        if params.adapt_batch_norm:
            predictor.adapt(_unlabelled(read, grid.shape))
        strips = map_probability(read, grid.shape, predictor.predict, report, window_px=params.window_px,
                                 overlap_px=params.overlap_px)
        classified = ((strip, classes_of(strip.values, threshold)) for strip in strips)
        observed = write_maps(classified, grid, folder / names["probability"], folder / names["binary"], tags)
    report.stage(f"Outlining {scenes.name}")
    found = polygonise(
        folder / names["binary"], folder / names["probability"], folder / names["polygons"],
        min_area_m2=params.min_area_m2, min_pixels=params.min_pixels, date=scenes.date, model_id=card.name,
        training_ground=training_ground(card), smooth=params.smooth,
    )
    rows.append({
        "date": scenes.name, "landslides": found.n, "area [m²]": found.area_m2,
        "observed [km²]": observed * grid.pixel_area_m2 / 1e6, "threshold": threshold,
        "removed as too small": found.n_removed,
    })
    return names


def training_ground(card: ModelCard) -> gpd.GeoSeries | None:
    """The ground whose labels the model has seen."""
    if card.training_ground is None:
        return None
    return gpd.GeoSeries([shape(card.training_ground)], crs="EPSG:4326")


def _unlabelled(read: Reader, shape_px: tuple[int, int]) -> Any:
    """Windows of the scene to take the network's statistics from, with few unobserved pixels."""
    from ..arrays.windows import patch_windows

    windows = patch_windows(*shape_px, 256, 256)
    for window in windows[:: max(1, len(windows) // 64)]:
        rows = slice(window.rows.start, min(window.rows.stop, shape_px[0]))
        cols = slice(window.cols.start, min(window.cols.stop, shape_px[1]))
        pixels, valid = read(rows, cols)
        if valid.mean() > 0.5:
            yield pixels[: pixels.shape[0] // 16 * 16, : pixels.shape[1] // 16 * 16]
