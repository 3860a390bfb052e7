"""Where windows lie on an image. Nothing here reads a pixel, and no pixel of the image is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..contract.errors import UsageError

# Windows for prediction may be this much larger than wished for, where that saves a row or column of them.
_STRETCH = 1.0625


class Window(NamedTuple):
    """Part of an image in pixels; may reach beyond the image's lower and right edge, never above or left of it."""

    rows: slice
    cols: slice


def patch_windows(height: int, width: int, size_px: int, stride_px: int) -> list[Window]:
    """Square windows every `stride_px`, from the upper left, row by row.

    The last row and column are shifted inwards to end at the image's edge, so they overlap their neighbours more. An
    image smaller than a window gets one window that reaches beyond it.
    """
    return [
        Window(slice(top, top + size_px), slice(left, left + size_px))
        for top in _starts(height, size_px, stride_px)
        for left in _starts(width, size_px, stride_px)
    ]


def cover(height: int, width: int, target_px: int, overlap_px: int, multiple: int = 16) -> list[Window]:
    """Windows of one size for prediction, row by row; each shares `overlap_px` or more, at most half, with the next.

    With n windows along a side of length L the size is (L - overlap) / n + overlap, rounded up to `multiple`; n is the
    smallest that keeps the size within 1.0625 x `target_px`. What rounding adds goes to the overlap. So the tiling
    sticks out of the image by a few pixels (5000 px, target 1024, overlap 24: 5 windows of 1024 px that share 30 px)
    instead of by most of a window. Height and width are sized separately.

    Raises:
        UsageError: The overlap is not smaller than the window.
    """
    if not 0 <= overlap_px < target_px:
        raise UsageError("windows.overlap", f"An overlap of {overlap_px} px does not fit windows of {target_px} px.",
                         "Use larger windows or a smaller overlap.", overlap_px=overlap_px, target_px=target_px)
    rows = _even_spans(height, target_px, overlap_px, multiple)
    cols = _even_spans(width, target_px, overlap_px, multiple)
    return [Window(r, c) for r in rows for c in cols]


def tiles(height: int, width: int, size_px: int) -> list[Window]:
    """Windows side by side that hold every pixel exactly once, row by row; those at the far edges are smaller."""
    return [
        Window(slice(top, min(top + size_px, height)), slice(left, min(left + size_px, width)))
        for top in range(0, height, size_px)
        for left in range(0, width, size_px)
    ]


def shuffled(windows: Sequence[Window]) -> list[Window]:
    """The windows in an order that is always the same, of which any beginning is spread over the whole image.

    Every k-th window would do worse: on images of some widths all of these lie below each other.
    """
    return [windows[k] for k in np.random.default_rng(0).permutation(len(windows))]


def clip(window: Window, height: int, width: int) -> Window:
    """The part of a window that lies in the image."""
    return Window(slice(window.rows.start, min(window.rows.stop, height)),
                  slice(window.cols.start, min(window.cols.stop, width)))


def grow(window: Window, by_px: int, height: int, width: int) -> Window:
    """The window with a margin on every side, as far as the image reaches."""
    return Window(slice(max(window.rows.start - by_px, 0), min(window.rows.stop + by_px, height)),
                  slice(max(window.cols.start - by_px, 0), min(window.cols.stop + by_px, width)))


def inside(inner: Window, outer: Window) -> Window:
    """Where `inner` lies in an array that was read through `outer`."""
    return Window(slice(inner.rows.start - outer.rows.start, inner.rows.stop - outer.rows.start),
                  slice(inner.cols.start - outer.cols.start, inner.cols.stop - outer.cols.start))


def _starts(length: int, size: int, stride: int) -> list[int]:
    last = max(length - size, 0)
    return [*range(0, last, stride), last]


def _even_spans(length: int, target: int, overlap: int, multiple: int) -> list[slice]:
    # However many windows, a pixel belongs to two at most, so that ramps of neighbours do not meet.
    smallest = _round_up(max(2 * overlap, 1), multiple)
    largest = max(_STRETCH * target, smallest)
    n = 1
    while (size := max(_round_up((length - overlap) / n + overlap, multiple), smallest)) > largest:
        n += 1
    n = math.ceil(max(length - size, 0) / (size - overlap)) + 1
    if n == 1:
        return [slice(0, size)]
    step = max(math.ceil((length - size) / (n - 1)), size // 2)
    return [slice(k * step, k * step + size) for k in range(n)]


def _round_up(value: float, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple
