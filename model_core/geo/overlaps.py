"""Which polygons of two layers share ground, and how much of it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from .areas import area_m2
from .vectors import in_crs


def overlap_pairs(
    left: gpd.GeoDataFrame, right: gpd.GeoDataFrame
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """All pairs of a polygon of one layer and a polygon of another that share area.

    Args:
        left, right: Valid polygons and multipolygons; `right` is reprojected to the CRS of `left`.

    Returns:
        (n,) row positions in `left`, (n,) row positions in `right`, and (n,) the shared ellipsoidal area in m², so
        that it can be set against the polygons' own from `areas.area_m2`. Ordered by the positions.
    """
    ours = np.asarray(left.geometry, dtype=object)
    moved = in_crs(gpd.GeoDataFrame(geometry=right.geometry.to_numpy(), crs=right.crs), left.crs)
    theirs = np.asarray(moved.geometry, dtype=object)
    i, j = shapely.STRtree(theirs).query(ours, predicate="intersects")
    shared = area_m2(shapely.intersection(ours[i], theirs[j]), left.crs)
    j = moved.index.to_numpy(dtype=np.int64)[j]  # without those that have no place in the CRS
    some = np.flatnonzero(shared > 0)  # neighbours that only share an edge share no ground
    some = some[np.lexsort((j[some], i[some]))]
    return i[some], j[some], shared[some]
