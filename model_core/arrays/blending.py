"""Puts overlapping windows together so that no seam shows.

Neighbouring windows are weighted by ramps (half a Hann window) that add up to exactly one wherever they overlap. A
window is finished but for what it shares with the next ones, so no more than those edges is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .windows import Window

Image = NDArray[np.float32]


class Block(NamedTuple):
    """A finished part of an image: `values` is (h, w) float32, its upper left pixel is at (`top`, `left`)."""

    top: int
    left: int
    values: Image


def blend(height: int, width: int, windows: Sequence[Window], values: Iterable[Image]) -> Iterator[Block]:
    """Blends windows into blocks that hold every pixel of an image once, one for each window, in their order.

    A block begins where its window begins and ends where the next ones begin, or at the image's edge.

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
    done_h, done_w = size_h - overlap_h, size_w - overlap_w
    below = np.zeros((overlap_h, lefts[-1] + size_w), np.float32)  # what the row of windows above leaves for this one
    feed = iter(values)
    for top in tops:
        down = _ramps(size_h, overlap_h, top > tops[0], top < tops[-1])[:, None]
        beside = np.zeros((size_h, overlap_w), np.float32)  # what the window to the left leaves
        for left in lefts:
            window = next(feed) * _ramps(size_w, overlap_w, left > lefts[0], left < lefts[-1])
            window *= down
            window[:, :overlap_w] += beside
            beside = window[:, done_w:].copy()
            last_col = left + (size_w if left == lefts[-1] else done_w)
            finished = window[:, : last_col - left]
            finished[:overlap_h] += below[:, left:last_col]
            below[:, left:last_col] = finished[done_h:]
            rows = size_h if top == tops[-1] else done_h
            yield Block(top, left, finished[: min(rows, height - top), : width - left])


def whole(shape: tuple[int, int], blocks: Iterable[Block]) -> Image:
    """(H, W) float32 image of blocks that hold every pixel."""
    image = np.empty(shape, np.float32)
    for top, left, values in blocks:
        image[top : top + values.shape[0], left : left + values.shape[1]] = values
    return image


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
