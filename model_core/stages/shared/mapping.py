"""Runs a network over an image of any size: read, scale, predict and blend, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ...arrays.blending import Strip, blend
from ...arrays.windows import Window, clip, cover, patch_windows, shuffled
from ...contract.events import Report

# Reads scaled pixels and their valid mask: (h, w, B) float32, (h, w) bool.
Reader = Callable[[slice, slice], "tuple[np.ndarray, np.ndarray]"]
# (N, h, w, B) float32 to (N, h, w) float32.
Predict = Callable[[np.ndarray], np.ndarray]
# Probabilities are kept to 1/4096: half precision gives no more, and the file is half as large.
PROBABILITY_STEPS = 4096
UNLABELLED_PX, UNLABELLED_WINDOWS = 256, 64

_Item = TypeVar("_Item")


def map_probability(
    read: Reader, shape: tuple[int, int], predict: Predict, report: Report, *, window_px: int, overlap_px: int
) -> Iterator[Strip]:
    """Yields the landslide probability of an image in strips of finished rows; NaN where nothing was observed.

    While the network computes, the next window is read and the one before blended and written by the caller. Memory
    holds one row of windows, whatever the image's height.

    Args:
        read: Gives scaled pixels for rows and columns inside the image.
        shape: (height, width) of the image.
        predict: The network.
        report: Told the progress; asked between windows whether to stop.
        window_px, overlap_px: See `arrays.windows.cover`.
    """
    windows = cover(*shape, window_px, overlap_px)
    valid_rows = _ValidRows(shape[1])
    for strip in blend(*shape, windows, _predicted(read, shape, windows, predict, report, valid_rows)):
        strip.values[~valid_rows.take(len(strip.values))] = np.nan
        np.multiply(strip.values, PROBABILITY_STEPS, out=strip.values)
        np.rint(strip.values, out=strip.values)
        np.divide(strip.values, PROBABILITY_STEPS, out=strip.values)
        yield strip


def unlabelled(read: Reader, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yields (h, w, B) windows spread over an image and mostly observed, sides multiples of 16.

    For statistics that a network takes from an image without labels.
    """
    n = 0
    for window in shuffled(patch_windows(*shape, UNLABELLED_PX, UNLABELLED_PX)):
        pixels, valid = read(*clip(window, *shape))
        if valid.mean() > 0.5:
            yield pixels[: pixels.shape[0] // 16 * 16, : pixels.shape[1] // 16 * 16]
            n += 1
        if n == UNLABELLED_WINDOWS:
            return


class _ValidRows:
    """Valid mask of the rows that were read and not yet finished."""

    def __init__(self, width: int) -> None:
        self._rows = np.zeros((0, width), bool)
        self._top = 0

    def put(self, window: Window, valid: np.ndarray) -> None:
        bottom = window.rows.start + len(valid) - self._top
        if bottom > len(self._rows):
            more = np.zeros((bottom - len(self._rows), self._rows.shape[1]), bool)
            self._rows = np.concatenate([self._rows, more])
        rows = slice(window.rows.start - self._top, bottom)
        self._rows[rows, window.cols.start : window.cols.start + valid.shape[1]] = valid

    def take(self, n: int) -> np.ndarray:
        taken, self._rows = self._rows[:n], self._rows[n:]
        self._top += n
        return taken


def _predicted(
    read: Reader, shape: tuple[int, int], windows: Sequence[Window], predict: Predict, report: Report, rows: _ValidRows
) -> Iterator[np.ndarray]:
    def read_padded(window: Window) -> tuple[Window, np.ndarray, np.ndarray]:
        part = clip(window, *shape)
        pixels, valid = read(part.rows, part.cols)
        if part != window:
            beyond = [(0, window.rows.stop - part.rows.stop), (0, window.cols.stop - part.cols.stop), (0, 0)]
            # Mirrored ground instead of black, which the network would take for a dark object at the image's edge.
            pixels = np.pad(pixels, beyond, mode="symmetric")
        return part, pixels, valid

    def probability(window: tuple[Window, np.ndarray, np.ndarray]) -> tuple[Window, np.ndarray, np.ndarray]:
        part, pixels, valid = window
        # Ground that nobody observed costs no time.
        return part, predict(pixels[None])[0] if valid.any() else np.zeros(pixels.shape[:2], np.float32), valid

    with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as computing:
        ready = ahead(map(read_padded, windows), reading)
        for number, (part, values, valid) in enumerate(ahead(map(probability, ready), computing), start=1):
            rows.put(part, valid)
            report.progress(number / len(windows))
            yield values


def ahead(items: Iterator[_Item], thread: Executor) -> Iterator[_Item]:
    """The same items, none of them None; the next one is made in a thread while the caller works with this one."""
    return _following(thread.submit(next, items, None), items, thread)


def _following(upcoming: Future[_Item | None], items: Iterator[_Item], thread: Executor) -> Iterator[_Item]:
    while (item := upcoming.result()) is not None:
        upcoming = thread.submit(next, items, None)
        yield item
