"""Joins traced, reviewed and mapped landslides to one inventory, date by date."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from ..contract.dates import middle, read_days
from ..contract.errors import InputError, UsageError
from ..contract.events import Report, Result
from ..contract.params.inventory import InventoryParams
from ..contract.series import read_series
from ..geo.inventory import (
    COVERED,
    DENIED,
    NOT_DRAWN,
    ORIGINS,
    PREDICTED,
    REJECTED,
    SAME,
    SMALL,
    TRACED,
    Inventory,
    Origin,
    join,
)
from ..geo.points import metric_crs
from ..geo.vectors import stacked, write_layers
from .shared.dates import dates_of_layer, dates_of_series, year_of
from .shared.judging.reference import layer_stem, read_layer
from .shared.runs import new_run

DESCRIPTIONS = {
    "inventory": "Landslides of each date, no ground twice within a date. origin says how each came about; uncertain "
                 "ones were mapped and reviewed by nobody. date: of the image where it was mapped on a mosaic, else "
                 "that of the epoch. Areas in m², lengths in m.",
    "left_out": "What did not go into the inventory, and why.",
}


@dataclass(frozen=True)
class _Date:
    """One date and what is known of it."""

    name: str
    date: datetime.date | None
    layers: list[Origin]
    searched: gpd.GeoDataFrame | None = None


def run(params: InventoryParams, report: Report) -> Result:
    """Writes inventory.gpkg with the layer `inventory`, and left_out.gpkg.

    Raises:
        InputError: A layer cannot be read, or a reviewed one does not say where its polygons come from.
        UsageError: Layers do not fit the dates.
        OutputError: The results cannot be written.
    """
    report.stage("Reading landslides")
    dates, wanted = _read(params, report)
    frames = [layer.frame for date in dates for layer in date.layers]
    anywhere = next((frame for frame in frames if len(frame)), None)
    if anywhere is None and not (frames or wanted):
        raise InputError("inventory.none", "No date has landslides, traced, reviewed or mapped.",
                         "Give at least one layer.")
    crs = str(wanted or frames[0].crs) if anywhere is None else metric_crs(anywhere, wanted)
    report.stage("Joining landslides")
    joined = []
    for number, one in enumerate(dates, start=1):
        report.check()
        joined.append(join(one.layers, crs, epoch=one.name, date=one.date, year=year_of(one.name, one.date),
                           min_area_m2=params.min_area_m2, searched=one.searched))
        report.progress(number / len(dates), one.name)
        for sentence in _sentences(joined[-1]):
            report.warn(f"{one.name}: {sentence}")
    with new_run("inventory", params) as folder:
        write_layers(folder / "inventory.gpkg", {"inventory": below([one.frame for one in joined])},
                     descriptions=DESCRIPTIONS)
        write_layers(folder / "left_out.gpkg", {"left_out": below([one.left_out for one in joined])},
                     descriptions=DESCRIPTIONS)
    out = Path(params.out)
    rows = [_row(one.name, found) for one, found in zip(dates, joined, strict=True)]
    return Result({"inventory": str(out / "inventory.gpkg"), "left_out": str(out / "left_out.gpkg")},
                  {"inventory": rows})


def below(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """The rows of all frames; an empty frame gives its columns alone."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])  # pandas warns where it joins empty frames
    return stacked(filled)


def _read(params: InventoryParams, report: Report) -> tuple[list[_Date], str | None]:
    """The dates in their order with their layers, and the CRS that is asked for."""
    traced: dict[str, str | None]
    searched: dict[str, str] = {}
    if params.series:
        series = read_series(Path(params.series))
        traced = {epoch.name: epoch.landslides for epoch in series.epochs}
        searched = {epoch.name: epoch.searched for epoch in series.epochs if epoch.searched}
        known, wanted = dates_of_series(series, report), params.crs or series.crs
    else:
        traced = dict.fromkeys(params.names) | dict(zip(params.names, params.landslides, strict=False))
        known = {name: middle(read_days(text)) for name, text in zip(params.names, params.dates, strict=False)}
        wanted = params.crs
        if len(traced) < len(params.names):
            raise UsageError("inventory.name-twice", "Two dates have one name.", "Give each date its own (--names).")
    layers: dict[str, list[Origin]] = {name: [] for name in traced}
    for name, source in traced.items():
        if source:
            layers[name].append(Origin(_plain(read_layer(source, "landslides", report)), TRACED, layer_stem(source)))
    for name, source in _placed(params.predictions, params.predicted_names, list(traced), "predictions"):
        layers[name].append(Origin(_plain(read_layer(source, "predicted", report)), PREDICTED, layer_stem(source)))
    for name, source in _placed(params.reviewed, params.reviewed_names, list(traced), "reviewed"):
        frame = read_layer(source, "reviewed", report)
        _check_reviewed(frame, source)
        layers[name].append(Origin(frame, PREDICTED, layer_stem(source)))
    return [_Date(name, known.get(name) or _own_date(layers[name]), layers[name],
                  read_layer(searched[name], "searched", report) if name in searched else None)
            for name in traced], wanted


def _placed(
    sources: Sequence[str], names: Sequence[str], every: Sequence[str], what: str
) -> Iterator[tuple[str, str]]:
    """The name of its date with every source."""
    unknown = [name for name in names if name not in every]
    if unknown:
        raise UsageError("series.no-epoch", f"There is no date named {', '.join(unknown)}.",
                         f"Choose from: {', '.join(every)}.", names=unknown)
    if sources and not names and len(sources) != len(every):
        raise UsageError("params.number-of-layers", f"There are {len(sources)} {what} and {len(every)} dates.",
                         "Give one for each date, or name the dates that they belong to.")
    return zip(names or every, sources, strict=False)


def _plain(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Without columns that only a review may fill."""
    return frame.drop(columns=[name for name in ("origin", "review") if name in frame])


def _check_reviewed(frame: gpd.GeoDataFrame, source: str) -> None:
    if "origin" not in frame:
        raise InputError("inventory.no-origin", f"{source} does not say where its polygons come from.",
                         f"It needs a column origin with one of: {', '.join(ORIGINS)}.", path=source)
    wrong = frame.loc[~frame["origin"].isin(ORIGINS), "origin"]
    if len(wrong):
        shown = ", ".join("nothing" if value is None or value != value else str(value) for value in wrong.unique()[:5])
        raise InputError("inventory.origin", f"{source}: the origin of {len(wrong)} polygons is {shown}.",
                         f"Write one of: {', '.join(ORIGINS)}.", path=source, rows=frame.loc[wrong.index, "source_row"]
                         .tolist()[:20])


def _own_date(layers: Sequence[Origin]) -> datetime.date | None:
    """The date that the features carry, where all agree."""
    found = {date for layer in layers for date in dates_of_layer(layer.frame)}
    return found.pop() if len(found) == 1 else None


def _sentences(found: Inventory) -> Iterator[str]:
    for origin, area in found.shared_m2.items():
        yield (f"{origin} landslides overlap on {area:,.0f} m². The larger one of two keeps that ground, the other "
               "loses it.")
    gone = found.left_out[(found.left_out["why"] == COVERED) & (found.left_out["origin"] != PREDICTED)]
    if len(gone):
        yield f"Traced or reviewed landslides that others cover wholly, left out: {len(gone)}."


def _row(name: str, found: Inventory) -> dict[str, Any]:
    origins = found.frame["origin"].value_counts()
    return {
        "date": name, "landslides": len(found.frame), "area [m²]": float(found.frame["area_m2"].sum()),
        "traced": int(origins.get(TRACED, 0)),
        "reviewed": int(sum(origins.get(origin, 0) for origin in ORIGINS if origin not in (TRACED, PREDICTED))),
        "predicted": int(origins.get(PREDICTED, 0)), "cut": int(found.frame["cut"].sum()),
        "same": found.count(SAME), NOT_DRAWN: found.count(NOT_DRAWN), REJECTED: found.count(DENIED),
        "covered": found.count(COVERED),
        "small pieces": found.count(SMALL),
    }
