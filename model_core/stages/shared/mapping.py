"""Runs a network over an image of any size: read, scale, predict and blend, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...arrays.blending import Strip, blend
from ...arrays.windows import Window, clip, cover
from ...contract.events import Report

# Reads scaled pixels and their valid mask: (h, w, B) float32, (h, w) bool.
Reader = Callable[[slice, slice], "tuple[np.ndarray, np.ndarray]"]
# (N, h, w, B) float32 to (N, h, w) float32.
Predict = Callable[[np.ndarray], np.ndarray]


def map_probability(
    read: Reader, shape: tuple[int, int], predict: Predict, report: Report, *, window_px: int, overlap_px: int
) -> Iterator[Strip]:
    """Yields the landslide probability of an image in strips of finished rows; NaN where nothing was observed.

    The next window is read while the network computes. Memory holds one row of windows, whatever the image's height.

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
        yield strip


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
        beyond = [(0, window.rows.stop - part.rows.stop), (0, window.cols.stop - part.cols.stop), (0, 0)]
        # Mirrored ground instead of black, which the network would take for a dark object at the image's edge.
        return part, np.pad(pixels, beyond, mode="symmetric" if any(b for _, b in beyond) else "constant"), valid

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(read_padded, windows[0])
        for i in range(len(windows)):
            part, pixels, valid = ahead.result()
            if i + 1 < len(windows):
                ahead = pool.submit(read_padded, windows[i + 1])
            rows.put(part, valid)
            # Ground that nobody observed costs no time.
            yield predict(pixels[None])[0] if valid.any() else np.zeros(pixels.shape[:2], np.float32)
            report.progress((i + 1) / len(windows))
