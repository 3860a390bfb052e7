"""Puts overlapping windows together so that no seam shows.

Neighbouring windows are weighted by ramps (half a Hann window) that add up to exactly one wherever they overlap, so a
finished row needs no second pass and only one row of windows is ever in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .windows import Window

Image = NDArray[np.float32]

_STRIP_ROWS = 256  # handed over at a time, so that what is done with them needs little memory on wide images


class Strip(NamedTuple):
    """Finished rows of an image over its whole width: `values` is (h, W) float32, the first row is `top`."""

    top: int
    values: Image


def blend(height: int, width: int, windows: Sequence[Window], values: Iterable[Image]) -> Iterator[Strip]:
    """Blends windows into strips of a few finished rows, from the top.

    Args:
        height, width: Size of the image.
        windows: From `windows.cover`: of one size, row by row, each sharing the same overlap with the next, at most
            half of itself.
        values: The windows' values in the same order, (h, w) float32 each; what lies outside the image is not used.
    """
    tops = sorted({w.rows.start for w in windows})
    lefts = sorted({w.cols.start for w in windows})
    size_h = windows[0].rows.stop - windows[0].rows.start
    size_w = windows[0].cols.stop - windows[0].cols.start
    overlap_h = size_h - (tops[1] - tops[0]) if len(tops) > 1 else 0
    overlap_w = size_w - (lefts[1] - lefts[0]) if len(lefts) > 1 else 0
    across = {left: _ramps(size_w, overlap_w, left > lefts[0], left < lefts[-1]) for left in lefts}
    feed = iter(values)
    strip = np.zeros((size_h, lefts[-1] + size_w), np.float32)
    for top in tops:
        down = _ramps(size_h, overlap_h, top > tops[0], top < tops[-1])[:, None]
        for left in lefts:
            window = next(feed) * across[left]
            window *= down
            strip[:, left : left + size_w] += window
        done = min(size_h - overlap_h if top < tops[-1] else size_h, height - top)
        for row in range(0, done, _STRIP_ROWS):
            yield Strip(top + row, strip[row : min(row + _STRIP_ROWS, done), :width].copy())
        # What the next row of windows shares moves to the top.
        strip[:overlap_h] = strip[size_h - overlap_h :]
        strip[overlap_h:] = 0.0


def _ramps(size: int, overlap: int, before: bool, after: bool) -> Image:
    """Weights along one side of a window; they rise and fall only where there is a neighbour."""
    weights = np.ones(size, np.float32)
    ramp = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / max(overlap, 1)) ** 2
    if before:
        weights[:overlap] = ramp
    if after:
        # 1 - ramp instead of the mirrored ramp: the two then add up to one in float32 as well.
        weights[size - overlap :] = np.float32(1) - ramp.astype(np.float32)
    return weights
