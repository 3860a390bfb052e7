"""Images at half their size, for the overviews of a raster."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]


def halved(values: Pixels, nodata: float | None) -> Pixels:
    """Half as many rows and columns, rounded up; (h, w) becomes ((h + 1) // 2, (w + 1) // 2) of the same type.

    Floats become the average of the pixels that have a value. Bytes, which are classes, become the commonest of the
    four, so that no new class appears. Wider integers become the upper left pixel.

    Args:
        values: (h, w) of any type.
        nodata: What stands for no value; None if nothing does.
    """
    if values.dtype.kind != "f" and values.dtype.itemsize > 1:
        return values[::2, ::2]
    height, width = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2)), mode="edge") if height % 2 or width % 2 else values
    if values.dtype.kind == "f":
        return _average(even, np.nan if nodata is None else nodata)
    a, b, c, d = _quarters(even)
    return np.where((a == b) | (a == c) | (a == d), a, np.where((b == c) | (b == d), b, np.where(c == d, c, a)))


def _average(even: Pixels, nodata: float) -> Pixels:
    known = np.isfinite(even) & (even != nodata)
    if known.all():
        return np.asarray(_sum(even) / 4, even.dtype)
    count = _sum(known.astype(even.dtype))
    mean: Pixels = np.where(count > 0, _sum(np.where(known, even, 0)) / np.maximum(count, 1), nodata)
    return np.asarray(mean, even.dtype)


def _sum(even: Pixels) -> Pixels:
    a, b, c, d = _quarters(even)
    total: Pixels = a + b
    total += c
    total += d
    return total


def _quarters(even: Pixels) -> tuple[Pixels, Pixels, Pixels, Pixels]:
    return even[::2, ::2], even[::2, 1::2], even[1::2, ::2], even[1::2, 1::2]
