"""Claim: 10,000 landslides on 2000 x 2000 pixels take no longer than the plain way and than QGIS, by radius.

The plain way is what a heatmap does that goes landslide by landslide: the square around each one, distance by distance
through the kernel's formula with numpy. That is also QGIS' own way (QgsKernelDensityEstimation), in C++.

Where QGIS is installed, its heatmap (quartic, raw) is timed on the same landslides: from a file of points to a raster,
without the start of the process, which a heatmap of one point measures. Ours is timed twice: the array alone, and all
of `mtl density`, from a file of polygons to raster, table and figure, in a process that has started already. These are
seconds of processor time: the start of QGIS takes about as long as its work, and other work on the machine would decide
a difference of elapsed times.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import geopandas as gpd
import numpy as np
import shapely

from model_core.arrays.density import density, observed_mass
from model_core.arrays.windows import Window, tiles
from model_core.contract.events import Report
from model_core.contract.params.density import DensityParams
from model_core.stages.density import run
from tests import qgis_heatmap

LANDSLIDES, SIDE_PX, BLOCK_PX = 10_000, 2000, 1024
RADII_PX = (10, 50, 100)
CHECKED = 500  # landslides against which every one is set on every pixel
PIXEL_SIZE_M, CORNER_M = 5.0, (320_000.0, 3_100_000.0)
REPEATS = 3  # of which the fastest counts
LEAST_S = 0.1  # less work of QGIS than this is lost in its start


def main():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, SIDE_PX, (LANDSLIDES, 2))
    everywhere = np.ones((BLOCK_PX, BLOCK_PX), bool)

    def masses(radius):
        return sum(observed_mass(points, radius, window, everywhere[:_length(window.rows), :_length(window.cols)])
                   for window in tiles(SIDE_PX, SIDE_PX, BLOCK_PX))

    print(f"{LANDSLIDES} landslides, {SIDE_PX} x {SIDE_PX} pixels, seconds; 'edges': what their correction adds")
    print(f"{'radius px':>10}{'ours':>8}{'edges':>8}{'plain':>8}{'ratio':>8}{'difference':>12}")
    for radius in RADII_PX:
        our_s, mine = _timed(lambda r: _whole(points, r), radius)
        edge_s, _ = _timed(masses, radius)
        plain_s, theirs = _timed(lambda r: plain(points, r), radius)
        worst = np.abs(mine - theirs).max() / theirs.max()
        print(f"{radius:10}{our_s:8.2f}{edge_s:8.2f}{plain_s:8.2f}{our_s / plain_s:8.2f}{worst:12.1e}")
    window = Window(slice(900, 1100), slice(900, 1100))
    exact = brute_force(points[:CHECKED], RADII_PX[-1], window)
    worst = np.abs(density(points[:CHECKED], np.ones(CHECKED), RADII_PX[-1], window) - exact).max() / exact.max()
    print(f"Against brute force ({CHECKED} landslides, every one on every pixel): {worst:.1e} of the peak.")
    if qgis_heatmap.QGIS_PROCESS is None:
        print("QGIS is not installed: not compared with it.")
    else:
        with tempfile.TemporaryDirectory() as folder:
            against_qgis(rng, Path(folder))


def against_qgis(rng, folder):
    """Times QGIS and us on landslides whose reach fills the raster: QGIS chooses the extent itself."""
    tiny = folder / "tiny.gpkg"
    qgis_heatmap.write_points(np.array([CORNER_M]), tiny)
    start_s = _fastest(lambda out: qgis_heatmap.raw_quartic(tiny, 20, PIXEL_SIZE_M, out), folder)
    print(f"\nProcessor seconds beside QGIS, whose start of {start_s:.2f} s is taken off; ratio: ours / QGIS")
    print(f"{'radius px':>10}{'QGIS':>8}{'array':>8}{'ratio':>8}{'mtl density':>13}{'ratio':>8}")
    for radius in RADII_PX:
        points_px = rng.uniform(radius, SIDE_PX - radius, (LANDSLIDES, 2))
        theirs_s, array_s, ours_s = _race(points_px, radius, folder)
        theirs_s -= start_s
        ratios = [f"{ours / theirs_s:.2f}" if theirs_s > LEAST_S else "-" for ours in (array_s, ours_s)]
        print(f"{radius:10}{theirs_s:8.2f}{array_s:8.2f}{ratios[0]:>8}{ours_s:13.2f}{ratios[1]:>8}")


def _race(points_px, radius, folder):
    """Processor seconds of QGIS with its start, of the array, and of `mtl density`."""
    places, reach_m = np.array(CORNER_M) + PIXEL_SIZE_M * points_px, radius * PIXEL_SIZE_M
    points, polygons = folder / f"points_{radius}.gpkg", folder / f"polygons_{radius}.gpkg"
    qgis_heatmap.write_points(places, points)
    squares = shapely.box(*(places - 10).T, *(places + 10).T)
    gpd.GeoDataFrame(geometry=squares, crs=qgis_heatmap.CRS).to_file(polygons)
    works = (
        lambda out: qgis_heatmap.raw_quartic(points, reach_m, PIXEL_SIZE_M, out),
        lambda out: _whole(points_px, radius),
        lambda out: run(DensityParams(landslides=(str(polygons),), radius_m=reach_m, pixel_size_m=PIXEL_SIZE_M,
                                      out=str(out.with_suffix(""))), Report()),
    )
    return [_fastest(work, folder) for work in works]


def _fastest(work, folder):
    """The least processor time of a work that writes a new file, its child processes with it."""
    times = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            before = sum(os.times()[:4])
            work(Path(place) / "heatmap.tif")
            times.append(sum(os.times()[:4]) - before)
    return min(times)


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


def _whole(points, radius):
    total, weights = np.empty((SIDE_PX, SIDE_PX)), np.ones(len(points))
    for window in tiles(SIDE_PX, SIDE_PX, BLOCK_PX):
        total[window] = density(points, weights, radius, window)
    return total


def _timed(work, radius):
    start = time.perf_counter()
    result = work(radius)
    return time.perf_counter() - start, result


def _length(side):
    return side.stop - side.start


if __name__ == "__main__":
    main()
