"""What is wrong with digitised outlines by themselves, before any image is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from .areas import area_m2, measure, reaches

_SAME = 0.99  # intersection over union from which two polygons are one landslide drawn twice
_COMPACT = 0.5  # 4 pi area / perimeter²: 1 for a circle, 0.79 for a square; a sliver is far below


@dataclass(frozen=True)
class Overlapping:
    """Ground that was drawn more than once.

    Attributes:
        n_pairs: Pairs of polygons that share ground, drawn twice or not.
        area_m2: Sum of all polygons' areas.
        union_m2: Area of the ground that they cover; it, not the sum, is the landslide area.
    """

    n_pairs: int
    area_m2: float
    union_m2: float


def outline_faults(
    frame: gpd.GeoDataFrame, pixel_size_m: float, min_area_m2: float
) -> tuple[gpd.GeoDataFrame, Overlapping]:
    """Measures every polygon and marks those that cannot be meant.

    Args:
        frame: Valid polygons with `source_row`, in a metric CRS.
        pixel_size_m: Of the image that they belong to.
        min_area_m2: Smallest area of a landslide.

    Returns:
        One row a polygon in the order of `frame`: source_row, area_m2, perimeter_m, compactness (4 pi area /
        perimeter²), duplicate_of (source_row of the first drawing, or none), overlap_m2 (shared with polygons other
        than its duplicates; ground shared with two counts twice), and the marks duplicate, overlapping, sliver
        (nowhere as wide as a pixel, and long) and too_small. And the overlaps of all together.
    """
    geometry = np.asarray(frame.geometry, dtype=object)
    rows = frame["source_row"].to_numpy()
    area, perimeter = measure(geometry, frame.crs)
    compactness = 4 * np.pi * area / perimeter**2
    # No polygon holds more than its perimeter times the radius of the largest circle in it.
    narrow = area <= 1.01 * perimeter * pixel_size_m / 2
    narrow[narrow] = shapely.is_empty(shapely.buffer(geometry[narrow], -pixel_size_m / 2))

    first, second, shared = _pairs(geometry, frame.crs, 0.01 * pixel_size_m**2)
    same = shared >= _SAME * (area[first] + area[second] - shared)
    duplicate_of = np.full(len(frame), np.nan)
    for i, j in zip(first[same][::-1], second[same][::-1], strict=True):  # backwards, so that the first drawing stays
        duplicate_of[j] = rows[i]
    overlap = np.zeros(len(frame))
    for end in (first, second):
        overlap += np.bincount(end[~same], shared[~same], minlength=len(frame))

    checked = gpd.GeoDataFrame(
        {
            "source_row": rows,
            "area_m2": area,
            "perimeter_m": perimeter,
            "compactness": compactness,
            "duplicate_of": pd.array(duplicate_of, dtype="Int64"),
            "overlap_m2": overlap,
            "duplicate": np.isfinite(duplicate_of),
            "overlapping": overlap > 0,
            "sliver": narrow & (compactness < _COMPACT),
            "too_small": ~reaches(area, min_area_m2),
        },
        geometry=frame.geometry.to_numpy(),
        crs=frame.crs,
    )
    sharing = np.unique(np.r_[first, second])  # all others add their own area to that of the union
    union = area_m2([shapely.union_all(geometry[sharing])], frame.crs)[0]
    total = float(area.sum())
    return checked, Overlapping(len(first), total, float(total - area[sharing].sum() + union))


def share_within(frame: gpd.GeoDataFrame, ground: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Part (n,) of each polygon's area that lies on `ground`, 0 to 1; both in one CRS."""
    geometry = np.asarray(frame.geometry, dtype=object)
    union = shapely.union_all(np.asarray(ground.geometry, dtype=object))
    shapely.prepare(union)
    share = np.zeros(len(geometry))
    within = shapely.covers(union, geometry)
    share[within] = 1.0
    partly = ~within & shapely.intersects(union, geometry)
    share[partly] = shapely.area(shapely.intersection(geometry[partly], union)) / shapely.area(geometry[partly])
    return share


def _pairs(
    geometry: NDArray[Any], crs: Any, min_shared_m2: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs i < j of polygons that share more ground than drawing along a common edge leaves, and how much."""
    i, j = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    i, j = i[i < j], j[i < j]
    shared = area_m2(shapely.intersection(geometry[i], geometry[j]), crs)
    real = shared > min_shared_m2
    order = np.lexsort((j[real], i[real]))
    return i[real][order], j[real][order], shared[real][order]
