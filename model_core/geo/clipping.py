"""Polygons against the border of the ground that counts: what lies on it, what crosses its border, what overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from .areas import area_m2
from .vectors import in_crs

# A polygon that was drawn along the border crosses it by a hair here and there; up to this share of it means nothing.
_HAIR = 1e-3
# So many polygons are cut at once: each costs as much as the ground around all of them has corners.
_AT_ONCE = 16


@dataclass(frozen=True)
class Clipped:
    """Polygons and the part of them that lies on some ground; polygons wholly beside it are left out.

    Attributes:
        frame: Whole polygons with `source_row`, area_m2 (whole), area_inside_m2, crosses_border, and counted: its
            point on surface lies on the ground. Where grounds meet, every polygon is counted on one of them only.
        inside: (n,) the parts on the ground, in the CRS of `frame`.
        n_outside: Polygons left out.
    """

    frame: gpd.GeoDataFrame
    inside: NDArray[Any]
    n_outside: int


def ground_of(within: Sequence[gpd.GeoDataFrame], without: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Ground that lies within all of some layers, at least one, and in none of others.

    Returns:
        One polygon in the CRS of the first layer, without columns; empty where nothing is left.
    """
    crs = within[0].crs
    ground = _union(within[0], crs)
    for layer in within[1:]:
        ground = shapely.intersection(ground, _union(layer, crs))
    for layer in without:
        ground = shapely.difference(ground, _union(layer, crs))
    polygons = [part for part in shapely.get_parts([ground]) if part.geom_type == "Polygon"]
    return gpd.GeoDataFrame(geometry=[shapely.MultiPolygon(polygons)], crs=crs)


def clip(frame: gpd.GeoDataFrame, ground: gpd.GeoDataFrame | None) -> Clipped:
    """Splits polygons at the border of some ground.

    Args:
        frame: Valid polygons with `source_row`.
        ground: As `ground_of` makes it; None for ground without a border.
    """
    geometry = np.asarray(frame.geometry, dtype=object)
    inside, counted = geometry.copy(), np.ones(len(frame), dtype=bool)
    whole_m2 = area_m2(geometry, frame.crs)
    inside_m2 = whole_m2.copy()
    if ground is not None:
        border = _union(ground, frame.crs)
        shapely.prepare(border)
        crossing = ~shapely.covers(border, geometry)
        inside[crossing] = _cut(geometry[crossing], border)
        inside_m2[crossing] = area_m2(_polygons_only(inside[crossing]), frame.crs)
        inside_m2 = np.where(inside_m2 > whole_m2 * (1 - _HAIR), whole_m2, inside_m2)
        counted = shapely.intersects(border, shapely.point_on_surface(geometry))
    kept = counted | (inside_m2 > whole_m2 * _HAIR)
    described = gpd.GeoDataFrame(
        {
            "source_row": frame["source_row"].to_numpy(),
            "area_m2": whole_m2,
            "area_inside_m2": inside_m2,
            "crosses_border": inside_m2 < whole_m2,
            "counted": counted,
        },
        geometry=geometry,
        crs=frame.crs,
    )
    return Clipped(described[kept].reset_index(drop=True), _polygons_only(inside[kept]), int((~kept).sum()))


def union_m2(geometries: NDArray[Any], crs: Any) -> float:
    """Ellipsoidal area of the ground that valid polygons cover together: what several cover counts once."""
    return float(area_m2(disjoint(geometries), crs).sum())


def disjoint(geometries: NDArray[Any]) -> NDArray[Any]:
    """The same ground as polygons that do not overlap: those that meet become one, the others stay as they are."""
    first, second = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    sharing = np.zeros(len(geometries), dtype=bool)
    sharing[first[first != second]] = True
    joined = shapely.get_parts([shapely.union_all(geometries[sharing])])
    return np.concatenate([geometries[~sharing], joined[shapely.get_dimensions(joined) == 2]])


def _union(frame: gpd.GeoDataFrame, crs: Any) -> Any:
    return shapely.union_all(np.asarray(in_crs(frame[[frame.geometry.name]], crs).geometry, dtype=object))


def _cut(geometries: NDArray[Any], ground: Any) -> NDArray[Any]:
    """The parts of polygons on some ground; halves of them with the ground around, until there are few."""
    if len(geometries) <= _AT_ONCE:
        return shapely.intersection(geometries, ground)
    bounds = shapely.bounds(geometries)
    along = int(np.ptp(bounds[:, 1]) > np.ptp(bounds[:, 0]))
    inside = np.empty_like(geometries)
    for half in np.array_split(np.argsort(bounds[:, along]), 2):
        around = shapely.box(*shapely.total_bounds(geometries[half]))
        # Well beyond them, so that no cut of the ground meets a polygon.
        near = shapely.intersection(ground, around.buffer(np.sqrt(around.area) / 10, join_style="mitre"))
        inside[half] = _cut(geometries[half], _polygons_only(np.array([near], dtype=object))[0])
    return inside


def _polygons_only(geometries: NDArray[Any]) -> NDArray[Any]:
    """Without the lines and points that a cut along an edge leaves."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    flat = shapely.get_dimensions(parts) < 2
    if not flat.any():
        return geometries
    out = geometries.copy()
    mixed = np.isin(owner, owner[flat])
    found, first = np.unique(owner[mixed], return_index=True)
    for i, own in zip(found, np.split(parts[mixed], first[1:]), strict=True):
        out[i] = shapely.union_all(own[shapely.get_dimensions(own) == 2])
    return out
