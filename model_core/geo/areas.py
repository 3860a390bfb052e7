"""Areas and lengths on the ellipsoid: the same m² and m whatever the coordinate reference system of the polygons."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

# The sides of a polygon are straight in its own CRS, those of a geodesic polygon are not: a side of 20 km along a
# parallel bulges by 7 m at 43° north. Vertices at this spacing make the difference vanish (below 1e-8 of the area).
SPACING_M = 1000.0

# A square of 5 m on a UTM map covers 0.08 % more or less on the ground; without this allowance an object of exactly
# 8 such pixels would fall below 200 m².
BOUND_TOLERANCE = 1e-3

_AT_A_TIME = 1000  # polygons; their vertices are copied several times while they are measured


def area_m2(geometries: Any, crs: Any) -> NDArray[np.float64]:
    """Ellipsoidal area of each polygon.

    Args:
        geometries: (n,) Polygon and MultiPolygon: array, GeoSeries or list.
        crs: Their CRS, as pyproj reads it.

    Returns:
        (n,) in m²; holes are subtracted, empty and missing geometries are 0.
    """
    return measure(geometries, crs)[0]


def perimeter_m(geometries: Any, crs: Any) -> NDArray[np.float64]:
    """Ellipsoidal length (n,) in m of each polygon's outline, the outlines of its holes included."""
    return measure(geometries, crs)[1]


def measure(geometries: Any, crs: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both numbers at the cost of one: (area_m2, perimeter_m); see the functions of these names.

    Geodesic polygon area after Karney 2013 (J. Geodesy 87:43), by pyproj, on the ellipsoid of `crs` itself, so that
    no datum shift and no grid file has a say in it.
    """
    geoms = np.asarray(geometries, dtype=object)
    crs = pyproj.CRS.from_user_input(crs)
    pieces = [_measure(geoms[k : k + _AT_A_TIME], crs) for k in range(0, max(len(geoms), 1), _AT_A_TIME)]
    area, perimeter = zip(*pieces, strict=True)
    return np.concatenate(area), np.concatenate(perimeter)


def _measure(geoms: NDArray[Any], crs: pyproj.CRS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts, part_geom = shapely.get_parts(densify(geoms, crs), return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, xy_ring = shapely.get_coordinates(rings, return_index=True)
    lon, lat = _to_degrees(crs).transform(xy[:, 0], xy[:, 1])
    geod = _geod(crs)
    starts = np.searchsorted(xy_ring, np.arange(len(rings) + 1))
    measured = [geod.polygon_area_perimeter(lon[a:b], lat[a:b]) for a, b in pairwise(starts)]
    areas, lengths = np.abs(np.array(measured, dtype=float).reshape(-1, 2)).T
    is_hole = np.diff(ring_part, prepend=-1) == 0  # the first ring of a part is its outer one
    ring_geom = part_geom[ring_part]
    return (
        np.bincount(ring_geom, np.where(is_hole, -areas, areas), minlength=len(geoms)).astype(np.float64),
        np.bincount(ring_geom, lengths, minlength=len(geoms)).astype(np.float64),
    )


def apply_minimum(frame: gpd.GeoDataFrame, min_area_m2: float) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Splits polygons at a minimum area, by the same measure as mapped objects: (kept, smaller ones).

    Hand-drawn and mapped landslides are comparable only when both went through the same bound.
    """
    large = reaches(area_m2(frame.geometry, frame.crs), min_area_m2)
    return frame[large], frame[~large]


def reaches(areas_m2: NDArray[np.float64], min_area_m2: float) -> NDArray[np.bool_]:
    """Which areas reach a minimum, with `BOUND_TOLERANCE` for the scale of the map projection."""
    enough: NDArray[np.bool_] = areas_m2 >= min_area_m2 * (1 - BOUND_TOLERANCE)
    return enough


def densify(geometries: Any, crs: pyproj.CRS) -> Any:
    """The same outlines with vertices at least every `SPACING_M`, so that a change of CRS keeps straight sides."""
    unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0  # metres or radians in one CRS unit
    spacing = SPACING_M / unit
    if crs.is_geographic:
        spacing = SPACING_M / _geod(crs).a / unit
    return shapely.segmentize(geometries, spacing)


@lru_cache(maxsize=16)
def _to_degrees(crs: pyproj.CRS) -> pyproj.Transformer:
    geod = _geod(crs)
    degrees = pyproj.CRS.from_dict({"proj": "longlat", "a": geod.a, "b": geod.b, "no_defs": True})
    return pyproj.Transformer.from_crs(crs, degrees, always_xy=True)


def _geod(crs: pyproj.CRS) -> pyproj.Geod:
    return crs.get_geod() or pyproj.Geod(ellps="WGS84")
