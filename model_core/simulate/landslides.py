"""Simulated landslides: they start on steep ground and run downhill, wider as they are larger."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, stats

from .terrain import Terrain

# Inverse-gamma distribution of landslide areas, Malamud et al. 2004 (ESPL 29:687), in m².
RHO, SCALE_M2, SHIFT_M2 = 1.40, 1.28e-3 * 1e6, -1.32e-4 * 1e6
SMALLEST_M2, LARGEST_M2 = 300.0, 60_000.0
SOURCE_SLOPE_DEG = (28.0, 55.0)


def draw_areas(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draws `n` landslide areas in m², largest first, from Malamud's distribution cut to what 5 m images show."""
    law = stats.invgamma(RHO, loc=SHIFT_M2, scale=SCALE_M2)
    low, high = law.cdf([SMALLEST_M2, LARGEST_M2])
    return np.sort(law.ppf(rng.uniform(low, high, n)))[::-1]


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
    slope = terrain.slope_deg
    free = where & (slope > SOURCE_SLOPE_DEG[0]) & (slope < SOURCE_SLOPE_DEG[1])
    labels = np.zeros(slope.shape, np.int32)
    for number, area_m2 in enumerate(draw_areas(n, rng), start=1):
        candidates = np.flatnonzero(free)
        if candidates.size == 0:
            break
        row, col = np.unravel_index(rng.choice(candidates), slope.shape)
        body = _body(terrain, int(row), int(col), area_m2, rng) & (labels == 0)
        if body.sum() * terrain.pixel_size_m**2 < SMALLEST_M2:
            continue
        labels[body] = number
        # A ring stays free, so that two landslides do not become one polygon by touching.
        free &= ~ndimage.binary_dilation(body, iterations=6)
    return labels


def _body(terrain: Terrain, row: int, col: int, area_m2: float, rng: np.random.Generator) -> np.ndarray:
    """A landslide's ground: discs along the path of steepest descent, elongated as real ones are (L/W 2 to 5)."""
    elongation = rng.uniform(2.0, 5.0)
    width_px = np.sqrt(area_m2 / elongation) / terrain.pixel_size_m
    length_px = width_px * elongation
    path = _descent(terrain.elevation_m, row, col, int(np.ceil(length_px)), rng)
    body = np.zeros(terrain.elevation_m.shape, bool)
    margin = int(width_px) + 8
    rows, cols = path[:, 0], path[:, 1]
    top, left = max(int(rows.min()) - margin, 0), max(int(cols.min()) - margin, 0)
    bottom, right = int(rows.max()) + margin + 1, int(cols.max()) + margin + 1
    part = body[top:bottom, left:right]
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    distance = np.full(part.shape, np.inf)
    for r, c in path - (top, left):
        np.minimum(distance, np.hypot(y - r, x - c), out=distance)
    ragged = ndimage.gaussian_filter(rng.normal(0, 1, part.shape), 2.0) * 1.5
    part |= distance + ragged <= max(width_px / 2, 1.5)
    labelled, _ = ndimage.label(part)
    part &= labelled == labelled[row - top, col - left]
    return body


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
