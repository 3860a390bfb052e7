"""Where landslides are, as points in metres."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from .areas import area_m2
from .metric import AREA_TOLERANCE, checked, has_metres, short_name
from .vectors import in_crs


def metric_crs(frame: gpd.GeoDataFrame, wanted: str | None = None) -> str:
    """A CRS that measures ground metres where some polygons are; "EPSG:32645" where it has a code.

    Args:
        frame: The polygons, at least one.
        wanted: The CRS to take; default: that of the polygons where it will do, else their UTM zone.

    Raises:
        UsageError: `wanted` is unknown, or measures no metres there.
    """
    def utm() -> str:
        return short_name(frame.estimate_utm_crs())

    if wanted is None:
        return short_name(frame.crs) if measures_ground_metres(frame, frame.crs) else utm()
    return checked(wanted, lambda crs: measures_ground_metres(frame, crs), utm)


def positions(frame: gpd.GeoDataFrame, *, inside: bool) -> NDArray[np.float64]:
    """Centroids (n, 2) as x and y in the polygons' own CRS, or with `inside` points that lie on the polygons."""
    geoms = np.asarray(frame.geometry, dtype=object)
    points = shapely.point_on_surface(geoms) if inside else shapely.centroid(geoms)
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)]).astype(np.float64)


def within(points: NDArray[np.float64], frame: gpd.GeoDataFrame, distance_m: float = 0.0) -> NDArray[np.bool_]:
    """Which points (n, 2) lie on a polygon or at most this far from one; both in the same metric CRS."""
    tree = shapely.STRtree(np.asarray(frame.geometry, dtype=object))
    found = np.zeros(len(points), dtype=bool)
    found[tree.query(shapely.points(points), predicate="dwithin", distance=distance_m)[0]] = True
    return found


def measures_ground_metres(frame: gpd.GeoDataFrame, crs: pyproj.CRS) -> bool:
    """Whether a CRS is true to the ground where some polygons are, at least one."""
    if not has_metres(crs):
        return False
    plane = float(in_crs(frame, crs).geometry.area.sum())
    return abs(plane / float(area_m2(frame.geometry, frame.crs).sum()) - 1) < AREA_TOLERANCE
