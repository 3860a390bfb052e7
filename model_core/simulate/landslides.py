"""Simulated landslides: they start on steep ground and run downhill, wider as they are larger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage, stats

from .terrain import Terrain

# Inverse-gamma distribution of landslide areas, Malamud et al. 2004 (ESPL 29:687), in m².
RHO, SCALE_M2, SHIFT_M2 = 1.40, 1.28e-3 * 1e6, -1.32e-4 * 1e6
SMALLEST_M2, LARGEST_M2 = 300.0, 60_000.0
SOURCE_SLOPE_DEG = (28.0, 55.0)
RING_PX = 6


def draw_areas(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draws `n` landslide areas in m², largest first, from Malamud's distribution cut to what 5 m images show."""
    law = stats.invgamma(RHO, loc=SHIFT_M2, scale=SCALE_M2)
    low, high = law.cdf([SMALLEST_M2, LARGEST_M2])
    return np.sort(law.ppf(rng.uniform(low, high, n)))[::-1]


@dataclass(frozen=True, eq=False)
class Body:
    """A landslide's ground.

    Attributes:
        rows, cols: The part of the terrain that it lies in.
        mask: (h, w) bool, the landslide in that part.
        along: (h, w) float32, 0 at the crown to 1 at the toe.
    """

    rows: slice
    cols: slice
    mask: np.ndarray
    along: np.ndarray

    @cached_property
    def rank(self) -> np.ndarray:
        """(h, w) float32, 0 at the edges to 1 where the landslide is widest."""
        distance = ndimage.distance_transform_edt(np.pad(self.mask, 1))[1:-1, 1:-1]
        return (distance / max(distance.max(), 1)).astype(np.float32)


def place_landslides(terrain: Terrain, n: int, rng: np.random.Generator, where: np.ndarray) -> np.ndarray:
    """Puts `n` landslides on steep ground.

    Args:
        terrain: The ground.
        n: How many; fewer come out where no steep ground is left.
        rng: Source of all randomness.
        where: (H, W) bool, ground on which landslides may start.

    Returns:
        (H, W) int32: 0 = none, otherwise the landslide's number from 1.
    """
    labels = np.zeros(terrain.slope_deg.shape, np.int32)
    bodies = place_bodies(terrain, draw_areas(n, rng), rng, source_ground(terrain) & where)
    for number, body in enumerate(bodies, start=1):
        labels[body.rows, body.cols][body.mask] = number
    return labels


def source_ground(terrain: Terrain) -> np.ndarray:
    """(H, W) bool: slopes on which landslides start."""
    return (terrain.slope_deg > SOURCE_SLOPE_DEG[0]) & (terrain.slope_deg < SOURCE_SLOPE_DEG[1])


def place_bodies(
    terrain: Terrain, areas_m2: Sequence[float] | np.ndarray, rng: np.random.Generator, free: np.ndarray
) -> Iterator[Body]:
    """Yields landslides that do not touch; some find no room.

    Args:
        terrain: The ground.
        areas_m2: How large they are about, each.
        rng: Source of all randomness.
        free: (H, W) bool, ground on which they may start; what they take is cleared in it.
    """
    taken = np.zeros(free.shape, bool)
    for area_m2 in areas_m2:
        candidates = np.flatnonzero(free)
        if candidates.size == 0:
            return
        row, col = np.unravel_index(rng.choice(candidates), free.shape)
        body = _body(terrain, int(row), int(col), area_m2, rng, taken)
        if body.mask.sum() * terrain.pixel_size_m**2 < SMALLEST_M2:
            continue
        taken[body.rows, body.cols] |= body.mask
        # A ring stays free, so that two landslides do not become one polygon by touching.
        free[body.rows, body.cols] &= ~ndimage.binary_dilation(body.mask, iterations=RING_PX)
        yield body


def _body(
    terrain: Terrain, row: int, col: int, area_m2: float, rng: np.random.Generator, taken: np.ndarray
) -> Body:
    """Discs along the path of steepest descent, elongated as real landslides are (L/W 2 to 5)."""
    elongation = rng.uniform(2.0, 5.0)
    width_px = np.sqrt(area_m2 / elongation) / terrain.pixel_size_m
    length_px = width_px * elongation
    path = _descent(terrain.elevation_m, row, col, int(np.ceil(length_px)), rng)
    margin = int(width_px) + 8
    height, width = terrain.elevation_m.shape
    (top, left), (bottom, right) = path.min(axis=0) - margin, path.max(axis=0) + margin + 1
    rows, cols = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    y, x = np.mgrid[rows, cols]
    distance = np.full(y.shape, np.inf)
    along = np.zeros(y.shape, np.float32)
    for step, (r, c) in enumerate(path):
        here = np.hypot(y - r, x - c)
        along[here < distance] = step / max(len(path) - 1, 1)
        np.minimum(distance, here, out=distance)
    ragged = ndimage.gaussian_filter(rng.normal(0, 1, y.shape), 2.0) * 1.5
    mask = (distance + ragged <= max(width_px / 2, 1.5)) & ~taken[rows, cols]
    labelled, _ = ndimage.label(mask)
    mask &= labelled == labelled[row - rows.start, col - cols.start]  # one piece
    return Body(rows, cols, mask, along)


def _descent(elevation: np.ndarray, row: int, col: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Rows and columns (n, 2) of a path that goes down the steepest neighbour, with some wandering."""
    path = [(row, col)]
    for _ in range(steps):
        r, c = path[-1]
        near = [(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        near = [(i, j) for i, j in near if 0 <= i < elevation.shape[0] and 0 <= j < elevation.shape[1]]
        drop = [(elevation[r, c] - elevation[i, j]) / np.hypot(i - r, j - c) + rng.normal(0, 0.3) for i, j in near]
        best = near[int(np.argmax(drop))]
        if max(drop) <= 0 or best in path:
            break
        path.append(best)
    return np.array(path)
