"""Compares two polygon layers of the same ground: how far they agree, not which of them is right."""

from __future__ import annotations

from pathlib import Path

from ..contract.events import Report, Result
from ..contract.params.compare import CompareParams
from ..geo.areas import apply_minimum
from ..geo.rasters import no_side_files
from .shared.judging.maps import PolygonMap, grid_over
from .shared.judging.objects import judge_objects
from .shared.judging.pixels import judge_pixels
from .shared.judging.reference import read_layer, read_reference
from .shared.judging.tables import write_tables
from .shared.runs import new_run


def run(params: CompareParams, report: Report) -> Result:
    """Writes agreement.json, agreement.csv, objects.csv, objects.gpkg and confusion.tif.

    Raises:
        InputError: A layer cannot be read, or the layers lie apart.
        OutputError: The results cannot be written.
    """
    reference = read_reference(params, report)
    polygons, small = apply_minimum(read_layer(params.polygons, "landslides", report), params.min_area_m2)
    if len(small):
        report.log(f"{len(small)} compared landslides below {params.min_area_m2:g} m² are left out.")
    notes = []
    if reference.searched is None:
        notes.append("The whole rectangle around both layers counts as searched by both, because no searched ground "
                     "is given: ground that one of them never looked at counts as disagreement.")
        report.warn(notes[0])
    frames = [polygons, reference.landslides] if reference.searched is None else [reference.searched]
    with new_run("compare", params) as folder, no_side_files():
        pixels = judge_pixels(
            PolygonMap(polygons, grid_over(frames, params.pixel_size_m)), polygons, reference,
            folder / "confusion.tif", report, tile_m=params.tile_m, label_shift_m=params.label_shift_m,
            seed=params.seed,
        )
        report.stage("Comparing objects")
        judged = judge_objects(polygons, reference.landslides, pixels)
        names, tables = write_tables("agreement", folder, reference.name, pixels, judged, notes,
                                     unseen=None)
        report.progress(1.0)
    return Result({role: str(Path(params.out) / name) for role, name in names.items()}, tables)
