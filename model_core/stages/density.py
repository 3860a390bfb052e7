"""Maps the density of landslides at one or more dates on one grid, and how it changes from date to date."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from ..arrays.density import FieldSummary
from ..arrays.windows import Window, tiles
from ..contract.events import Report, Result
from ..contract.params.density import DensityParams
from ..contract.params.layers import NOT_STATED
from ..geo.files import check_space, write_csv_atomic, write_json_atomic
from ..geo.grid import Grid
from ..geo.rasters import RasterWriter, no_side_files
from ..geo.remarks import remark_of_run
from ..geo.vectors import write_layers
from ..report.density import density_map
from .shared.density.changes import Change
from .shared.density.layers import choose_grid, read_layers
from .shared.density.maps import BLOCK_PX, DensityMap
from .shared.density.tables import UNITS, change_row, density_row, findings
from .shared.density.tags import change_tags, tags_of
from .shared.runs import new_run, safe_name

_FIGURE_PX = 1000  # figures show a raster at about this size
_BYTES = 4


def run(params: DensityParams, report: Report) -> Result:
    """Writes a density raster and a figure a date, change rasters between dates, the peaks and the table.

    Raises:
        InputError: A layer cannot be read, or there is neither a landslide nor an area.
        UsageError: Options that do not fit each other or the data.
        OutputError: The results cannot be written.
    """
    report.stage("Reading landslides")
    layers, area, crs = read_layers(params, report)
    grid = choose_grid(layers, area, crs, params.pixel_size_m)
    maps = [DensityMap(layer, area, grid) for layer in layers]
    # Each raster once plain and once as a GeoTIFF.
    check_space(Path(params.out), 2 * _BYTES * grid.width * grid.height * (2 * len(maps) - 1))
    if params.edge_correction:
        report.stage("Correcting edges")
        for number, one in enumerate(maps, start=1):
            one.correct_edges(report)
            report.progress(number / len(maps), one.layer.name)
    changes = [Change(a, b, params, report) for a, b in pairwise(maps)]
    with new_run("density", params) as folder, no_side_files():
        report.stage("Mapping density")
        peaks, pictures = _write_rasters(maps, changes, grid, params, folder, report)
        rows = [density_row(one, field, params, report) for one, field in zip(maps, peaks, strict=True)]
        change_rows = [change_row(change) for change in changes]
        notes = list(findings(maps, rows, changes, params))
        for note in notes:
            report.warn(note)
        write_json_atomic(folder / "density.json", {
            "unit": UNITS[params.weight], "crs": grid.crs, "pixel_size_m": grid.pixel_size_m, "notes": notes,
            "densities": rows, "changes": change_rows})
        write_csv_atomic(folder / "density.csv", rows)
        write_layers(folder / "density_peaks.gpkg", {"density_peaks": _peaks(rows, grid)})
        _draw(maps, rows, pictures, area, params, folder)
    out = Path(params.out)
    names = {f"density_{one.layer.name}": f"{_stem(one)}.tif" for one in maps}
    names |= {f"change_{a.layer.name}_{b.layer.name}": f"{_change_stem(a, b)}.tif" for a, b in pairwise(maps)}
    names |= {f"figure_{one.layer.name}": f"{_stem(one)}.png" for one in maps}
    names |= {"peaks": "density_peaks.gpkg", "table": "density.csv", "summary": "density.json"}
    shown = {f"density, {UNITS[params.weight]}": [_shown(row) for row in rows]}
    if change_rows:
        shown["change of density"] = change_rows
    return Result({role: str(out / name) for role, name in names.items()}, shown)


def _write_rasters(
    maps: Sequence[DensityMap], changes: Sequence[Change], grid: Grid, params: DensityParams, folder: Path,
    report: Report,
) -> tuple[list[FieldSummary], list[np.ndarray]]:
    """Writes all rasters block by block; returns what they hold, and smaller pictures of the densities."""
    fields = [FieldSummary() for _ in maps]
    step = -(-max(grid.shape) // _FIGURE_PX)
    pictures = [np.full((-(-grid.height // step), -(-grid.width // step)), np.nan, np.float32) for _ in maps]
    with ExitStack() as files:
        writers = [files.enter_context(RasterWriter(
            folder / f"{_stem(one)}.tif", grid, "float32", np.nan,
            descriptions=[f"density of landslides, {one.layer.name}"], tags=tags_of(one, params),
            unit=UNITS[params.weight])) for one in maps]
        change_writers = [files.enter_context(RasterWriter(
            folder / f"{_change_stem(one.earlier, one.later)}.tif", grid, "float32", np.nan,
            descriptions=[f"change of density, {one.later.layer.name} - {one.earlier.layer.name}"],
            tags=change_tags(one, params), unit=UNITS[params.weight])) for one in changes]
        windows = tiles(*grid.shape, BLOCK_PX)
        for number, window in enumerate(windows, start=1):
            before: np.ndarray | None = None
            for i, one in enumerate(maps):
                values = one.values(window)
                fields[i].add(values, window)
                writers[i].write(values, window.rows.start, window.cols.start)
                _thin_out(values, window, step, pictures[i])
                if before is not None:
                    change = changes[i - 1].values(window, before, values)
                    change_writers[i - 1].write(change, window.rows.start, window.cols.start)
                before = values
                report.check()
            report.progress(number / len(windows))
    return fields, pictures


def _thin_out(values: np.ndarray, window: Window, step: int, picture: np.ndarray) -> None:
    """Puts every `step`th pixel of the raster into the picture."""
    top, left = (-side.start % step for side in window)
    some = values[top::step, left::step]
    row, col = (window.rows.start + top) // step, (window.cols.start + left) // step
    picture[row:row + some.shape[0], col:col + some.shape[1]] = some


def _peaks(rows: Sequence[dict[str, Any]], grid: Grid) -> gpd.GeoDataFrame:
    found = [row for row in rows if row["peak_x"] is not None]
    points = shapely.points([(row["peak_x"], row["peak_y"]) for row in found]) if found else []
    columns = ("layer", "used", "peak", "unit", "n", "n_around", "few", "radius_m", "peak_observed")
    return gpd.GeoDataFrame([[row[name] for name in columns] for row in found], columns=list(columns),
                            geometry=points, crs=grid.crs)


def _draw(
    maps: Sequence[DensityMap], rows: Sequence[dict[str, Any]], pictures: Sequence[np.ndarray],
    area: gpd.GeoDataFrame | None, params: DensityParams, folder: Path,
) -> None:
    highest = max(row["peak"] or 0.0 for row in rows)
    for one, row, picture in zip(maps, rows, pictures, strict=True):
        left, bottom, right, top = one.grid.bounds
        radius = "no radius" if row["radius_m"] is None else f"r = {row['radius_m']:.0f} m"
        around = f" + {row['n_around']} around" if row["n_around"] else ""
        peak = row["peak"] or 0.0
        shown = f"{peak:,.0f}" if peak >= 100 else f"{peak:.2f}"
        used = "" if row["used"] == NOT_STATED else f"{row['used']}, "
        ground = one.layer.observed if area is None else area
        density_map(
            picture, (left, right, bottom, top), folder / f"{_stem(one)}.png", title=f"Landslides {row['layer']}",
            unit=UNITS[params.weight], legend=[f"{used}n = {row['n']}{around}, {radius}",
                                               f"peak: {shown} {row['unit']}"],
            highest=highest, points_m=one.layer.points, outlines_m=[] if ground is None else _rings(ground),
            peak_m=None if row["peak_x"] is None else (row["peak_x"], row["peak_y"]), remark=remark_of_run(),
        )


def _rings(frame: gpd.GeoDataFrame) -> list[np.ndarray]:
    parts = shapely.get_parts(np.asarray(frame.geometry, dtype=object))  # get_rings knows no multipolygon
    return [shapely.get_coordinates(ring) for ring in shapely.get_rings(parts)]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of a row that fit on a screen."""
    names = {"layer": "layer", "used": "used", "n": "n", "n_around": "around", "radius_m": "radius [m]", "peak": "peak",
             "mean": "mean", "ground_km2": "ground [km²]", "sums_to": "sums to"}
    return {shown: row[name] for name, shown in names.items()}


def _stem(one: DensityMap) -> str:
    return f"density_{safe_name(one.layer.name)}"


def _change_stem(a: DensityMap, b: DensityMap) -> str:
    return f"change_{safe_name(a.layer.name)}_{safe_name(b.layer.name)}"
