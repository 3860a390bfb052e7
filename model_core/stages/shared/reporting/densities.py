"""Density of landslides by date: as drawn, as mapped, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....contract.events import Report
from ....contract.jsonfile import read_json
from ....geo.grid import Grid
from ....geo.rasters import read_grid, read_window
from ....report.density_maps import DensityColumn, density_sheet
from ....report.pieces import Picture
from ..studying.differences import difference_path
from .images import coarse, extent_m, rings
from .sources import KINDS, Sources

_LONGEST_PX = 300
_STRIPE_ROWS = 512
_UNIT = "landslides/km²"
_ROWS = ("drawn", "mapped", "difference")


@dataclass(frozen=True)
class _Step:
    """What one density step left.

    Attributes:
        rasters: By date.
        rows: By date, of its table: n, peak, radius_m.
    """

    rasters: dict[str, Path]
    rows: dict[str, dict[str, Any]]


def densities(sources: Sources, report: Report) -> Picture | None:
    """A column a date: drawn, mapped and their difference, or the one of them that there is; None without any."""
    study, kind = sources.study, sources.study.best_map()
    drawn, mapped = _step(sources, "density/drawn"), _step(sources, f"density/{kind}")
    both = [name for name in drawn.rasters if name in mapped.rasters]
    steps = [drawn, mapped] if both else [drawn if drawn.rasters else mapped]
    names = both or list(steps[0].rasters)
    if not names:
        return None
    whole = [read_grid(step.rasters[names[0]]) for step in steps]
    if len({grid.crs for grid in whole}) > 1:
        report.warn("The report has no maps of density: the drawn and the mapped one lie in different coordinate "
                    "systems.")
        return None
    grid = coarse(whole[0], _LONGEST_PX)[0]
    differences = {name: path for name in names if (path := difference_path(study.folder / "density", name)).exists()}
    columns = [_column(name, steps, differences.get(name), grid) for name in names]
    row_names = _ROWS if both else _ROWS[:1] if drawn.rasters else _ROWS[1:2]
    radius = _radius([step.rows[name]["radius_m"] for step in steps for name in names])
    png = density_sheet(columns, row_names, extent_m(grid), rings(sources.area, grid), _UNIT,
                        f"n: landslides on the ground shown; peak in {_UNIT}; {radius}", study.series.remark)
    caption = _caption(steps, names, row_names, kind, radius)
    if both and differences:
        caption += " The difference counts only landslides on ground where drawn and mapped ones would have been found."
    if len(set(whole)) > 1:
        caption += " The two densities were computed on different pixels; the difference stands where both are known."
    return Picture("Density of landslides", caption, png)


def sampled(path: Path, grid: Grid) -> np.ndarray:
    """The raster's values at the centres of a grid's pixels, in the same CRS and both north up.

    Returns:
        (H, W) float32; NaN where the raster has no value.
    """
    own = read_grid(path)
    x, y = (np.arange(n) + 0.5 for n in (grid.width, grid.height))
    x, y = grid.transform.a * x + grid.transform.c, grid.transform.e * y + grid.transform.f
    cols = np.floor((x - own.transform.c) / own.transform.a).astype(int)
    rows = np.floor((y - own.transform.f) / own.transform.e).astype(int)
    out = np.full(grid.shape, np.nan, np.float32)
    here = (cols >= 0) & (cols < own.width)
    for top in range(0, own.height, _STRIPE_ROWS):
        inside = np.flatnonzero((rows >= top) & (rows < min(top + _STRIPE_ROWS, own.height)))
        if inside.size and here.any():
            stripe = read_window(path, slice(top, min(top + _STRIPE_ROWS, own.height)), slice(0, own.width))
            out[np.ix_(inside, here)] = stripe[np.ix_(rows[inside] - top, cols[here])]
    return out


def _step(sources: Sources, name: str) -> _Step:
    found = sources.study.step(name)
    if found is None:
        return _Step({}, {})
    rows = {row["layer"]: row for row in read_json(Path(found.outputs["summary"]))["densities"]}
    return _Step({epoch.name: Path(found.outputs[f"density_{epoch.name}"]) for epoch in sources.study.series.epochs
                  if f"density_{epoch.name}" in found.outputs}, rows)


def _column(name: str, steps: Sequence[_Step], difference: Path | None, grid: Grid) -> DensityColumn:
    fields = [sampled(step.rasters[name], grid) for step in steps]
    texts = [_text(step.rows[name]) for step in steps]
    if len(fields) == 2:
        # Studies of earlier versions have left none.
        fields.append(sampled(difference, grid) if difference else fields[1] - fields[0])
        texts.append([])
    return DensityColumn(name, fields, texts)


def _text(row: dict[str, Any]) -> list[str]:
    return [f"n = {row['n']}"] + ([] if row["peak"] is None else [f"peak {row['peak']:.1f}"])


def _radius(radii_m: Sequence[float | None]) -> str:
    """In words: densities compare only where they were computed with the same radius."""
    known = sorted({round(radius) for radius in radii_m if radius is not None})
    if not known:
        return "no landslide, no radius"
    return f"r = {known[0]} m" if len(known) == 1 else f"r = {known[0]} to {known[-1]} m: compare with care"


def _caption(steps: Sequence[_Step], names: Sequence[str], row_names: Sequence[str], kind: str, radius: str) -> str:
    numbers = "; ".join(
        f"{row}: " + ", ".join(f"{name} {step.rows[name]['n']}" for name in names)
        for row, step in zip(row_names, steps, strict=False))
    text = [f"Landslides per km² around each point, from the landslides' centres with a quartic kernel ({radius})."]
    if len(steps) == 2:
        text.append("From above: drawn by hand, mapped, and mapped minus drawn (orange: more on the map, purple: "
                    "fewer). Drawn and mapped share one scale of colours; where it ends in a point, there "
                    "are values beyond.")
    if "mapped" in row_names:
        text.append(KINDS[kind])
    text.append(f"Number of landslides n: {numbers}. Grey ground was not observed; the black line is the area of "
                "interest. North is up.")
    return " ".join(text)
