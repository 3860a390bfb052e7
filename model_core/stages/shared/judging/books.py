"""The sums that judging keeps while it goes through a map window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ....arrays.codes import IGNORE
from ....arrays.confusion import Confusion, Interval, Tally, bootstrap, classify, confusions
from ....arrays.tolerance import (
    DIRECTIONS,
    TolerantF1,
    object_counts,
    shift_counts,
    weighted_f1,
    whole_shifts,
    without_largest,
)
from ....arrays.windows import Window
from .reference import Blocks

# From this many blocks on, intervals are drawn from blocks; below it from tiles of them.
ENOUGH_BLOCKS = 5
# What an object's pixels lie on.
NOT_JUDGED, JUDGED, ON_TEST = 0, 1, 2


@dataclass(frozen=True)
class GroundResult:
    """What was found on one part of the ground.

    Attributes:
        name: "test blocks", "whole area" or "block N".
        role: "test", "validation", "train" or "guard"; empty for the whole area.
        counts: Pooled pixels.
        intervals: 95 % interval by measure, None where there is none.
        drawn: What the intervals were drawn from, in words.
        tolerant_f1: F1 by tolerance in pixels; None for single blocks.
        without_largest: The counts without the largest landslide; None for single blocks.
    """

    name: str
    role: str
    counts: Confusion
    intervals: dict[str, Interval | None]
    drawn: str
    tolerant_f1: dict[float, float | None] | None = None
    without_largest: Confusion | None = None


@dataclass(frozen=True)
class View:
    """All that is known about a window and a margin around it.

    Attributes:
        core: The window.
        inner: Where it lies in the arrays below, which hold a margin too.
        predicted, codes: (h, w) uint8 label codes of map and reference.
        mapped_ids, reference_ids: (h, w) int32 objects of map and reference, 0 = none.
        block_rows: (h, w) int32 row of the block layer, 0 = none, else 1 + position.
        learned: (h, w) bool, ground that the model learned from; None if unknown.
    """

    core: Window
    inner: Window
    predicted: np.ndarray
    codes: np.ndarray
    mapped_ids: np.ndarray
    reference_ids: np.ndarray
    block_rows: np.ndarray
    learned: np.ndarray | None


class Books:
    """All sums of a map, entered window by window.

    Args:
        shape: (height, width) of the map.
        tile_px: Side of the tiles that intervals are drawn from.
        blocks: Of the training, if known.
        n_mapped, n_reference: Number of objects.
        shifts_px: Shifts of the labels to try on a perfect map.
    """

    def __init__(
        self, shape: tuple[int, int], tile_px: int, blocks: Blocks | None, n_mapped: int, n_reference: int,
        shifts_px: Sequence[float],
    ) -> None:
        self._tile_px = tile_px
        self._tiles_across = -(-shape[1] // tile_px)
        # The rows of the block layer, after one for ground without block.
        self._block = np.append(-1, [] if blocks is None else blocks.block).astype(np.int64)
        self._role = np.append("", [] if blocks is None else blocks.role)
        self._on_test = self._role == "test"
        self._tally = Tally(-(-shape[0] // tile_px) * self._tiles_across * len(self._block))
        self._whole = _Region(n_reference)
        self._test = _Region(n_reference) if self._on_test.any() else None
        self._shifted: dict[float, list[tuple[Confusion, float]]] = {shift: [] for shift in shifts_px}
        self.margin_px = max(self._whole.tolerant.margin_px, int(np.ceil(max(shifts_px))))
        self.mapped_ground = np.zeros((n_mapped + 1, 3), np.int64)
        self.reference_ground = np.zeros((n_reference + 1, 3), np.int64)
        # Pixels by NOT_JUDGED, JUDGED and ON_TEST, and those of them that the model learned from.
        self.ground_px, self.learned_px = np.zeros(3, np.int64), np.zeros(3, np.int64)

    def enter(self, view: View) -> np.ndarray:
        """Takes a window and returns the (h, w) uint8 classes of its pixels."""
        inner = view.inner
        classes = classify(view.predicted[inner], view.codes[inner])
        judged = classes != IGNORE
        on_test = self._on_test[view.block_rows]
        self._tally.feed(classes, self._units(view))
        self._whole.enter(view, view.codes)
        if self._test is not None:
            self._test.enter(view, np.where(on_test, view.codes, IGNORE).astype(np.uint8))
        for shift, parts in self._shifted.items():
            parts.extend(_shifted_counts(view, shift))
        state = np.where(judged, np.where(on_test[inner], ON_TEST, JUDGED), NOT_JUDGED)
        for ids, ground in ((view.mapped_ids, self.mapped_ground), (view.reference_ids, self.reference_ground)):
            cells = ids[inner].astype(np.int64) * 3 + state
            ground += np.bincount(cells.ravel(), minlength=ground.size).reshape(-1, 3)
        self.ground_px += np.bincount(state.ravel(), minlength=3)
        if view.learned is not None:
            self.learned_px += np.bincount(state[view.learned[inner]], minlength=3)
        return classes

    def grounds(self, seed: int, drawn_tile: str) -> list[GroundResult]:
        """Test blocks, where there are any, the whole area, and each block; `drawn_tile` names the tiles."""
        every = np.ones(len(self._block), bool)
        results = [self._ground("whole area", "", every, seed, drawn_tile, self._whole)]
        if self._test is not None:
            results.insert(0, self._ground("test blocks", "test", self._on_test, seed, drawn_tile, self._test))
        for number in np.unique(self._block[self._block >= 0]):
            own = self._block == number
            role = next((role for role in self._role[own] if role != "guard"), "guard")
            results.append(self._ground(f"block {number}", str(role), own, seed, drawn_tile))
        return results

    def perfect_f1(self) -> dict[float, float | None]:
        """F1 that a map without any error would get, by shift of the labels in pixels."""
        return {shift: weighted_f1(parts) for shift, parts in self._shifted.items()}

    def _units(self, view: View) -> np.ndarray:
        """The unit of counting of each pixel: its tile, and in it its row of the block layer."""
        rows, cols = (np.arange(span.start, span.stop) // self._tile_px for span in view.core)
        tile = rows[:, None] * self._tiles_across + cols[None, :]
        units: np.ndarray = tile * len(self._block) + view.block_rows[view.inner]
        return units

    def _ground(
        self, name: str, role: str, rows: np.ndarray, seed: int, drawn_tile: str, region: _Region | None = None
    ) -> GroundResult:
        """Result on some rows of the block layer."""
        counts = self._tally.counts.reshape(-1, len(self._block), 4)[:, rows]
        in_blocks = np.array([counts[:, self._block[rows] == number].sum(axis=(0, 1))
                              for number in np.unique(self._block[rows]) if number >= 0]).reshape(-1, 4)
        in_tiles = counts.sum(axis=1)
        in_blocks, in_tiles = (units[units.any(axis=1)] for units in (in_blocks, in_tiles))
        enough = len(in_blocks) >= ENOUGH_BLOCKS
        pooled = confusions(in_tiles.sum(axis=0, keepdims=True))[0]
        return GroundResult(
            name, role, pooled,
            intervals=bootstrap(confusions(in_blocks if enough else in_tiles), seed),
            drawn=f"{len(in_blocks)} blocks" if enough else f"{len(in_tiles)} {drawn_tile}",
            tolerant_f1=None if region is None else region.tolerant.f1(),
            without_largest=None if region is None else without_largest(pooled, region.objects),
        )


class _Region:
    """Measures that need more than the counts of each pixel."""

    def __init__(self, n_landslides: int) -> None:
        self.tolerant = TolerantF1()
        self.objects = np.zeros((n_landslides + 1, 2), np.int64)

    def enter(self, view: View, codes: np.ndarray) -> None:
        classes = classify(view.predicted, codes)[view.inner]
        if (classes != IGNORE).any():
            self.tolerant.feed(view.predicted, codes, view.inner)
            self.objects += object_counts(classes, view.reference_ids[view.inner], len(self.objects) - 1)


def _shifted_counts(view: View, shift_px: float) -> Iterator[tuple[Confusion, float]]:
    """Counts of the labels against themselves, shifted in the four directions, with their weights."""
    for down, right in DIRECTIONS:
        for whole, weight in whole_shifts((down * shift_px, right * shift_px)):
            yield shift_counts(view.codes, whole, view.inner), weight
