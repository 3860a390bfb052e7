"""What a pixel F1 hides: outlines a pixel or two off, labels beside their image, one landslide that rules the sum."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .codes import IGNORE, LANDSLIDE
from .confusion import FN, TP, Confusion, from_maps
from .windows import Window

Codes = NDArray[np.uint8]
# Shifts of one pixel in (rows, columns): east, south, west, north.
DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0))


class TolerantF1:
    """F1 that forgives outlines up to some pixels off; fed window by window.

    A predicted pixel is right within the tolerance (straight-line distance of pixel centres) of a landslide of the
    reference, and a landslide pixel is found within it of a predicted one. Also called boundary F1 where only
    outlines count; here all pixels do.
    """

    def __init__(self, tolerances_px: Sequence[float] = (1.0, 2.0)) -> None:
        self.tolerances_px = tuple(tolerances_px)
        self._right, self._found = (np.zeros(len(self.tolerances_px), np.int64) for _ in range(2))
        self._predicted = self._landslide = 0

    @property
    def margin_px(self) -> int:
        """How much more than the window itself must be fed around it."""
        return math.ceil(max(self.tolerances_px))

    def feed(self, predicted: Codes, codes: Codes, core: Window) -> None:
        """Adds the pixels of `core`; the arrays (uint8 label codes) hold it with a margin of `margin_px`."""
        judged = (predicted != IGNORE) & (codes != IGNORE)
        mapped, landslide = judged & (predicted == LANDSLIDE), judged & (codes == LANDSLIDE)
        from_landslide, from_mapped = _distance(landslide)[core], _distance(mapped)[core]
        self._right += [np.count_nonzero(from_landslide[mapped[core]] <= t) for t in self.tolerances_px]
        self._found += [np.count_nonzero(from_mapped[landslide[core]] <= t) for t in self.tolerances_px]
        self._predicted += int(np.count_nonzero(mapped[core]))
        self._landslide += int(np.count_nonzero(landslide[core]))

    def f1(self) -> dict[float, float | None]:
        """F1 by tolerance; None where nothing was predicted or there is no landslide."""
        pairs = zip(self._right.tolist(), self._found.tolist(), strict=True)
        return {t: self._f1(right, found) for t, (right, found) in zip(self.tolerances_px, pairs, strict=True)}

    def _f1(self, right: int, found: int) -> float | None:
        if not self._predicted or not self._landslide:
            return None
        precision, recall = right / self._predicted, found / self._landslide
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def tolerant_f1(predicted: Codes, codes: Codes, tolerance_px: float) -> float | None:
    """`TolerantF1` of whole maps, (H, W) uint8 label codes."""
    measure = TolerantF1((tolerance_px,))
    measure.feed(predicted, codes, Window(slice(None), slice(None)))
    return measure.f1()[tolerance_px]


def object_counts(classes: Codes, object_ids: NDArray[np.int32], n_objects: int) -> NDArray[np.int64]:
    """Found and missed pixels of every landslide of the reference; counts of windows can be added.

    Args:
        classes: (h, w) uint8 from `confusion.classify`.
        object_ids: (h, w) int32, 0 = none, else the landslide's number up to `n_objects`.
        n_objects: Number of landslides.

    Returns:
        (n_objects + 1, 2) int64: TP and FN pixels; row 0 is of no landslide.
    """
    found, missed = (np.bincount(object_ids[classes == kind], minlength=n_objects + 1) for kind in (TP, FN))
    return np.stack([found, missed], axis=1)


def without_largest(pooled: Confusion, counts: NDArray[np.int64]) -> Confusion:
    """The counts without the pixels of the landslide that has most of them, found or missed.

    One landslide can be 41 % of a year's area, and then rules its F1. What was mapped beside it stays an error.

    Args:
        pooled: Counts of all ground.
        counts: From `object_counts` on the same ground.
    """
    largest = 1 + int(counts[1:].sum(axis=1).argmax()) if len(counts) > 1 else 0
    found, missed = counts[largest].tolist() if largest else (0, 0)
    return Confusion(tp=pooled.tp - found, fp=pooled.fp, fn=pooled.fn - missed, tn=pooled.tn)


def perfect_map_f1_at_shift(codes: Codes, shift_px: tuple[float, float]) -> float | None:
    """F1 that a map without any error gets against labels that lie beside the image.

    The bound that a label-to-image shift sets to every F1 on this ground.

    Args:
        codes: (H, W) uint8 label codes, taken for the perfect map.
        shift_px: Shift of the labels in rows and columns; see `whole_shifts` for fractions of a pixel.
    """
    parts = [(shift_counts(codes, shift), weight) for shift, weight in whole_shifts(shift_px)]
    return weighted_f1(parts)


def whole_shifts(shift_px: tuple[float, float]) -> list[tuple[tuple[int, int], float]]:
    """A shift by fractions of a pixel as whole shifts with their weights, which sum to 1.

    The pixels that a shift moves across an outline grow in proportion to it, so their expected counts lie on the line
    between those of its whole neighbours. (Interpolated labels would have to be rounded, which widens landslides.)
    """
    axes = []
    for shift in shift_px:
        low, part = math.floor(shift), shift - math.floor(shift)
        axes.append([(low, 1 - part), (low + 1, part)] if part else [(low, 1.0)])
    return [((row, col), row_weight * col_weight) for row, row_weight in axes[0] for col, col_weight in axes[1]]


def weighted_f1(parts: Iterable[tuple[Confusion, float]]) -> float | None:
    """F1 of counts pooled with weights; None where it is undefined."""
    right = wrong = 0.0
    for counts, weight in parts:
        right += weight * 2 * counts.tp
        wrong += weight * (counts.fp + counts.fn)
    return right / (right + wrong) if right + wrong else None


def shift_counts(codes: Codes, shift_px: tuple[int, int], core: Window | None = None) -> Confusion:
    """Counts of labels against themselves shifted by whole pixels; counts of windows can be added.

    A pixel whose label came from beyond the array, or from ignored ground, is not judged.

    Args:
        codes: (H, W) uint8 label codes.
        shift_px: Shift in rows and columns.
        core: The part of the array that counts; default all. With a margin of the shift around it, windows of a map
            add up to the whole.
    """
    shifted = np.full_like(codes, IGNORE)
    to_rows, from_rows = _slices(shift_px[0])
    to_cols, from_cols = _slices(shift_px[1])
    shifted[to_rows, to_cols] = codes[from_rows, from_cols]
    part = core or Window(slice(None), slice(None))
    return from_maps(codes[part], shifted[part])


def _slices(shift: int) -> tuple[slice, slice]:
    """Where the elements of an axis go to, and where they come from."""
    forward = slice(max(shift, 0), None if shift >= 0 else shift)
    return forward, slice(max(-shift, 0), None if shift <= 0 else -shift)


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance to the nearest True pixel; infinite without any."""
    if not mask.any():
        return np.full(mask.shape, np.inf)
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(~mask)
    return distance
