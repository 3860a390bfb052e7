"""The day and the year that a date of a series stands for."""

from __future__ import annotations

import datetime
import re

import geopandas as gpd

from ...contract.dates import middle
from ...contract.errors import MtlError
from ...contract.events import Report
from ...contract.series import Series
from .scenes import describe_series


def dates_of_series(series: Series, report: Report) -> dict[str, datetime.date | None]:
    """The day of every date by name: as the series says, else as its images do; None where nothing tells."""
    known = {}
    for epoch in series.epochs:
        known[epoch.name] = middle(epoch.days)
        if known[epoch.name] is None:
            try:
                known[epoch.name] = describe_series(Series((epoch,)), Report())[0].date
            except MtlError as error:  # polygons can be joined without the images
                report.warn(f"{epoch.name}: its day is not known, because its image cannot be used. {error.message}")
    return known


def dates_of_layer(frame: gpd.GeoDataFrame) -> set[datetime.date]:
    """The days in a column `date`; nothing where there is none, or where it holds something else."""
    found = set()
    for value in frame["date"].dropna().unique() if "date" in frame else ():
        try:
            found.add(datetime.date.fromisoformat(str(value)[:10]))
        except ValueError:
            return set()
    return found


def year_of(name: str, date: datetime.date | None) -> int | None:
    """The year of a date: of its day, else the one that its name begins or ends with."""
    if date is not None:
        return date.year
    found = re.search(r"(?<!\d)(1[89]|20)\d{2}(?!\d)", name)
    return int(found.group()) if found else None
