"""How far the density of mapped landslides differs from that of drawn ones, date by date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from ....arrays.windows import tiles
from ....contract.events import Report, Result
from ....contract.job import make_job
from ....contract.params.layers import MANUAL, PREDICTED
from ....geo.grid import Grid
from ....geo.rasters import RasterWriter, no_side_files, open_raster, read_grid
from ....geo.stamp import stamp
from ..density.changes import Change
from ..density.layers import read_layers
from ..density.maps import BLOCK_PX, DensityMap
from ..density.tables import UNITS
from ..density.tags import change_tags
from ..fingerprints import fingerprint
from ..making import making
from ..runs import safe_name

_MADE_FROM = "made_from"


@dataclass(frozen=True)
class Spread:
    """What a density step was made from and left, by date.

    Attributes:
        sources: Landslides and their observed ground.
        rasters: Of density.
        radius_m: Of the kernel; None without landslides.
    """

    sources: dict[str, tuple[str, str]]
    rasters: dict[str, Path]
    radius_m: float | None

    @classmethod
    def of(cls, seen: Sequence[tuple[str, str, str]], rows: Sequence[dict[str, Any]], found: Result) -> Self:
        """From date, landslides and ground of every date, and what the step says of them."""
        return cls({name: (source, ground) for name, source, ground in seen},
                   {name: Path(found.outputs[f"density_{name}"]) for name, *_ in seen},
                   next((row["radius_m"] for row in rows if row["n"]), None))


def difference_path(folder: Path, name: str) -> Path:
    """Where the difference of a date lies in the folder of densities."""
    return folder / f"difference_{safe_name(name)}.tif"


def write_differences(
    folder: Path, drawn: Spread | None, mapped: Spread | None, area: str | None, report: Report
) -> None:
    """Leaves mapped minus drawn of every date that has both, on the grid of the drawn density.

    Both count on the ground where drawn and mapped landslides would have been found alike: what is mapped on ground
    that nobody searched is no difference to what was drawn beside it. A raster that is still right is kept.

    Args:
        folder: To write into.
        drawn, mapped: The densities; None: there is none, and no difference.
        area: Of interest.
        report: Told the progress.

    Raises:
        InputError: A file cannot be read.
        OutputError: A raster cannot be written.
    """
    names = [name for name in drawn.sources if name in mapped.sources] if drawn and mapped else []
    kept = {difference_path(folder, name) for name in names}
    for old in set(folder.glob("difference_*.tif")) - kept:
        old.unlink()
    if not drawn or not mapped:
        return
    report.stage("Comparing densities")
    for number, name in enumerate(names, start=1):
        sources, grounds = zip(drawn.sources[name], mapped.sources[name], strict=True)
        _write(difference_path(folder, name), name, read_grid(drawn.rasters[name]), {
            "landslides": list(sources), "observed": list(grounds), "names": ["drawn", "mapped"], "area": area,
            "used": [MANUAL, PREDICTED], "radius_m": drawn.radius_m or mapped.radius_m}, report)
        report.progress(number / len(names), name)


def _write(path: Path, name: str, grid: Grid, values: dict[str, Any], report: Report) -> None:
    job = make_job("density", {**values, "crs": grid.crs, "pixel_size_m": grid.pixel_size_m, "out": str(path.parent)})
    made_from = fingerprint(job)
    if path.exists():
        with open_raster(path) as source:
            if source.tags().get(_MADE_FROM) == made_from:
                return
        path.unlink()  # whatever fails below, it is not taken for the one of these densities
    layers, area, _ = read_layers(job.params, Report())  # the densities have told what was left out
    drawn, mapped = (DensityMap(layer, area, grid) for layer in layers)
    if job.params.edge_correction:
        for one in (drawn, mapped):
            one.correct_edges(report)
    change = Change(drawn, mapped, job.params, report)
    unit = UNITS[job.params.weight]
    tags = {**change_tags(change, job.params), "used": f"{PREDICTED} - {MANUAL}", "date": name, _MADE_FROM: made_from}
    with (
        stamp(making("density", job.params)), no_side_files(),
        RasterWriter(path, grid, "float32", np.nan, descriptions=[f"density of landslides, {name}, mapped - drawn"],
                     tags=tags, unit=unit) as writer,
    ):
        for window in tiles(*grid.shape, BLOCK_PX):
            writer.write(change.values(window, drawn.values(window), mapped.values(window)), window.rows.start,
                         window.cols.start)
            report.check()
