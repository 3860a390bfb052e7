"""What an elevation model says of landslides: slope, aspect, crown and toe, height, length and their ratio."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.io import DatasetReader
from rasterio.windows import Window

from ..contract.errors import InputError
from .points import measures_ground_metres
from .rasters import crs_name, open_raster, readable
from .vectors import in_crs

NUMBERS = ("slope_deg", "aspect_deg", "crown_m", "toe_m", "height_m", "length_m", "h_l")
COLUMNS = (*NUMBERS, "review")
# From this many pixels on, the highest and the lowest one are left out: one wrong pixel makes no crown.
_ROBUST_PX = 5
# Resultant length below which slopes face all ways and have no common aspect.
_NO_DIRECTION = 1e-6

Values = NDArray[np.float64]


def check_dem(path: Path) -> None:
    """Refuses an elevation model that cannot be used.

    Raises:
        InputError: It cannot be read, has no coordinate system, several bands, or is turned.
    """
    with _opened(path):
        pass


def terrain_columns(frame: gpd.GeoDataFrame, dem: Path, min_slope_deg: float | None = None) -> pd.DataFrame:
    """Describes the ground under polygons, a row each.

    Slope is Horn's (1981), as `gdaldem slope` computes it, in the pixels of the elevation model. Crown and toe are the
    second highest and second lowest pixel (of fewer than five pixels: the highest and lowest); the length is that of
    the level line between them. So all lengths and heights reach from pixel centre to pixel centre.

    Args:
        frame: The polygons, in any CRS.
        dem: Raster of elevations in metres, in any CRS and resolution, north up.
        min_slope_deg: Below this mean slope a polygon is marked for review; it stays.

    Returns:
        slope_deg: Mean slope.
        aspect_deg: Circular mean of the direction in which the ground falls, clockwise from north.
        crown_m, toe_m: Elevations.
        height_m, length_m, h_l: Fall, level distance and their ratio.
        review: Why to look at the polygon, such as "flat: 3 deg".
        Nothing stands where the elevation model does not cover all of a polygon.

    Raises:
        InputError: The elevation model cannot be used.
    """
    with _opened(dem) as source:
        crs = crs_name(source, dem)
        moved = in_crs(frame[[frame.geometry.name]], crs)
        plane = len(moved) > 0 and measures_ground_metres(moved, pyproj.CRS.from_user_input(crs))
        found = {row: _described(source, dem, shape, plane) for row, shape in moved.geometry.items()}
    rows = [found.get(row) or dict.fromkeys(NUMBERS, math.nan) for row in frame.index]
    columns = pd.DataFrame(rows, columns=list(NUMBERS), index=frame.index, dtype=np.float64)
    flat = columns["slope_deg"] < (-math.inf if min_slope_deg is None else min_slope_deg)
    columns["review"] = pd.Series(
        [f"flat: {slope:.0f} deg" if low else None for slope, low in zip(columns["slope_deg"], flat, strict=True)],
        index=frame.index, dtype=object,
    )
    return columns


def slope_and_aspect(elevation: Values, width_m: float, height_m: float) -> tuple[Values, Values, Values]:
    """Horn's slope in degrees, and where the ground falls to.

    Args:
        elevation: (H, W) metres, rows from north to south, NaN where unknown.
        width_m, height_m: Of a pixel, on the ground.

    Returns:
        (H - 2, W - 2) slope and the east and north parts of the unit vector downhill (0 on level ground) of all
        pixels but the border; NaN beside an unknown pixel.
    """
    z = elevation
    west, east = (z[:-2, i:j] + 2 * z[1:-1, i:j] + z[2:, i:j] for i, j in ((None, -2), (2, None)))
    north, south = (z[i:j, :-2] + 2 * z[i:j, 1:-1] + z[i:j, 2:] for i, j in ((None, -2), (2, None)))
    rise_east, rise_north = (east - west) / (8 * width_m), (north - south) / (8 * height_m)
    steepness = np.hypot(rise_east, rise_north)
    with np.errstate(invalid="ignore", divide="ignore"):
        downhill = [np.where(steepness == 0, 0.0, -rise / steepness) for rise in (rise_east, rise_north)]
    # The centre pixel has no part in Horn's formula, but must be known.
    slope = np.where(np.isnan(z[1:-1, 1:-1]), np.nan, np.degrees(np.arctan(steepness)))
    return slope, downhill[0], downhill[1]


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    with open_raster(path) as source:
        crs_name(source, path)
        if source.count != 1:
            raise InputError("terrain.bands", f"{path} has {source.count} bands; an elevation model has one.",
                             "Choose the raster of elevations, or export its band alone.", path=str(path))
        if source.transform.b or source.transform.d or source.transform.e > 0:
            raise InputError("terrain.turned", f"The elevation model {path} is not north up.",
                             "Warp it in QGIS (Raster > Projections > Warp).", path=str(path))
        yield source


def _described(source: DatasetReader, path: Path, shape: Any, plane: bool) -> dict[str, float] | None:
    """The numbers of one polygon in the CRS of the elevation model; None where that does not cover it."""
    left, bottom, right, top = shape.bounds
    into = ~source.transform
    (first_col, first_row), (last_col, last_row) = into @ (left, top), into @ (right, bottom)
    # A pixel more on each side, because a slope needs its neighbours.
    cols = slice(math.floor(first_col + 1e-6) - 1, math.ceil(last_col - 1e-6) + 1)
    rows = slice(math.floor(first_row + 1e-6) - 1, math.ceil(last_row - 1e-6) + 1)
    if cols.start < -1 or rows.start < -1 or cols.stop > source.width + 1 or rows.stop > source.height + 1:
        return None
    elevation = _elevation(source, path, rows, cols)
    here = source.transform @ Affine.translation(cols.start, rows.start)
    inside = _burnt(shape, elevation.shape, here, all_touched=False)
    if not inside.any():  # smaller than the pixels
        inside = _burnt(shape, elevation.shape, here, all_touched=True)
    if np.isnan(elevation[inside]).any() or not inside.any():
        return None
    width_m, height_m = (source.transform.a, -source.transform.e) if plane else _pixel_m(source, shape)
    return _numbers(elevation, inside, width_m, height_m)


def _elevation(source: DatasetReader, path: Path, rows: slice, cols: slice) -> Values:
    """(h, w) elevations in a window that may reach over the edge; NaN where unknown."""
    elevation = np.full((rows.stop - rows.start, cols.stop - cols.start), np.nan)
    top, bottom = max(rows.start, 0), min(rows.stop, source.height)
    left, right = max(cols.start, 0), min(cols.stop, source.width)
    with readable(path):
        known = source.read(1, window=Window(left, top, right - left, bottom - top), masked=True)
    elevation[top - rows.start : bottom - rows.start, left - cols.start : right - cols.start] = \
        np.ma.filled(known.astype(np.float64), np.nan)
    return elevation


def _numbers(elevation: Values, inside: NDArray[np.bool_], width_m: float, height_m: float) -> dict[str, float]:
    slope, east, north = slope_and_aspect(elevation, width_m, height_m)
    core = inside[1:-1, 1:-1] & ~np.isnan(slope)
    heights = np.sort(elevation[inside])
    skipped = int(len(heights) >= _ROBUST_PX)
    crown, toe = float(heights[-1 - skipped]), float(heights[skipped])
    x, y = (b - a for a, b in zip(_middle(elevation <= toe, inside), _middle(elevation >= crown, inside), strict=True))
    length = math.hypot(x * width_m, y * height_m)
    flat = not core.any()
    return {
        "slope_deg": math.nan if flat else float(slope[core].mean()),
        "aspect_deg": math.nan if flat else _direction(float(east[core].mean()), float(north[core].mean())),
        "crown_m": crown, "toe_m": toe, "height_m": crown - toe, "length_m": length,
        "h_l": (crown - toe) / length if length > 0 else math.nan,
    }


def _middle(where: NDArray[np.bool_], inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean column and row: of all pixels as high, so that ties decide no direction."""
    rows, cols = np.nonzero(where & inside)
    return float(cols.mean()), float(rows.mean())


def _direction(east: float, north: float) -> float:
    if math.hypot(east, north) < _NO_DIRECTION:
        return math.nan
    return math.degrees(math.atan2(east, north)) % 360


def _burnt(shape: Any, size: tuple[int, int], transform: Any, *, all_touched: bool) -> NDArray[np.bool_]:
    return np.asarray(rasterize([shape], size, transform=transform, all_touched=all_touched, dtype=np.uint8), bool)


def _pixel_m(source: DatasetReader, shape: Any) -> tuple[float, float]:
    """Ground width and height of a pixel at a polygon."""
    crs = pyproj.CRS.from_user_input(crs_name(source, Path(source.name)))
    point = shapely.point_on_surface(shape)
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform([point.x, point.x + source.transform.a, point.x],
                                    [point.y, point.y, point.y - source.transform.e])
    geod = pyproj.Geod(ellps="WGS84")
    return geod.line_length(lon[:2], lat[:2]), geod.line_length(lon[::2], lat[::2])
