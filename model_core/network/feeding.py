"""Patches for training and validation: cut from big arrays when they are needed, ahead of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from ..arrays.codes import IGNORE, LANDSLIDE
from ..contract.errors import InputError
from .augmentation import Augmenter

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]

_AHEAD = 2  # batches prepared beside the running step; each is memory


class Patch(NamedTuple):
    """A square window on the image of one date by its upper left pixel; may reach beyond the image on any side."""

    date_index: int
    row: int
    col: int


class PatchSource(Protocol):
    """Where training patches come from."""

    def __len__(self) -> int:
        """Batches a training epoch."""

    def batch(self, epoch: int, index: int) -> Batch:
        """Images (N, S, S, B) and targets (N, S, S, 2), float32; depends on nothing but its arguments."""


class Patches:
    """Training patches from one big array a date, or from an array of ready-made patches.

    Args:
        images: For each date (H, W, B) float32 network input, in memory or memory-mapped; an (N, S, S, B) array of
            patches counts as N dates.
        codes: For each date (H, W) uint8 label codes.
        windows: The patches of a training epoch (counted from 0); the same number for all epochs.
        size_px: Side of the patches.
        batch_size: Patches a step. The last batch of an epoch is filled up from the epoch's beginning, because a
            batch of a few patches spoils the network's statistics.
        seed: For the order, which changes from epoch to epoch.

    Raises:
        InputError: There is no patch.
    """

    def __init__(
        self,
        images: Sequence[NDArray[np.float32]],
        codes: Sequence[NDArray[np.uint8]],
        windows: Callable[[int], Sequence[Patch]],
        size_px: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self._images, self._codes, self._size_px, self._seed = images, codes, size_px, seed
        n = len(windows(0))
        if n == 0:
            raise InputError("training.no-patches", "There is no patch with known ground to train on.",
                             "Check that the searched ground overlaps the image, or choose a smaller patch size.")
        self._batch_size = min(batch_size, n)
        self._n_batches = -(-n // self._batch_size)
        self._windows = windows
        self._order = lru_cache(maxsize=2)(self._draw_order)

    def __len__(self) -> int:
        return self._n_batches

    def batch(self, epoch: int, index: int) -> Batch:
        """Images (N, S, S, B) and targets (N, S, S, 2), float32."""
        order, start = self._order(epoch), index * self._batch_size
        chosen = [order[k % len(order)] for k in range(start, start + self._batch_size)]
        return _cut(self._images, self._codes, chosen, self._size_px)

    def _draw_order(self, epoch: int) -> list[Patch]:
        patches = self._windows(epoch)
        return [patches[k] for k in np.random.default_rng((self._seed, epoch)).permutation(len(patches))]


class Cover:
    """Validation ground in windows that cover each known pixel once; iterate it as often as needed.

    Args:
        images: As for `Patches`.
        codes: As for `Patches`; IGNORE outside the validation ground.
        size_px: Side of the windows, a multiple of 16. Larger ones are faster.
        batch_size: Windows a batch.
    """

    def __init__(
        self, images: Sequence[NDArray[np.float32]], codes: Sequence[NDArray[np.uint8]], size_px: int, batch_size: int
    ) -> None:
        self._images, self._codes, self._size_px, self._batch_size = images, codes, size_px, batch_size
        self.windows = [
            Patch(date, row, col)
            for date, known in enumerate(codes)
            for row in range(0, known.shape[0], size_px)
            for col in range(0, known.shape[1], size_px)
            if np.any(known[row : row + size_px, col : col + size_px] != IGNORE)
        ]

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.windows), self._batch_size):
            yield _cut(self._images, self._codes, self.windows[start : start + self._batch_size], self._size_px)


class Feed(keras.utils.PyDataset):
    """Endless batches for `keras.Model.fit`, prepared in a thread while the network computes.

    Batches are counted through all training epochs, so preparing goes on across their borders. Close it after use.

    Args:
        source: Where the patches come from.
        augment: Changes them at random; None: not at all.
        first_epoch: The training epoch that the first batch belongs to, counted from 0.
    """

    def __init__(self, source: PatchSource, augment: Augmenter | None, first_epoch: int) -> None:
        super().__init__(workers=1)
        self._source, self._augment = source, augment
        self._first = first_epoch * len(source)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="patches")
        self._coming: dict[int, Future[Batch]] = {}

    @property
    def num_batches(self) -> None:
        """None: without end."""
        return None

    def __getitem__(self, index: int) -> Batch:
        for ahead in range(index, index + 1 + _AHEAD):
            if ahead not in self._coming:
                self._coming[ahead] = self._worker.submit(self._prepare, self._first + ahead)
        return self._coming.pop(index).result()

    def close(self) -> None:
        """Drops what was prepared and ends the thread."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, count: int) -> Batch:
        epoch, index = divmod(count, len(self._source))
        images, targets = self._source.batch(epoch, index)
        return self._augment(images, targets, epoch, index) if self._augment else (images, targets)


def targets_of(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Label codes (..., H, W) -> (..., H, W, 2) float32: label and valid, each 0 or 1."""
    return np.stack([codes == LANDSLIDE, codes != IGNORE], axis=-1).astype(np.float32)


def _cut(images: Any, codes: Any, patches: Sequence[Patch], size_px: int) -> Batch:
    """The patches' pixels; outside the image 0 and IGNORE."""
    n_bands = images[0].shape[-1]
    pixels = np.zeros((len(patches), size_px, size_px, n_bands), np.float32)
    known = np.full((len(patches), size_px, size_px), IGNORE, np.uint8)
    for k, (date, row, col) in enumerate(patches):
        height, width = codes[date].shape
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(row + size_px, height), min(col + size_px, width)
        inside = (k, slice(top - row, bottom - row), slice(left - col, right - col))
        pixels[inside] = images[date][top:bottom, left:right]
        known[inside] = codes[date][top:bottom, left:right]
    return pixels, targets_of(known)
