"""Straight cuts through ground, so that the parts hold the wanted shares of it and alike shares of its landslides."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]

# A part may hold this much less or more ground than its share, so that its landslides can be evened out.
GROUND_TOLERANCE = 0.2
# Cut lines are looked for at this many places along an axis.
_PLACES = 512


def strips(ground: Mask, landslide: Mask, n_parts: int) -> list[Box] | None:
    """Parallel cuts across the longer axis of the ground.

    Args:
        ground: (H, W) bool.
        landslide: (H, W) bool, within the ground.
        n_parts: Number of parts.

    Returns:
        (rows, columns) of each part in order; None where the ground is too small for so many.
    """
    box = _bounding_box(ground)
    return None if box is None else _cut(ground, landslide, box, np.full(n_parts, 1 / n_parts), GROUND_TOLERANCE)


def compact(ground: Mask, landslide: Mask, n_parts: int) -> list[Box] | None:
    """Like `strips`, but the ground is halved across its longer side again and again."""
    return _halve(ground, landslide, n_parts, GROUND_TOLERANCE / int(np.ceil(np.log2(n_parts))))


def _halve(ground: Mask, landslide: Mask, n_parts: int, tolerance: float) -> list[Box] | None:
    box = _bounding_box(ground)
    if box is None or n_parts == 1:
        return None if box is None else [box]
    first = n_parts // 2
    halves = _cut(ground, landslide, box, np.array([first, n_parts - first]) / n_parts, tolerance)
    parts: list[Box] = []
    for half, n in zip(halves or (), (first, n_parts - first), strict=False):
        inner = _halve(ground[half], landslide[half], n, tolerance)
        if inner is None:
            return None
        parts += [(_shift(rows, half[0].start), _shift(cols, half[1].start)) for rows, cols in inner]
    return parts or None


def _cut(ground: Mask, landslide: Mask, box: Box, shares: NDArray[np.float64], tolerance: float) -> list[Box] | None:
    """Cuts a box across its longer side into parts with the given shares of its ground."""
    rows, cols = box
    across_rows = rows.stop - rows.start >= cols.stop - cols.start
    side, summed_axis = (rows, 1) if across_rows else (cols, 0)
    places = np.unique(np.linspace(0, side.stop - side.start, _PLACES + 1).round().astype(int))
    ground_before, landslides_before = (
        np.concatenate([[0.0], np.cumsum(mask[box].sum(axis=summed_axis, dtype=np.float64))])[places]
        for mask in (ground, landslide)
    )
    cuts = _best_cuts(ground_before, landslides_before, shares, tolerance)
    if cuts is None:
        return None
    edges = side.start + places[cuts]
    spans = [slice(int(start), int(stop)) for start, stop in pairwise(edges)]
    return [(span, cols) if across_rows else (rows, span) for span in spans]


def _best_cuts(
    ground: NDArray[np.float64], landslides: NDArray[np.float64], shares: NDArray[np.float64], tolerance: float
) -> list[int] | None:
    """Indexes of the best cuts, both ends included, by dynamic programming over the sums before each place."""
    all_landslides = max(landslides[-1], 1.0)
    cost_to = np.full(len(ground), np.inf)
    cost_to[0] = 0.0
    came_from = []
    for share in shares:
        # Entries [from, to] of the part between two places; 1 is exactly the wanted share.
        part = (ground[None, :] - ground[:, None]) / ground[-1] / share
        slid = (landslides[None, :] - landslides[:, None]) / all_landslides / share
        # Ground beyond the tolerance costs more than evener landslides can gain; within it, it only settles ties.
        cost = (slid - 1) ** 2 + 1e-3 * (part - 1) ** 2 + 1e4 * np.maximum(np.abs(part - 1) - tolerance, 0.0)
        cost[part <= 0] = np.inf
        total = cost_to[:, None] + cost
        came_from.append(total.argmin(axis=0))
        cost_to = total.min(axis=0)
    if not np.isfinite(cost_to[-1]):
        return None
    cuts = [len(ground) - 1]
    for step in reversed(came_from):
        cuts.append(int(step[cuts[-1]]))
    return cuts[::-1]


def _bounding_box(mask: Mask) -> Box | None:
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def _shift(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)
