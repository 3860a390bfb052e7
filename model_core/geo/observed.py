"""Observed ground as polygons, outlined from masks of pixels window by window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes

from ..arrays.windows import Window, tiles
from .grid import Grid

_READ_PX = 1024
_RASTERS = (".tif", ".tiff", ".vrt", ".img", ".jp2")


def is_raster(source: str) -> bool:
    """Whether a source is named like a raster and not like polygons."""
    return PurePath(source.partition("|")[0]).suffix.lower() in _RASTERS


def observed_ground(grid: Grid, seen: Callable[[Window], NDArray[np.bool_]]) -> gpd.GeoDataFrame:
    """One multipolygon along the edges of the observed pixels; empty where nothing was observed.

    Args:
        grid: Of the pixels.
        seen: Gives (h, w) bool of a window, True where the ground was observed.
    """
    parts = []
    for window in tiles(*grid.shape, _READ_PX):
        here = grid.window(*window)
        mask = seen(window)
        if mask.all():
            parts.append(shapely.box(*here.bounds))
        elif mask.any():
            outlines = shapes(mask.astype(np.uint8), mask, 4, here.transform)
            parts.extend(shapely.geometry.shape(outline) for outline, _ in outlines)
    pieces = shapely.make_valid(np.array(parts, dtype=object))
    joined = shapely.get_parts([shapely.union_all(pieces)])
    polygons = [part for part in joined if part.geom_type == "Polygon"]
    return gpd.GeoDataFrame(geometry=[shapely.MultiPolygon(polygons)], crs=grid.crs)
