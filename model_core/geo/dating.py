"""The date of every object of a map that was made from several images."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..arrays.runs import RunFinder
from ..contract.dates import Days, spanned
from .grid import Grid
from .scenes.stack import NO_SOURCE

_READ_PX = 2**22  # at a time
COLUMNS = ("date", "date_from", "date_to")


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
    pixels = _pixels_by_source(finder, wanted, n, grid, sources)
    rows = [_dates(sources.days, found) for found in pixels]
    return pd.DataFrame({name: day_column([row[i] for row in rows]) for i, name in enumerate(COLUMNS)})


def _dates(days: Sequence[Days | None], pixels: NDArray[np.int64]) -> tuple[datetime.date | None, ...]:
    span = spanned(*(days[i] for i in np.flatnonzero(pixels).tolist()))
    main = days[int(pixels.argmax())]
    date = main[0] if main is not None and main[0] == main[1] else None
    return (date, *span) if span is not None and span[0] != span[1] else (date, None, None)


def _pixels_by_source(
    finder: RunFinder, wanted: NDArray[np.int64], n: int, grid: Grid, sources: Sources
) -> NDArray[np.int64]:
    """(wanted, images) pixels of each object from each image, counted in strips."""
    numbers = np.zeros(n, np.int32)
    numbers[wanted] = np.arange(1, len(wanted) + 1)
    pixels = np.zeros((len(wanted), len(sources.days)), np.int64)
    for top, bottom in _strips(grid):
        owner, source = finder.rows(top, bottom, numbers), sources.read(top, bottom)
        known = (owner > 0) & (source != NO_SOURCE)
        place = (owner[known].astype(np.int64) - 1) * len(sources.days) + source[known]
        places, count = np.unique(place, return_counts=True)
        pixels.ravel()[places] += count
    return pixels


def _strips(grid: Grid) -> Iterator[tuple[int, int]]:
    rows = max(1, _READ_PX // grid.width)
    return ((top, min(top + rows, grid.height)) for top in range(0, grid.height, rows))
