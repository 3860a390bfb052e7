"""Outlines of the areas of equal value in an array on a grid."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes

from .grid import Grid


def outlines(values: NDArray[np.integer], grid: Grid, *, without: int, connectivity: int = 4) -> gpd.GeoDataFrame:
    """One polygon or multipolygon a value, along the pixel edges.

    Args:
        values: (H, W) uint8 or int32.
        grid: Where they lie.
        without: The value that stands for nothing.
        connectivity: 4, or 8 to join pixels that touch at a corner.

    Returns:
        Columns `value` and `geometry`, in the order of the values, in the grid's CRS.
    """
    found: dict[int, list[shapely.Geometry]] = {}
    for outline, value in shapes(values, mask=values != without, connectivity=connectivity, transform=grid.transform):
        found.setdefault(int(value), []).append(shapely.geometry.shape(outline))
    order = sorted(found)
    geometry = [shapely.make_valid(shapely.union_all(found[value])) for value in order]
    return gpd.GeoDataFrame({"value": np.array(order, np.int64)}, geometry=geometry, crs=grid.crs)
