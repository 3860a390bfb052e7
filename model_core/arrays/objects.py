"""Landslides as objects: which predicted polygon stands for which polygon of the reference.

Pixels cannot say whether one landslide came out as five pieces (fragmentation) or five as one (amalgamation). Both
change counts, size statistics and volumes while the pixel F1 stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ONE_TO_ONE, FRAGMENTED, AMALGAMATED, MANY_TO_MANY = "one_to_one", "fragmented", "amalgamated", "many_to_many"
MISSED, FALSE = "missed", "false"
REFERENCE_CLASSES = (ONE_TO_ONE, FRAGMENTED, AMALGAMATED, MANY_TO_MANY, MISSED)
PREDICTED_CLASSES = (ONE_TO_ONE, FRAGMENTED, AMALGAMATED, MANY_TO_MANY, FALSE)

# Bounds of the size classes in m².
SIZE_CLASSES_M2 = (0.0, 1_000.0, 10_000.0, 100_000.0, np.inf)


@dataclass(frozen=True)
class Overlaps:
    """Pairs of overlapping objects, and the areas of all objects.

    Attributes:
        predicted, reference: (n,) int64, the objects of each pair.
        overlap_m2: (n,) float64, the area that they share.
        predicted_m2, reference_m2: (n_predicted,), (n_reference,) float64, area of every object.
    """

    predicted: Ints
    reference: Ints
    overlap_m2: Floats
    predicted_m2: Floats
    reference_m2: Floats

    @property
    def iou(self) -> Floats:
        """(n,) intersection over union of each pair."""
        union = self.predicted_m2[self.predicted] + self.reference_m2[self.reference] - self.overlap_m2
        return self.overlap_m2 / union

    def only(self, predicted: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Overlaps:
        """The same for some of the objects, numbered anew."""
        keep = predicted[self.predicted] & reference[self.reference]
        return Overlaps(
            (np.cumsum(predicted) - 1)[self.predicted[keep]].astype(np.int64),
            (np.cumsum(reference) - 1)[self.reference[keep]].astype(np.int64),
            self.overlap_m2[keep],
            self.predicted_m2[predicted],
            self.reference_m2[reference],
        )


@dataclass(frozen=True)
class Detection:
    """Objects found and not.

    Attributes:
        reference, predicted: Number of objects.
        reference_matched, predicted_matched: Those with a partner.
    """

    reference: int
    reference_matched: int
    predicted: int
    predicted_matched: int

    @property
    def recall(self) -> float | None:
        """Share of the reference's objects that were found; None without any."""
        return self.reference_matched / self.reference if self.reference else None

    @property
    def precision(self) -> float | None:
        """Share of the predicted objects that are right; None without any."""
        return self.predicted_matched / self.predicted if self.predicted else None

    @property
    def quality(self) -> float | None:
        """Found / (found + false + missed), counting the reference's objects as found."""
        whole = self.reference + self.predicted - self.predicted_matched
        return self.reference_matched / whole if whole else None


@dataclass(frozen=True)
class Matches:
    """What became of every object.

    Attributes:
        predicted_class: (n_predicted,) str, one of PREDICTED_CLASSES.
        reference_class: (n_reference,) str, one of REFERENCE_CLASSES.
        predicted_partners, reference_partners: (n,) int64, number of objects each is linked to.
        strict_partner: (n_predicted,) int64, the reference object matched one to one with IoU >= 0.5; -1 for none.
    """

    predicted_class: NDArray[np.str_]
    reference_class: NDArray[np.str_]
    predicted_partners: Ints
    reference_partners: Ints
    strict_partner: Ints

    @property
    def strict_reference(self) -> NDArray[np.bool_]:
        """(n_reference,) whether each has a strict partner."""
        return np.isin(np.arange(len(self.reference_class)), self.strict_partner)


def detection(
    matches: Matches,
    *,
    strict: bool = False,
    predicted: NDArray[np.bool_] | None = None,
    reference: NDArray[np.bool_] | None = None,
) -> Detection:
    """Counts matched objects.

    Args:
        matches: From `match`.
        strict: An object counts as matched if it has a partner of its own with enough IoU, not just any link.
        predicted, reference: Which objects count, wherever their partners are; default all.
    """
    of_predicted = matches.strict_partner >= 0 if strict else matches.predicted_class != FALSE
    of_reference = matches.strict_reference if strict else matches.reference_class != MISSED
    if predicted is None:
        predicted = np.ones(len(of_predicted), bool)
    if reference is None:
        reference = np.ones(len(of_reference), bool)
    return Detection(
        int(reference.sum()), int((reference & of_reference).sum()),
        int(predicted.sum()), int((predicted & of_predicted).sum()),
    )


def match(overlaps: Overlaps, min_overlap: float = 0.1, min_iou: float = 0.5) -> Matches:
    """Links objects and names what became of them.

    Two objects are linked where they share at least `min_overlap` of the smaller one. Objects that are linked,
    directly or through others, form a group: one to one, one landslide in several pieces (fragmented), several
    landslides in one piece (amalgamated), or several of both (many to many).

    Args:
        overlaps: Pairs and areas.
        min_overlap: Least shared part of the smaller object.
        min_iou: Least intersection over union of a strict match.
    """
    n_predicted, n_reference = len(overlaps.predicted_m2), len(overlaps.reference_m2)
    smaller = np.minimum(overlaps.predicted_m2[overlaps.predicted], overlaps.reference_m2[overlaps.reference])
    linked = (overlaps.overlap_m2 > 0) & (overlaps.overlap_m2 >= min_overlap * smaller)
    i, j = overlaps.predicted[linked], overlaps.reference[linked]
    group = _groups(i, j, n_predicted, n_reference)
    in_predicted = np.bincount(group[:n_predicted], minlength=group.max(initial=-1) + 1)
    in_reference = np.bincount(group[n_predicted:], minlength=group.max(initial=-1) + 1)
    kind = np.select(
        [in_predicted == 0, in_reference == 0, (in_predicted == 1) & (in_reference == 1), in_reference == 1,
         in_predicted == 1],
        [MISSED, FALSE, ONE_TO_ONE, FRAGMENTED, AMALGAMATED],
        MANY_TO_MANY,
    )
    return Matches(
        predicted_class=kind[group[:n_predicted]],
        reference_class=kind[group[n_predicted:]],
        predicted_partners=np.bincount(i, minlength=n_predicted),
        reference_partners=np.bincount(j, minlength=n_reference),
        strict_partner=_strict(overlaps, min_iou),
    )


def size_class(area_m2: Floats, bounds_m2: Sequence[float] = SIZE_CLASSES_M2) -> NDArray[np.int64]:
    """Index of the size class of each area; a class holds its lower bound, not its upper one."""
    return np.digitize(area_m2, bounds_m2[1:-1])


def _groups(i: Ints, j: Ints, n_predicted: int, n_reference: int) -> NDArray[np.int32]:
    """(n_predicted + n_reference,) number of the connected group of every object, predicted ones first."""
    n = n_predicted + n_reference
    graph = coo_array((np.ones(len(i), np.int8), (i, n_predicted + j)), shape=(n, n))
    groups: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return groups


def _strict(overlaps: Overlaps, min_iou: float) -> Ints:
    """Reference partner of every predicted object so that most objects, and then most IoU, are matched."""
    partner = np.full(len(overlaps.predicted_m2), -1, np.int64)
    iou = overlaps.iou
    good = iou >= min_iou
    i, j, iou = overlaps.predicted[good], overlaps.reference[good], iou[good]
    group = _groups(i, j, len(overlaps.predicted_m2), len(overlaps.reference_m2))[i]
    order = np.argsort(group, kind="stable")
    # Group by group, because one matrix of all objects would not fit in memory.
    for pairs in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        rows, row_of = np.unique(i[pairs], return_inverse=True)
        cols, col_of = np.unique(j[pairs], return_inverse=True)
        gain = np.zeros((len(rows), len(cols)))
        gain[row_of, col_of] = len(pairs) + iou[pairs]
        for row, col in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[row, col] > 0:
                partner[rows[row]] = cols[col]
    return partner
