"""Runs a network over an image of any size: read, scale, predict and blend, window by window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ...arrays.blending import Block, blend
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
) -> Iterator[Block]:
    """Yields the landslide probability of an image in blocks, row by row of them; NaN where nothing was observed.

    While the network computes, the next window is read and the one before blended and written by the caller. Memory
    holds a few windows, whatever the image's size.

    Args:
        read: Gives scaled pixels for rows and columns inside the image.
        shape: (height, width) of the image.
        predict: The network.
        report: Told the progress; asked between windows whether to stop.
        window_px, overlap_px: See `arrays.windows.cover`.
    """
    windows = cover(*shape, window_px, overlap_px)
    observed: deque[np.ndarray] = deque()  # of the windows that are predicted and not yet blended
    for block in blend(*shape, windows, _predicted(read, shape, windows, predict, report, observed)):
        height, width = block.values.shape
        block.values[~observed.popleft()[:height, :width]] = np.nan
        np.multiply(block.values, PROBABILITY_STEPS, out=block.values)
        np.rint(block.values, out=block.values)
        np.divide(block.values, PROBABILITY_STEPS, out=block.values)
        yield block


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


def _predicted(
    read: Reader, shape: tuple[int, int], windows: Sequence[Window], predict: Predict, report: Report,
    observed: deque[np.ndarray],
) -> Iterator[np.ndarray]:
    def read_padded(window: Window) -> tuple[np.ndarray, np.ndarray]:
        part = clip(window, *shape)
        pixels, valid = read(part.rows, part.cols)
        if part != window:
            beyond = [(0, window.rows.stop - part.rows.stop), (0, window.cols.stop - part.cols.stop), (0, 0)]
            # Mirrored ground instead of black, which the network would take for a dark object at the image's edge.
            pixels = np.pad(pixels, beyond, mode="symmetric")
        return pixels, valid

    def probability(window: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        pixels, valid = window
        # Ground that nobody observed costs no time.
        return predict(pixels[None])[0] if valid.any() else np.zeros(pixels.shape[:2], np.float32), valid

    with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as computing:
        ready = ahead(map(read_padded, windows), reading)
        for number, (values, valid) in enumerate(ahead(map(probability, ready), computing), start=1):
            observed.append(valid)
            report.progress(number / len(windows))
            yield values


def ahead(items: Iterator[_Item], thread: Executor) -> Iterator[_Item]:
    """The same items, none of them None; the next one is made in a thread while the caller works with this one."""
    return _following(thread.submit(next, items, None), items, thread)


def _following(upcoming: Future[_Item | None], items: Iterator[_Item], thread: Executor) -> Iterator[_Item]:
    while (item := upcoming.result()) is not None:
        upcoming = thread.submit(next, items, None)
        yield item
