"""The objects of a binary map of any size, found from its runs: unbroken stretches of pixels along a row.

A map is fed strip by strip and never held: what is kept grows with the objects' outlines, not with the map.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Numbers = NDArray[np.int64]


class Objects(NamedTuple):
    """Objects in the order of their first pixels, row by row; one entry each.

    Attributes:
        n_pixels: (n,) int64.
        mean, lowest: (n,) float64 over the pixels that have a value, NaN where none has.
    """

    n_pixels: Numbers
    mean: NDArray[np.float64]
    lowest: NDArray[np.float64]


class RunFinder:
    """Takes a binary map with its values in strips of whole rows, then tells the objects.

    Args:
        width: Columns of the map.
        connectivity: 8 joins pixels that touch at a corner, 4 does not.
    """

    def __init__(self, width: int, connectivity: int = 8) -> None:
        # A pixel that is never inside ends every row, so that one flat axis holds the whole map.
        self._pitch = width + 1
        self.connectivity = connectivity
        self._height = 0
        self._strips: list[tuple[NDArray[Any], ...]] = []
        self._start, self._end, self._object = (np.zeros(0, np.int64) for _ in range(3))

    def feed(self, inside: NDArray[np.bool_], values: NDArray[np.float32]) -> None:
        """Takes the next rows: (h, W) bool, and (h, W) values, which may be NaN."""
        flat = np.zeros(len(inside) * self._pitch + 1, bool)
        flat[:-1].reshape(-1, self._pitch)[:, 1:] = inside
        edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        if len(edges):
            start, end = edges[::2], edges[1::2]
            first = np.concatenate([[0], np.cumsum(end - start)[:-1]])
            own = values[inside].astype(np.float64)
            known = np.isfinite(own)
            own[~known] = 0.0
            total, count = np.add.reduceat(own, first), np.add.reduceat(known.astype(np.int64), first)
            own[~known] = np.inf
            here = self._height * self._pitch
            self._strips.append((start + here, end + here, total, count, np.minimum.reduceat(own, first)))
        self._height += len(inside)

    def objects(self) -> Objects:
        """The objects of all rows fed so far."""
        empty = tuple(np.zeros(0, kind) for kind in (np.int64, np.int64, float, np.int64, float))
        self._start, self._end, total, count, lowest = map(np.concatenate, zip(empty, *self._strips, strict=True))
        self._strips = [(self._start, self._end, total, count, lowest)]  # one copy is enough
        n_runs = len(self._start)
        one, other = self._touching()
        graph = sparse.coo_array((np.ones(len(one), bool), (one, other)), shape=(n_runs, n_runs))
        n, self._object = sparse.csgraph.connected_components(graph, directed=False) if n_runs else (0, self._object)
        least = np.full(n, np.inf)
        np.minimum.at(least, self._object, lowest)
        with np.errstate(invalid="ignore"):
            mean = np.bincount(self._object, total, n) / np.bincount(self._object, count, n)
        n_pixels = np.bincount(self._object, self._end - self._start, n).astype(np.int64)
        return Objects(n_pixels, mean, np.where(np.isfinite(least), least, np.nan))

    def rows(self, top: int, bottom: int, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """(bottom - top, W) int32: on each object its entry in `numbers` (n,), 0 elsewhere. After `objects`."""
        first, last = np.searchsorted(self._start, [top * self._pitch, bottom * self._pitch])
        image = np.zeros((bottom - top, self._pitch), np.int32)
        start, length = self._start[first:last], (self._end - self._start)[first:last]
        number = numbers[self._object[first:last]]
        start, length, number = start[number > 0], length[number > 0], number[number > 0]
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        image.ravel()[np.repeat(start - top * self._pitch, length) + within] = np.repeat(number, length)
        return image[:, 1:]

    def _touching(self) -> tuple[Numbers, Numbers]:
        """Pairs of runs that touch, of which the second lies in the row below."""
        low, high = ("left", "right") if self.connectivity == 8 else ("right", "left")
        first = np.searchsorted(self._end, self._start + self._pitch, low)  # type: ignore[call-overload]
        after = np.searchsorted(self._start, self._end + self._pitch, high)  # type: ignore[call-overload]
        count = np.maximum(after - first, 0)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(np.arange(len(count)), count), np.repeat(first, count) + within
