"""Polygons burned onto a grid: a pixel belongs to the polygon that holds its centre, holes stay open."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from ..arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from .areas import apply_minimum
from .grid import Grid
from .vectors import PolygonLayer, in_crs


def burn_labels(
    grid: Grid,
    landslides: PolygonLayer | None,
    searched: PolygonLayer | None = None,
    ignore: PolygonLayer | None = None,
    min_area_m2: float = 0.0,
) -> NDArray[np.uint8]:
    """What is known about each pixel.

    Args:
        grid: Where to burn; the polygons are reprojected to it.
        landslides: The landslides. None with `searched` given: searched, and none found.
        searched: Ground that was searched completely; None: the whole grid, if landslides are given.
        ignore: Doubtful ground; it overrules the landslides.
        min_area_m2: Landslides below it (ellipsoidal) are neither landslide nor background.

    Returns:
        (H, W) label codes of arrays/codes.py. Everything outside the searched ground is IGNORE, landslides too:
        positives alone would bias every metric there.
    """
    if landslides is None and searched is None:
        return np.full(grid.shape, IGNORE, dtype=np.uint8)
    labels = np.full(grid.shape, BACKGROUND, dtype=np.uint8)
    if landslides is not None:
        large, small = apply_minimum(landslides.frame, min_area_m2)
        labels[_covered(grid, small)] = IGNORE
        labels[_covered(grid, large)] = LANDSLIDE
    if ignore is not None:
        labels[_covered(grid, ignore.frame)] = IGNORE
    if searched is not None:
        labels[~_covered(grid, searched.frame)] = IGNORE
    return labels


def burn_ids(grid: Grid, frame: gpd.GeoDataFrame) -> NDArray[np.int32]:
    """Which polygon lies on each pixel: (H, W) with 0 for none and i + 1 for row i of `frame`.

    Where polygons overlap, the later row wins. A polygon without a pixel centre in it does not show.
    """
    numbered = frame[[frame.geometry.name]].assign(id_=np.arange(1, len(frame) + 1))
    moved = in_crs(numbered, grid.crs)
    near = moved[shapely.intersects(np.asarray(moved.geometry), shapely.box(*grid.bounds))]
    if near.empty:
        return np.zeros(grid.shape, dtype=np.int32)
    burned: NDArray[np.int32] = rasterize(
        zip(near.geometry, near["id_"].tolist(), strict=True),
        out_shape=grid.shape,
        transform=grid.transform,
        fill=0,
        dtype="int32",
    )
    return burned


def _covered(grid: Grid, frame: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    return burn_ids(grid, frame) > 0
