"""The landslides of every date and the ground on which they would have been seen, in one metric CRS."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import geopandas as gpd

from ....contract.errors import InputError, UsageError
from ....contract.events import Report
from ....contract.params.compare_years import CompareYearsParams
from ....contract.params.layers import MANUAL, PREDICTED, entry
from ....contract.series import Series, read_series
from ....geo.areas import apply_minimum
from ....geo.clipping import ground_of
from ....geo.observed import is_raster, observed_ground
from ....geo.points import metric_crs
from ....geo.vectors import in_crs, no_polygons
from ..judging.maps import observed_by
from ..judging.reference import layer_stem, read_layer
from ..map_error import used_word
from ..scenes import DatedScenes, chosen, describe_series, network_bands, open_stack, study_grid


@dataclass(frozen=True)
class Dated:
    """One date.

    Attributes:
        name: Of the date.
        day: Of its image.
        used: What the landslides are, in a word of contract.params.layers.
        landslides: Of at least the minimum area.
        ground: Where they would have been seen.
        assumed: Nothing tells what was observed; the area of interest stands for it.
        reference: Drawn landslides that tell the error of mapped ones; None: there are none.
        reference_ground: Where these were searched completely; None: everywhere.
    """

    name: str
    day: datetime.date
    used: str
    landslides: gpd.GeoDataFrame
    ground: gpd.GeoDataFrame
    assumed: bool = False
    reference: gpd.GeoDataFrame | None = None
    reference_ground: gpd.GeoDataFrame | None = None

    @property
    def is_map(self) -> bool:
        """Whether the landslides were mapped, with an error that is not that of drawing."""
        return self.used == PREDICTED or self.reference is not None

    def in_crs(self, crs: str) -> Dated:
        """The same in another CRS."""
        reference, ground = (None if frame is None else in_crs(frame, crs)
                             for frame in (self.reference, self.reference_ground))
        return dataclasses.replace(self, landslides=in_crs(self.landslides, crs), ground=in_crs(self.ground, crs),
                                   reference=reference, reference_ground=ground)


def read_dates(params: CompareYearsParams, report: Report) -> tuple[list[Dated], str]:
    """Everything that the parameters name, in the order of time.

    Returns:
        The dates, and the remark of the series.

    Raises:
        InputError: A file cannot be read, a date is unknown, or nothing was observed at one.
        UsageError: Fewer than two dates, or two of one name or day.
    """
    remark = ""
    if params.series:
        series = read_series(Path(params.series))
        series, remark = dataclasses.replace(series, area=params.area or series.area), series.remark
        dates = list(_of_series(series, params, report))
    else:
        dates = list(_of_lists(params, report))
    dates.sort(key=lambda one: one.day)
    if len(dates) < 2:
        raise UsageError("years.one-date", "There are fewer than two dates to compare.", "Give at least two.")
    for earlier, later in pairwise(dates):
        if earlier.day == later.day:
            raise UsageError("years.same-day", f"{earlier.name} and {later.name} have one date, {later.day}.",
                             "Check the dates: the time between them is needed for rates.")
    names = [one.name for one in dates]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError("years.name-twice", f"Two dates are named {twice}.", "Name the layers with --names.")
    for one in dates:
        if one.ground.is_empty.all():
            raise InputError("years.nothing-observed", f"{one.name}: no observed ground lies in the area of interest.",
                             "Check that both show the same place, and their coordinate systems.", name=one.name)
    crs = metric_crs(dates[0].ground)
    return [one.in_crs(crs) for one in dates], remark


def _of_lists(params: CompareYearsParams, report: Report) -> Iterator[Dated]:
    area = read_layer(params.area, "area of interest", report) if params.area else None
    observed = _Observed(params, report)
    for i, source in enumerate(params.landslides):
        frame = read_layer(source, "landslides", report)
        seen = observed.of(i)
        within = [layer for layer in (seen, area) if layer is not None]
        if not within:
            raise UsageError("years.no-ground", f"Nothing tells which ground was observed for {source}.",
                             "Give its observed ground (--observed), or the area of interest (--area).")
        reference, ground = params.reference_of(i)
        yield Dated(
            params.names[i] if params.names else layer_stem(source), _day(params.dates[i]),
            used_word(params.used_of(i), frame), apply_minimum(frame, params.min_area_m2)[0], ground_of(within, []),
            seen is None, _reference(reference, params, report),
            read_layer(ground, "searched", report) if ground else None,
        )


def _of_series(series: Series, params: CompareYearsParams, report: Report) -> Iterator[Dated]:
    """The drawn landslides of a series, or maps of its dates with the drawn ones as their reference."""
    drawn_alone = not params.landslides
    wanted = params.names or [epoch.name for epoch in series.epochs if epoch.landslides or epoch.searched]
    epochs = tuple(epoch for epoch in series.epochs if epoch.name in wanted)
    chosen([DatedScenes(epoch, ()) for epoch in series.epochs], wanted)  # refuses names that it has not
    if len(epochs) < 2:
        raise UsageError("years.one-date", f"Fewer than two dates of {params.series} can be compared.",
                         "Give at least two dates landslides, or the searched ground if there are none.")
    series = dataclasses.replace(series, epochs=epochs)
    area = read_layer(series.area, "area of interest", report) if series.area else None
    observed = _Observed(params, report)
    scenes = describe_series(series, report)
    for number, one in enumerate(scenes):
        report.check()
        epoch, i = one.epoch, params.names.index(one.name) if params.landslides else number
        if one.date is None:
            raise InputError("years.no-date", f"The date of {one.name} is not known.",
                             "Write it into the series file (date, as YYYY-MM-DD).", name=one.name)
        seen = observed.of(i) if observed.given else _shown(one, scenes, series)
        searched = read_layer(epoch.searched, "searched", report) if epoch.searched else None
        within = [layer for layer in (seen, area, searched if drawn_alone else None) if layer is not None]
        without = [read_layer(source, role, report)
                   for role, source in (("ignore", epoch.ignore), ("unusable", epoch.unusable)) if source]
        drawn = _reference(epoch.landslides, params, report)
        if drawn is None and searched is not None:  # searched, and none found
            drawn = no_polygons(searched.crs)
        if drawn_alone:
            if drawn is None:
                raise InputError("years.not-searched", f"{one.name} has neither landslides nor searched ground.",
                                 "Leave the date out, or give them in the series file.", name=one.name)
            yield Dated(one.name, one.date, params.used_of(i) or MANUAL, drawn, ground_of(within, without))
        else:
            frame = read_layer(params.landslides[i], "landslides", report)
            yield Dated(one.name, one.date, params.used_of(i) or PREDICTED,
                        apply_minimum(frame, params.min_area_m2)[0], ground_of(within, without), False, drawn, searched)
        report.progress((number + 1) / len(scenes), one.name)


class _Observed:
    """The observed ground that the parameters name, each source read once."""

    def __init__(self, params: CompareYearsParams, report: Report) -> None:
        self.given = bool(params.observed)
        self._sources = params.observed
        self._report = report
        self._read: dict[str, gpd.GeoDataFrame] = {}

    def of(self, position: int) -> gpd.GeoDataFrame | None:
        """That of the layer at this position; None: not given."""
        source = entry(self._sources, position)
        if source is not None and source not in self._read:
            if is_raster(source):
                self._read[source] = observed_by(Path(source))
            else:
                self._read[source] = read_layer(source, "observed", self._report)
        return None if source is None else self._read[source]


def _shown(one: DatedScenes, scenes: Sequence[DatedScenes], series: Series) -> gpd.GeoDataFrame:
    """What the images of a date show, in the area of the series."""
    grid = study_grid(scenes, series)
    with open_stack(one, grid, network_bands([one])) as stack:
        return observed_ground(grid, lambda window: stack.read(*window)[1])


def _reference(source: str | None, params: CompareYearsParams, report: Report) -> gpd.GeoDataFrame | None:
    """Drawn landslides go through the same bound as mapped ones."""
    return None if source is None else apply_minimum(read_layer(source, "landslides", report), params.min_area_m2)[0]


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError("params.date", f"{text!r} is not a date.", "Write it as YYYY-MM-DD.", date=text) from error

