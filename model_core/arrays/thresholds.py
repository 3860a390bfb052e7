"""Chooses the probability from which a pixel counts as landslide."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError, UsageError
from .codes import IGNORE, LANDSLIDE
from .confusion import Confusion

BINS = 1000


class ThresholdCurve:
    """Counts at every threshold k / bins at once, from a histogram that is fed chunk by chunk.

    A pixel is predicted where its probability (float32) is at or above the threshold (rounded to float32).
    """

    def __init__(self, bins: int = BINS) -> None:
        self._edges = (np.arange(bins + 1) / bins).astype(np.float32)
        self._histogram = np.zeros((2, bins + 1), np.int64)

    def feed(
        self, probabilities: NDArray[np.float32], codes: NDArray[np.uint8], where: NDArray[np.bool_] | None = None
    ) -> None:
        """Adds pixels.

        Args:
            probabilities: float32, 0 to 1, any shape; NaN = no prediction.
            codes: uint8 label codes of the same shape.
            where: bool, the ground that counts; default all.
        """
        judged = (codes != IGNORE) & np.isfinite(probabilities)
        if where is not None:
            judged &= where
        bin_of = np.searchsorted(self._edges, probabilities[judged], side="right") - 1
        landslide = codes[judged] == LANDSLIDE
        for kind in (False, True):
            self._histogram[int(kind)] += np.bincount(bin_of[landslide == kind], minlength=self._edges.size)

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """(bins - 1,) the candidates, 1 / bins to 1 - 1 / bins."""
        bins = self._edges.size - 1
        return np.arange(1, bins) / bins

    @property
    def precision(self) -> NDArray[np.float64]:
        """(bins - 1,) by threshold, NaN where nothing is predicted."""
        fp, tp = self._at_or_above()
        return _ratio(tp, tp + fp)

    @property
    def recall(self) -> NDArray[np.float64]:
        """(bins - 1,) by threshold, NaN without landslides."""
        _, tp = self._at_or_above()
        return _ratio(tp, np.full_like(tp, self._histogram[1].sum()))

    @property
    def f1(self) -> NDArray[np.float64]:
        """(bins - 1,) by threshold, NaN without landslides."""
        fp, tp = self._at_or_above()
        return _ratio(2 * tp, tp + fp + self._histogram[1].sum())

    def confusion(self, threshold: float) -> Confusion:
        """The counts at the candidate nearest to `threshold`."""
        nearest = int(np.abs(self.thresholds - threshold).argmin())
        fp, tp = (int(counts[nearest]) for counts in self._at_or_above())
        background, landslide = self._histogram.sum(axis=1).tolist()
        return Confusion(tp=tp, fp=fp, fn=landslide - tp, tn=background - fp)

    def choose(self, goal: Literal["f1", "recall"] = "f1", target: float | None = None) -> float:
        """The best threshold.

        Args:
            goal: "f1": the highest F1; the middle of the first run of thresholds that reach it. "recall": the highest
                threshold whose recall is at least `target`, so the fewest false alarms at that recall.
            target: Wanted recall, 0 to 1.

        Raises:
            InputError: There is no landslide to choose by, or the recall cannot be reached.
            UsageError: An unknown goal, or a recall without a target.
        """
        if goal not in ("f1", "recall") or (goal == "recall" and target is None):
            raise UsageError("threshold.goal", f"A threshold cannot be chosen for {goal} with target {target}.",
                             "Choose f1, or recall with a target between 0 and 1.")
        if not self._histogram[1].any():
            raise InputError("threshold.no-landslide", "There is no landslide on the ground to choose a threshold on.",
                             "Choose other validation blocks, or give the threshold yourself.")
        if goal == "recall" and target is not None:
            enough = np.flatnonzero(self.recall >= target)
            if enough.size == 0:
                raise InputError(
                    "threshold.recall", f"A recall of {target:g} is not reached: the highest is {self.recall[0]:.3f}.",
                    "Ask for less, or train longer.", target=target, highest=float(self.recall[0]))
            return float(self.thresholds[enough[-1]])
        best = np.flatnonzero(self.f1 >= self.f1.max() - 1e-12)
        run = best[: np.flatnonzero(np.diff(best, append=best[-1] + 2) > 1)[0] + 1]
        return float(self.thresholds[run[len(run) // 2]])

    def _at_or_above(self) -> NDArray[np.int64]:
        """(2, bins - 1) background and landslide pixels at or above each candidate."""
        from_here: NDArray[np.int64] = self._histogram[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:-1]
        return from_here


def choose(
    probabilities: NDArray[np.float32],
    codes: NDArray[np.uint8],
    where: NDArray[np.bool_] | None = None,
    goal: Literal["f1", "recall"] = "f1",
    target: float | None = None,
) -> float:
    """The best threshold of one map; arguments as for `ThresholdCurve`."""
    curve = ThresholdCurve()
    curve.feed(probabilities, codes, where)
    return curve.choose(goal, target)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
