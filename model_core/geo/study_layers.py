"""All layers of a study in one GeoPackage, each feature with its date."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from .areas import area_m2
from .dating import days_of
from .vectors import in_crs, stacked, write_layers


@dataclass(frozen=True)
class Part:
    """Features of one date.

    Attributes:
        frame: Their geometry and what is known of each.
        epoch: Name of the date.
        date, year: What it stands for; None: not known, or the features belong to no date.
        columns: What holds for all of them.
    """

    frame: gpd.GeoDataFrame
    epoch: str | None
    date: datetime.date | None
    year: int | None
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyLayer:
    """One layer.

    Attributes:
        description: What stands in it and in which units, in words.
        columns: Those that it has, in their order, and their pandas types; others of the parts are left out.
        parts: Its features; may be none.
        keep_others: Other columns of the parts follow.
    """

    description: str
    columns: Mapping[str, str]
    parts: Sequence[Part]
    keep_others: bool = False


def write_study_layers(path: Path, crs: str, layers: Mapping[str, StudyLayer]) -> None:
    """Writes a GeoPackage in which every layer begins with date, year and epoch.

    Args:
        path: GeoPackage to write.
        crs: Of all layers.
        layers: By name. A column area_m2 is filled with the ellipsoidal area where the parts do not have it.

    Raises:
        OutputError: The GeoPackage cannot be written.
    """
    write_layers(path, {name: joined(layer, crs) for name, layer in layers.items()},
                 descriptions={name: layer.description for name, layer in layers.items()})


def joined(layer: StudyLayer, crs: str) -> gpd.GeoDataFrame:
    """The parts of a layer below each other."""
    types = {"date": "datetime64[s]", "year": "Int64", "epoch": "object", **layer.columns}
    frames = [_dated(part, layer, types, crs) for part in layer.parts]
    filled = [frame for frame in frames if len(frame)]  # pandas warns where it joins empty frames
    if filled:
        return stacked(filled)
    return gpd.GeoDataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()},
                            geometry=gpd.GeoSeries([], crs=crs))


def _dated(part: Part, layer: StudyLayer, types: Mapping[str, str], crs: str) -> gpd.GeoDataFrame:
    frame = in_crs(part.frame, crs).reset_index(drop=True)
    own = {"date": part.date, "year": part.year, "epoch": part.epoch, **part.columns}
    named = days_of(frame["date"]) if "date" in frame else None
    frame = frame.assign(**{name: pd.Series([value] * len(frame), dtype=types.get(name, "object"))
                            for name, value in own.items()})
    if named is not None:  # a polygon of a mosaic has the day of its own image
        frame["date"] = named.fillna(frame["date"])
    if "area_m2" in types and "area_m2" not in frame:
        frame["area_m2"] = area_m2(frame.geometry, crs)
    for name, kind in types.items():
        values = frame[name] if name in frame else pd.Series([None] * len(frame), dtype="object")
        frame[name] = days_of(values) if kind == "datetime64[s]" else values.astype(pd.api.types.pandas_dtype(kind))
    others = [name for name in frame if name not in types and name not in ("geometry", "source_row")]
    return frame[[*types, *(others if layer.keep_others else ()), "geometry"]]
