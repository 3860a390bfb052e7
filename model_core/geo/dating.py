"""The date of every object of a map that was made from several images."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..arrays.runs import RunFinder
from ..contract.dates import Days, spanned
from .burn import burn_ids
from .grid import Grid
from .scenes.stack import NO_SOURCE
from .vectors import in_crs

_READ_PX = 2**22  # at a time
COLUMNS = ("date", "date_from", "date_to")
# Gives (h, W) int32 for the rows from, to: the number of the object on each pixel from 1 on, 0 for none.
Owners = Callable[[int, int], NDArray[np.int32]]


class Sources(NamedTuple):
    """Which image each pixel of a map came from.

    Attributes:
        days: Of each image: the first and last day that it may be of, None if unknown.
        read: Gives (h, W) uint8 for the rows from, to: the image's place in `days`, NO_SOURCE for none.
    """

    days: Sequence[Days | None]
    read: Callable[[int, int], NDArray[np.uint8]]


def day_column(days: Sequence[datetime.date | None]) -> pd.Series[Any]:
    """A column of days, some of them unknown."""
    return pd.Series(list(days), dtype="datetime64[s]")


def days_of(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of days as a file has them; what is no day is unknown."""
    return pd.to_datetime(column, errors="coerce", utc=True).dt.tz_localize(None).astype("datetime64[s]")


def object_dates(finder: RunFinder, wanted: NDArray[np.int64], n: int, grid: Grid, sources: Sources) -> pd.DataFrame:
    """Dates of some objects, a row each.

    Args:
        finder: Was fed the whole map.
        wanted: Numbers of the objects.
        n: How many objects there are.
        grid: Of the map.
        sources: Which image each pixel came from.

    Returns:
        date: Of the image that most pixels of the object came from; nothing where its day is not known.
        date_from, date_to: First and last day of the images that it came from, where these differ.
    """
    numbers = np.zeros(n, np.int32)
    numbers[wanted] = np.arange(1, len(wanted) + 1)
    return _dated(lambda top, bottom: finder.rows(top, bottom, numbers), len(wanted), grid, sources)


def polygon_dates(frame: gpd.GeoDataFrame, grid: Grid, sources: Sources) -> pd.DataFrame:
    """Likewise of polygons, in any CRS; one without a pixel centre of its own has no dates."""
    moved = in_crs(frame[["geometry"]], grid.crs)
    return _dated(lambda top, bottom: burn_ids(grid.window(slice(top, bottom), slice(0, grid.width)), moved),
                  len(frame), grid, sources)


def _dated(owners: Owners, n: int, grid: Grid, sources: Sources) -> pd.DataFrame:
    rows = [_dates(sources.days, found) for found in _pixels_by_source(owners, n, grid, sources)]
    return pd.DataFrame({name: day_column([row[i] for row in rows]) for i, name in enumerate(COLUMNS)})


def _dates(days: Sequence[Days | None], pixels: NDArray[np.int64]) -> tuple[datetime.date | None, ...]:
    if not pixels.any():
        return None, None, None
    span = spanned(*(days[i] for i in np.flatnonzero(pixels).tolist()))
    main = days[int(pixels.argmax())]
    date = main[0] if main is not None and main[0] == main[1] else None
    return (date, *span) if span is not None and span[0] != span[1] else (date, None, None)


def _pixels_by_source(owners: Owners, n: int, grid: Grid, sources: Sources) -> NDArray[np.int64]:
    """(n, images) pixels of each object from each image, counted in strips."""
    pixels = np.zeros((n, len(sources.days)), np.int64)
    for top, bottom in _strips(grid):
        owner, source = owners(top, bottom), sources.read(top, bottom)
        known = (owner > 0) & (source != NO_SOURCE)
        place = (owner[known].astype(np.int64) - 1) * len(sources.days) + source[known]
        places, count = np.unique(place, return_counts=True)
        pixels.ravel()[places] += count
    return pixels


def _strips(grid: Grid) -> Iterator[tuple[int, int]]:
    rows = max(1, _READ_PX // grid.width)
    return ((top, min(top + rows, grid.height)) for top in range(0, grid.height, rows))
