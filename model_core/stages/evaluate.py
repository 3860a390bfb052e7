"""Judges a map of landslides against reference landslides, by pixels and by objects."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from ..contract.events import Report, Result
from ..contract.library import find_model
from ..contract.params.evaluate import EvaluateParams
from ..geo.areas import apply_minimum
from ..geo.rasters import no_side_files
from .shared.judging.maps import LandslideMap, PolygonMap, RasterMap, grid_over, outlined
from .shared.judging.objects import judge_objects
from .shared.judging.pixels import PixelResult, judge_pixels
from .shared.judging.reference import Blocks, Reference, read_blocks, read_layer, read_reference
from .shared.judging.tables import write_tables
from .shared.runs import new_run
from .shared.split import SHARED_RIM, learned_ground


def run(params: EvaluateParams, report: Report) -> Result:
    """Writes accuracy.json, accuracy.csv, objects.csv, objects.gpkg and confusion.tif.

    Raises:
        InputError: A layer cannot be read, or map and reference lie apart.
        ModelError: The model's card cannot be read.
        OutputError: The results cannot be written.
    """
    reference = read_reference(params, report)
    blocks = read_blocks(params.blocks, report) if params.blocks else None
    learned = learned_ground(find_model(params.model)[0]) if params.model is not None else None
    objects = None
    if params.polygons:
        objects, small = apply_minimum(read_layer(params.polygons, "mapped landslides", report), params.min_area_m2)
        if len(small):
            report.log(f"{len(small)} mapped landslides below {params.min_area_m2:g} m² are left out.")
    with new_run("evaluate", params) as folder, no_side_files():
        mapped = _map(params, reference, objects, report)
        if objects is None:
            objects = outlined(mapped, folder, params.min_area_m2, report)
        pixels = judge_pixels(
            mapped, objects, reference, folder / "confusion.tif", report, blocks=blocks, learned=learned,
            tile_m=params.tile_m, label_shift_m=params.label_shift_m, seed=params.seed,
        )
        report.stage("Judging objects")
        judged = judge_objects(objects, reference.landslides, pixels)
        doubt = _doubt(reference, pixels, blocks)
        notes = [note for note in (doubt, *_notes(params, reference, pixels)) if note]
        for note in notes:
            report.warn(note)
        names, tables = write_tables("accuracy", folder, reference.name, pixels, judged, notes,
                                     unseen=None if doubt else "" if blocks is None else "test")
        report.progress(1.0)
    return Result({role: str(Path(params.out) / name) for role, name in names.items()}, tables)


def _map(
    params: EvaluateParams, reference: Reference, objects: gpd.GeoDataFrame | None, report: Report
) -> LandslideMap:
    if not params.prediction:
        frames = [reference.searched] if reference.searched is not None else [reference.landslides, objects]
        return PolygonMap(objects, grid_over(frames, params.pixel_size_m))
    mapped = RasterMap(Path(params.prediction), params.threshold)
    if mapped.is_probability:
        report.log(f"Pixels count as landslide from a probability of {mapped.threshold:g}.")
    return mapped


def _doubt(reference: Reference, pixels: PixelResult, blocks: Blocks | None) -> str | None:
    """Why no number may be called accuracy; None where those of the test ground may."""
    if blocks is None and pixels.on_learned is not None and pixels.on_learned <= SHARED_RIM:
        return None  # zero-shot: the model learned elsewhere, and its card says where
    if blocks is None:
        return (f"Neither blocks nor a model that learned elsewhere are given: all numbers are agreement with "
                f"{reference.name}, not accuracy, because the model may have learned from part of this ground.")
    if not (blocks.role == "test").any():
        return "No block is a test block: all numbers are agreement, not accuracy."
    if blocks.leak:
        return ("The blocks are the paper's own split at random: its test ground touches training ground, so the "
                "numbers on it are too good to be called accuracy.")
    if pixels.test_on_learned and pixels.test_on_learned > SHARED_RIM:
        return (f"The model learned from {pixels.test_on_learned:.0%} of the test blocks: they are not those of its "
                "training, and no number is accuracy.")
    return None


def _notes(params: EvaluateParams, reference: Reference, pixels: PixelResult) -> list[str]:
    """What else must be known to read the numbers."""
    notes = []
    if pixels.on_learned and pixels.on_learned > SHARED_RIM:
        notes.append(f"The model learned from {pixels.on_learned:.0%} of the judged ground.")
    if reference.searched is None:
        where = "The whole raster" if params.prediction else "The whole rectangle around both layers"
        notes.append(f"{where} counts as searched, because no searched ground is given: what the reference left "
                     "undrawn for another reason counts as false alarm.")
    if params.polygons and params.threshold is not None:
        notes.append("The threshold acts on the pixels only: objects are those of the given polygons.")
    if not any(ground.counts.tp + ground.counts.fn for ground in pixels.grounds):
        notes.append("The reference has no landslide on the judged ground: recall and F1 mean nothing.")
    return notes
