"""Pixels right and wrong, pooled over ground, with intervals.

Precision, recall and their kin are taken from pooled counts, never as a mean over patches: that is how the paper's
tables were made (F1 = 2PR / (P + R) holds in each of their rows), and a mean of ratios has no meaning on the ground.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .codes import IGNORE, LANDSLIDE

MEASURES = ("precision", "recall", "f1", "iou", "mcc")
# An interval from fewer pieces of ground would look far more certain than it is.
FEWEST_UNITS = 5

# Pixel classes of a confusion raster.
TN, FP, FN, TP = 0, 1, 2, 3  # TP = FP + FN: predicted and reference add up


@dataclass(frozen=True)
class Confusion:
    """Pixel counts against a reference; adding two pools them.

    A measure is None where it is undefined: precision where nothing was predicted, recall where there is no landslide.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def total(self) -> int:
        """All judged pixels."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def precision(self) -> float | None:
        """Share of the predicted pixels that are landslide in the reference."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Share of the reference's landslide pixels that were predicted."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float | None:
        """Intersection over union, TP / (TP + FP + FN); the match index 1 - E of Carrara et al."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def mcc(self) -> float | None:
        """Matthews correlation coefficient, -1 to 1."""
        margins = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return (self.tp * self.tn - self.fp * self.fn) / math.sqrt(margins) if margins else None

    def measures(self) -> dict[str, float | None]:
        """All of `MEASURES` by name."""
        return {name: getattr(self, name) for name in MEASURES}


class Interval(NamedTuple):
    """Percentile interval of a measure."""

    low: float
    high: float


class Tally:
    """Counts pixels by unit of ground (a block, a tile) while an image is gone through window by window."""

    def __init__(self, n_units: int) -> None:
        self._counts = np.zeros((n_units, 4), np.int64)

    def feed(self, classes: NDArray[np.uint8], units: NDArray[np.integer]) -> None:
        """Adds a window.

        Args:
            classes: (h, w) uint8 from `classify`.
            units: (h, w) integer, the unit of every pixel; negative = none.
        """
        judged = (classes != IGNORE) & (units >= 0)
        if not judged.any():
            return
        unit = units[judged].astype(np.int64)
        first, stop = int(unit.min()), int(unit.max()) + 1
        cells = np.bincount((unit - first) * 4 + classes[judged], minlength=(stop - first) * 4)
        self._counts[first:stop] += cells.reshape(-1, 4)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n_units, 4) TN, FP, FN and TP pixels of every unit."""
        return self._counts.copy()


def confusions(counts: NDArray[np.int64]) -> list[Confusion]:
    """One for each row of TN, FP, FN, TP."""
    return [Confusion(tp=tp, fp=fp, fn=fn, tn=tn) for tn, fp, fn, tp in counts.tolist()]


def classify(
    predicted: NDArray[np.uint8], codes: NDArray[np.uint8], where: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """(H, W) uint8: TN = 0, FP = 1, FN = 2, TP = 3, IGNORE = 255.

    Args:
        predicted: (H, W) uint8 label codes of the map; IGNORE where it says nothing.
        codes: (H, W) uint8 label codes of the reference.
        where: (H, W) bool, the ground that counts; default all.
    """
    judged = (predicted != IGNORE) & (codes != IGNORE)
    if where is not None:
        judged &= where
    classes = np.where(predicted == LANDSLIDE, FP, TN).astype(np.uint8)
    classes[codes == LANDSLIDE] += FN
    classes[~judged] = IGNORE
    return classes


def from_classes(classes: NDArray[np.uint8]) -> Confusion:
    """Pools an array from `classify`."""
    return confusions(np.bincount(classes[classes != IGNORE], minlength=4)[np.newaxis])[0]


def from_maps(
    predicted: NDArray[np.uint8], codes: NDArray[np.uint8], where: NDArray[np.bool_] | None = None
) -> Confusion:
    """Pooled counts of a map against a reference; arguments as for `classify`."""
    return from_classes(classify(predicted, codes, where))


def per_block(
    predicted: NDArray[np.uint8], codes: NDArray[np.uint8], blocks: NDArray[np.uint8]
) -> dict[int, Confusion]:
    """Counts of every block; `blocks` is (H, W) uint8 with 255 for no block."""
    used = blocks != IGNORE
    tally = Tally(int(blocks[used].max(initial=0)) + 1)
    tally.feed(classify(predicted, codes), np.where(used, blocks.astype(np.int16), -1))
    return {number: counts for number, counts in enumerate(confusions(tally.counts)) if counts.total}


def pool(confusions: Iterable[Confusion]) -> Confusion:
    """The sum of all counts."""
    return sum(confusions, Confusion())


def bootstrap(
    units: Sequence[Confusion], seed: int, *, level: float = 0.95, repeats: int = 2000
) -> dict[str, Interval | None]:
    """Percentile intervals of the pooled measures when whole units of ground are drawn again with replacement.

    Units (blocks, or tiles of them) and not pixels are drawn, because neighbouring pixels err together. Tiles err
    together too, if less so: an interval over them is a lower bound of the true width. Units are drawn by position, so
    two maps of the same ground with the same seed are drawn alike and their differences can be paired.

    Args:
        units: Counts of every unit.
        seed: Seed of the draws.
        level: Share of the draws inside the interval.
        repeats: Number of draws.

    Returns:
        An interval by measure; None with fewer than five units, or where the measure is undefined in a twentieth of
        the draws or more.
    """
    draws = resample(units, seed, repeats)
    tails = (50 * (1 - level), 50 * (1 + level))
    intervals: dict[str, Interval | None] = {}
    for name, values in _measure_arrays(draws).items():
        defined = values[np.isfinite(values)]
        if len(units) < FEWEST_UNITS or len(defined) <= 0.95 * repeats:
            intervals[name] = None
        else:
            low, high = np.percentile(defined, tails)
            intervals[name] = Interval(float(low), float(high))
    return intervals


def resample(units: Sequence[Confusion], seed: int, repeats: int) -> NDArray[np.int64]:
    """(repeats, 4) pooled tp, fp, fn, tn of `repeats` draws of all units with replacement."""
    counts = np.array([(u.tp, u.fp, u.fn, u.tn) for u in units], np.int64).reshape(-1, 4)
    if len(counts) == 0:
        return np.zeros((repeats, 4), np.int64)
    rng = np.random.default_rng(seed)
    return np.stack([counts[rng.integers(0, len(counts), len(counts))].sum(axis=0) for _ in range(repeats)])


def tversky_from_pr(precision: float, recall: float, w_fn: float = 0.3, w_fp: float = 0.7) -> float:
    """Tversky index TP / (TP + w_fn FN + w_fp FP) of pixels with this precision and recall; the loss is 1 minus it.

    Fits the losses of the paper's tables with w_fn = 0.3 and w_fp = 0.7, and with no other published pair of weights.
    """
    if precision == 0 or recall == 0:
        return 0.0
    return 1 / (1 + w_fn * (1 / recall - 1) + w_fp * (1 / precision - 1))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _measure_arrays(counts: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The measures of many counts at once, NaN where undefined."""
    tp, fp, fn, tn = counts.T.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "iou": tp / (tp + fp + fn),
            "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
        }
