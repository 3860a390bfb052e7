"""Claim: 10,000 landslides on 2000 x 2000 pixels take no longer than the plain way, by radius.

The plain way is what a heatmap does that goes landslide by landslide: the square around each one, distance by distance
through the kernel's formula with numpy. That is also QGIS' own way (QgsKernelDensityEstimation), in C++. QGIS itself
is not timed here: its Python is another one than the engine's.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from model_core.arrays.density import density, observed_mass
from model_core.arrays.windows import Window, tiles

LANDSLIDES, SIDE_PX, BLOCK_PX = 10_000, 2000, 1024
RADII_PX = (10, 50, 100)
CHECKED = 500  # landslides against which every one is set on every pixel


def main():
    rng = np.random.default_rng(0)
    points, weights = rng.uniform(0, SIDE_PX, (LANDSLIDES, 2)), np.ones(LANDSLIDES)
    everywhere = np.ones((BLOCK_PX, BLOCK_PX), bool)

    def ours(radius):
        total = np.empty((SIDE_PX, SIDE_PX))
        for window in tiles(SIDE_PX, SIDE_PX, BLOCK_PX):
            total[window] = density(points, weights, radius, window)
        return total

    def masses(radius):
        return sum(observed_mass(points, radius, window, everywhere[:_length(window.rows), :_length(window.cols)])
                   for window in tiles(SIDE_PX, SIDE_PX, BLOCK_PX))

    print(f"{LANDSLIDES} landslides, {SIDE_PX} x {SIDE_PX} pixels, seconds; 'edges': what their correction adds")
    print(f"{'radius px':>10}{'ours':>8}{'edges':>8}{'plain':>8}{'ratio':>8}{'difference':>12}")
    for radius in RADII_PX:
        our_s, mine = _timed(ours, radius)
        edge_s, _ = _timed(masses, radius)
        plain_s, theirs = _timed(lambda r: plain(points, r), radius)
        worst = np.abs(mine - theirs).max() / theirs.max()
        print(f"{radius:10}{our_s:8.2f}{edge_s:8.2f}{plain_s:8.2f}{our_s / plain_s:8.2f}{worst:12.1e}")
    window = Window(slice(900, 1100), slice(900, 1100))
    exact = brute_force(points[:CHECKED], RADII_PX[-1], window)
    worst = np.abs(density(points[:CHECKED], weights[:CHECKED], RADII_PX[-1], window) - exact).max() / exact.max()
    print(f"Against brute force ({CHECKED} landslides, every one on every pixel): {worst:.1e} of the peak.")


def plain(points, radius):
    total = np.zeros((SIDE_PX, SIDE_PX))
    for row, col in points:
        top, left = (max(int(v - radius), 0) for v in (row, col))
        bottom, right = (min(int(v + radius) + 2, SIDE_PX) for v in (row, col))
        rows, cols = np.mgrid[top:bottom, left:right] + 0.5
        u = np.sqrt((rows - row) ** 2 + (cols - col) ** 2) / radius
        total[top:bottom, left:right] += np.where(u < 1, 3 / (np.pi * radius**2) * (1 - u**2) ** 2, 0)
    return total


def brute_force(points, radius, window):
    rows, cols = np.mgrid[window] + 0.5
    u2 = ((rows[..., np.newaxis] - points[:, 0]) ** 2 + (cols[..., np.newaxis] - points[:, 1]) ** 2) / radius**2
    return (3 / (np.pi * radius**2) * np.clip(1 - u2, 0, None) ** 2).sum(axis=-1)


def _timed(work, radius):
    start = time.perf_counter()
    result = work(radius)
    return time.perf_counter() - start, result


def _length(side):
    return side.stop - side.start


if __name__ == "__main__":
    main()
