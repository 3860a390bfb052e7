"""Traced, reviewed and predicted landslides of one date as one layer in which no ground stands twice."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from .areas import area_m2, measure, reaches
from .dating import COLUMNS as DATE_COLUMNS
from .dating import day_column, days_of
from .overlaps import overlap_pairs
from .points import positions, within
from .vectors import in_crs, stacked

# Where two landslides share ground it goes to the one whose origin stands first; of one origin, to the larger one.
ORIGINS = ("traced", "edited", "assisted", "accepted", "imported", "predicted")
TRACED, PREDICTED, REJECTED = "traced", "predicted", "rejected"
# A prediction that shares this part of the smaller of the two with a landslide of another origin is that landslide.
SAME_LANDSLIDE = 0.1
SAME, DENIED, COVERED, SMALL = "same landslide", "rejected", "covered", "too small"
NOT_DRAWN = "on searched ground, not drawn"
# Rounding where outlines meet; far below anything that can be drawn.
_DUST_M2 = 1e-6

COLUMNS = ("date", "year", "epoch", "origin", "reviewed", "uncertain", "cut", "area_m2", "perimeter_m", "prob_mean",
           "source", "source_id")


@dataclass(frozen=True)
class Origin:
    """One layer that goes into an inventory.

    Attributes:
        frame: Valid polygons. A column `origin` says how each came about, a column `review` whether it was rejected.
        origin: Of polygons without that column.
        source: Name of the layer.
    """

    frame: gpd.GeoDataFrame
    origin: str
    source: str


@dataclass(frozen=True)
class Inventory:
    """Landslides of one date.

    Attributes:
        frame: `COLUMNS`, then the attributes of the sources that are not among them. A landslide that was mapped on a
            mosaic has the date of its own image.
        left_out: What is not in it, with `why`: a prediction that is the same landslide as one of another origin, one
            that was rejected, a landslide or a piece of one that is covered by another, a piece that is too small.
            Covered ground is in `frame`, and so may be part of the other ground.
        shared_m2: Ground that two landslides of one origin other than prediction claim, by origin.
    """

    frame: gpd.GeoDataFrame
    left_out: gpd.GeoDataFrame
    shared_m2: dict[str, float]

    def count(self, why: str) -> int:
        """How many were left out for a reason."""
        return int((self.left_out["why"] == why).sum())


def join(
    layers: Sequence[Origin], crs: Any, *, epoch: str, date: datetime.date | None, year: int | None,
    min_area_m2: float = 0.0, searched: gpd.GeoDataFrame | None = None,
) -> Inventory:
    """Joins the landslides of one date; the order of layers and of features does not matter.

    Predictions that share ground with a rejected polygon are left out, and so are those that are the same landslide
    as one of another origin (`SAME_LANDSLIDE`): cut, they would leave rims. On ground that was searched completely what
    is not drawn is a false alarm, so predictions there are left out too. Of all others, the one of lower standing
    (`ORIGINS`, then area) loses the ground that two share. What it keeps stays one feature.

    Args:
        layers: Of the date; may be none.
        crs: Of the result; it measures metres.
        epoch, date, year: Of the features; the date only of those that have no own one.
        searched: Ground on which every landslide was drawn; None: nowhere.
        min_area_m2: Pieces that a cut leaves are left out below it. Landslides that lose nothing stay.
    """
    every = _stacked(layers, crs)
    every = every.iloc[_order(every)].reset_index(drop=True)
    rejected = (every["review"] == REJECTED).to_numpy(dtype=bool)
    found, denied_by = every[~rejected].reset_index(drop=True), every[rejected]
    predicted = (found["origin"] == PREDICTED).to_numpy()
    denied = predicted & _meets(found, denied_by, 0.0)
    same = predicted & ~denied & _meets(found, found[~predicted], SAME_LANDSLIDE)
    alarm = predicted & ~denied & ~same & _lies_in(found, searched)
    kept = found[~denied & ~same & ~alarm].reset_index(drop=True)
    shared = _shared_m2(kept)
    whole = np.asarray(kept.geometry, dtype=object)
    pieces, small = _without_overlaps(whole, crs, min_area_m2)
    has_some = ~shapely.is_empty(pieces)
    has_small = ~shapely.is_empty(small)
    left_out = stacked([
        _told(found[denied], DENIED), _told(found[same], SAME), _told(found[alarm], NOT_DRAWN),
        _told(kept.set_geometry(small, crs=crs)[has_small].explode(ignore_index=True), SMALL),
        _told(kept[~has_some & ~has_small], COVERED),
    ])
    kept["cut"] = ~shapely.equals_exact(pieces, whole)
    result = _described(kept.set_geometry(gpd.GeoSeries(pieces, crs=crs))[has_some], epoch, date, year)
    return Inventory(result, _dated(left_out, epoch, date, year), shared)


def _lies_in(frame: gpd.GeoDataFrame, ground: gpd.GeoDataFrame | None) -> NDArray[np.bool_]:
    """(n,) bool: a point on the polygon's surface lies on some ground."""
    if ground is None:
        return np.zeros(len(frame), dtype=bool)
    return within(positions(frame, inside=True), in_crs(ground, frame.crs))


def _stacked(layers: Sequence[Origin], crs: Any) -> gpd.GeoDataFrame:
    """All layers below each other, with date (own days of images only), origin, review, source, source_id, area_m2."""
    empty = gpd.GeoDataFrame({"date": day_column([]), **{name: pd.Series(dtype=object)
                                                         for name in ("origin", "review", "source", "source_id")}},
                             geometry=gpd.GeoSeries([], crs=crs))
    frames = []
    for layer in layers:
        frame = in_crs(layer.frame, crs).reset_index(drop=True)
        rows = frame["source_row"] + 1 if "source_row" in frame else pd.Series(np.arange(1, len(frame) + 1))
        ids = frame.get("id", rows)
        frame["source_id"] = ids.where(ids.notna(), rows).map(_text)
        frame["source"] = layer.source
        # Only maps of mosaics say which days their polygons span; of what was traced a column date may mean anything.
        dated = layer.origin == PREDICTED and {*DATE_COLUMNS} <= {*frame}
        frame["date"] = days_of(frame["date"]) if dated else day_column([None] * len(frame))
        if "origin" not in frame:
            frame["origin"] = layer.origin
        if "review" not in frame:
            frame["review"] = None
        if len(frame):  # pandas warns where it joins empty frames
            frames.append(frame.astype({"origin": object, "review": object}))
    joined = stacked([frame.to_crs(crs) for frame in frames]) if frames else empty
    joined["area_m2"] = area_m2(joined.geometry, crs)
    if "prob_mean" not in joined:
        joined["prob_mean"] = np.nan
    return joined


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _order(frame: gpd.GeoDataFrame) -> NDArray[np.intp]:
    """Positions from the highest standing to the lowest; the same whatever the order of the rows."""
    outline = shapely.to_wkb(shapely.normalize(np.asarray(frame.geometry, dtype=object)))
    keys = pd.DataFrame({
        "rank": frame["origin"].map(ORIGINS.index), "area": -frame["area_m2"], "outline": outline,
        "source": frame["source"], "id": frame["source_id"],
    })
    return np.asarray(keys.reset_index(drop=True).sort_values(list(keys.columns), kind="stable").index)


def _meets(frame: gpd.GeoDataFrame, others: gpd.GeoDataFrame, share: float) -> NDArray[np.bool_]:
    """Which polygons share more than dust, and at least this part of the smaller one, with one of the others."""
    i, j, shared = overlap_pairs(frame, others)
    own, theirs = frame["area_m2"].to_numpy(dtype=float)[i], others["area_m2"].to_numpy(dtype=float)[j]
    meets = np.zeros(len(frame), dtype=bool)
    meets[i[(shared > _DUST_M2) & (shared >= share * np.minimum(own, theirs))]] = True
    return meets


def _shared_m2(frame: gpd.GeoDataFrame) -> dict[str, float]:
    """What landslides of one origin claim twice; three claims on one ground count as three pairs."""
    i, j, shared = overlap_pairs(frame, frame)
    origin = frame["origin"].to_numpy()
    twice = (i < j) & (origin[i] == origin[j]) & (origin[i] != PREDICTED) & (shared > _DUST_M2)
    sums = pd.Series(shared[twice]).groupby(origin[i[twice]]).sum()
    return {str(name): float(value) for name, value in sums.items()}


def _without_overlaps(
    whole: NDArray[Any], crs: Any, min_area_m2: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """What each polygon keeps beside those before it, and the pieces of it that are too small."""
    kept = whole.copy()
    small = np.full(len(whole), shapely.MultiPolygon(), dtype=object)
    later, earlier = shapely.STRtree(whole).query(whole, predicate="intersects")
    touching = (earlier < later) & ~shapely.touches(whole[later], whole[earlier])
    later, earlier = later[touching], earlier[touching]
    for i in np.unique(later):
        above = shapely.union_all(kept[earlier[later == i]])
        kept[i], small[i] = _cut(whole[i], above, crs, min_area_m2)
    return kept, small


def _cut(geometry: Any, above: Any, crs: Any, min_area_m2: float) -> tuple[Any, Any]:
    """A polygon without some ground: what it keeps, and what is too small.

    Of its parts each piece of one that was cut must be large enough, and so must all that is left of it together.
    """
    parts = shapely.get_parts([geometry])
    met = shapely.area(shapely.intersection(parts, above)) > _DUST_M2
    if not met.any():
        return geometry, shapely.MultiPolygon()
    pieces = shapely.get_parts(_polygons(shapely.difference(parts[met], above)))
    areas = area_m2(pieces, crs)
    large = reaches(areas, min_area_m2)
    some = areas > _DUST_M2
    kept, small = [*parts[~met], *pieces[large & some]], pieces[~large & some]
    if kept and not reaches(area_m2([_multi(kept)], crs), min_area_m2).any():
        kept, small = [], [*kept, *small]
    return _multi(kept), _multi(small)


def _polygons(geometries: NDArray[Any]) -> NDArray[Any]:
    """Multipolygons without the lines and points of a cut along an edge."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    flat = shapely.get_dimensions(parts) < 2
    return np.array([_multi(parts[(owner == i) & ~flat]) for i in range(len(geometries))], dtype=object)


def _multi(polygons: Sequence[Any]) -> Any:
    parts = [part for polygon in polygons for part in shapely.get_parts([polygon])]
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def _told(frame: gpd.GeoDataFrame, why: str) -> gpd.GeoDataFrame:
    columns = ["date", "origin", "source", "source_id", "prob_mean", "geometry"]
    return frame[columns].assign(why=why)


def _described(
    frame: gpd.GeoDataFrame, epoch: str, date: datetime.date | None, year: int | None
) -> gpd.GeoDataFrame:
    frame = frame.reset_index(drop=True)
    own = frame["uncertain"].fillna(False).astype(bool) if "uncertain" in frame else False
    frame["reviewed"] = frame["origin"] != PREDICTED
    frame["uncertain"] = ~frame["reviewed"] | own
    frame["prob_mean"] = pd.to_numeric(frame["prob_mean"], errors="coerce")
    frame["area_m2"], frame["perimeter_m"] = measure(frame.geometry, frame.crs)
    frame = _dated(frame, epoch, date, year)
    others = [name for name in frame.columns
              if name not in (*COLUMNS, "geometry", "review", "source_row", "id", "fid")]
    described = frame[[*COLUMNS, *others, "geometry"]].copy()
    described[others] = described[others].convert_dtypes()  # whole numbers stay whole where some are missing
    return described


def _dated(
    frame: gpd.GeoDataFrame, epoch: str, date: datetime.date | None, year: int | None
) -> gpd.GeoDataFrame:
    """With the date where a feature has none; years are whole numbers even where some are missing."""
    if "area_m2" not in frame:
        frame["area_m2"] = area_m2(frame.geometry, frame.crs)
    frame["epoch"] = pd.Series([epoch] * len(frame), index=frame.index, dtype=object)
    frame["date"] = frame["date"].fillna(pd.Series([date] * len(frame), index=frame.index, dtype="datetime64[s]"))
    frame["year"] = pd.Series([year] * len(frame), index=frame.index, dtype="Int64")
    return frame
