"""Maps one date with a network, block by block: probability raster, binary raster, polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.codes import IGNORE
from ...arrays.runs import RunFinder
from ...contract.card import ModelCard, Scaling
from ...contract.events import Report
from ...contract.params.predict import PredictParams
from ...geo.grid import Grid
from ...geo.polygonise import write_objects
from .map_files import classes_of, map_writer
from .mapping import map_probability, unlabelled
from .objects import dates_from, slopes_of, sources_writer
from .runs import safe_name
from .scenes import DatedScenes, open_stack, scaled_reader, scene_scaling
from .split import learned_ground


def map_epoch(
    scenes: DatedScenes, scaling: Scaling, grid: Grid, card: ModelCard, predictor: Any, params: PredictParams,
    dem: str | None, folder: Path, report: Report, *, prefix: str = "", note: str | None = None,
) -> tuple[dict[str, str], dict[str, Any]]:
    """Writes the maps of one epoch.

    Args:
        scenes: Of the epoch.
        scaling: From `scaling_of`.
        grid: Of the map.
        card: Of the model.
        predictor: Has `predict`, see `network.inference.Predictor`.
        params: How to map.
        dem: Raster of elevations for the polygons.
        folder: To write into.
        report: Told the progress.
        prefix: Before the names of the files.
        note: Stands in the rasters' tags.

    Returns:
        The names of the files by role, and a line for a table.

    Raises:
        InputError: An image cannot be read.
        OutputError: The results cannot be written.
    """
    report.stage(f"Predicting {scenes.name}")
    stem = prefix + safe_name(scenes.name)
    names = {role: f"{stem}_{role}.{suffix}" for role, suffix in
             (("probability", "tif"), ("binary", "tif"), ("polygons", "gpkg"))}
    threshold = card.threshold if params.threshold is None else params.threshold
    tags = {"model": card.name, "model_sha256": card.sha256, "date": scenes.days_text,
            "threshold": f"{threshold:g}", **({"note": note} if note else {})}
    ground = learned_ground(card)
    learned = None if ground is None else ground.geometry
    finder, observed_px = RunFinder(grid.width), 0
    with (
        open_stack(scenes, grid, card.bands, card.may_lack) as stack,
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
    return names, {
        "date": scenes.name, "landslides": found.n, "area [m²]": found.area_m2,
        "observed [km²]": observed_px * grid.pixel_area_m2 / 1e6, "threshold": threshold,
        "removed as too small": found.n_removed,
    }


def scaling_of(scenes: DatedScenes, grid: Grid, card: ModelCard) -> Scaling:
    """How the values of one epoch become network input."""
    with open_stack(scenes, grid, card.bands, card.may_lack) as stack:
        return scene_scaling(stack, card.scaling)
