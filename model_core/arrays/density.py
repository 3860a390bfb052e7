"""Kernel density of landslides: how many lie per area around each pixel, with a quartic kernel.

density(x) = SUM_i w_i K(|x - x_i|),  K(d) = 3 / (pi r^2) (1 - (d / r)^2)^2 for d < r, else 0

(Silverman 1986, Density Estimation, eq. 4.5; the kernel of ArcGIS). K integrates to 1 over the plane, so that the
density of n landslides sums to n; on pixels to within 0.5 % of n where r is at least `MIN_RADIUS_PX`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .windows import Window

MIN_RADIUS_PX = 3.0

Points = NDArray[np.float64]  # (n, 2)


def default_radius_m(points_m: Points) -> float | None:
    """The search radius that ArcGIS takes where none is given, a spatial form of Silverman's rule of thumb.

    r = 0.9 min(SD, sqrt(1 / ln 2) Dm) n^-0.2, with SD the standard distance from the mean centre and Dm the median
    distance from it. Landslides count one each, whatever their weight in the density: weighted by area, n would be
    square metres and r would hang on the unit.

    Args:
        points_m: (n, 2) positions in metres.

    Returns:
        Metres; None where the landslides tell no spread: fewer than two, or most of them in one place.
    """
    if len(points_m) < 2:
        return None
    distance = np.hypot(*(points_m - points_m.mean(axis=0)).T)
    standard, median = math.sqrt(np.mean(distance**2)), float(np.median(distance))
    radius = 0.9 * min(standard, math.sqrt(1 / math.log(2)) * median) * len(points_m) ** -0.2
    return radius if radius > 0 else None


def density(points_px: Points, weights: NDArray[np.float64], radius_px: float, window: Window) -> NDArray[np.float64]:
    """Density in a window.

    Args:
        points_px: (n, 2) row and column of each landslide; pixel (0, 0) has its centre at (0.5, 0.5).
        weights: (n,) what each counts, 0 or more.
        radius_px: Radius of the kernel.
        window: Part of the image; rows and columns may be negative.

    Returns:
        (h, w) weight per square pixel, at the pixels' centres.
    """
    top, left = window.rows.start, window.cols.start
    total = np.zeros((window.rows.stop - top, window.cols.stop - left))
    near = reaching(points_px, radius_px, window)
    for part, kernel in _kernels(points_px[near], weights[near], radius_px, window):
        total[part.rows.start - top:part.rows.stop - top, part.cols.start - left:part.cols.stop - left] += kernel
    return total


def observed_mass(points_px: Points, radius_px: float, window: Window, observed: NDArray[np.bool_]) -> Points:
    """The share of each landslide's kernel that lies on the observed pixels of a window.

    Added up over windows that hold all observed ground it is the divisor of the edge correction (Jones 1993,
    Statistics and Computing 3:135; `diggle=TRUE` in R's spatstat): each landslide then counts 1 on observed ground.

    Args:
        points_px, radius_px, window: As for `density`.
        observed: (h, w) of the window.

    Returns:
        (n,) from 0 to 1.
    """
    top, left = window.rows.start, window.cols.start
    mass = np.zeros(len(points_px))
    near = reaching(points_px, radius_px, window)
    seen = observed.astype(np.float64)
    kernels = _kernels(points_px[near], np.ones(len(near)), radius_px, window)
    for i, (part, kernel) in zip(near, kernels, strict=True):
        there = seen[part.rows.start - top:part.rows.stop - top, part.cols.start - left:part.cols.stop - left]
        mass[i] = np.einsum("ij,ij->", kernel, there)
    return mass


def reaching(points_px: Points, radius_px: float, window: Window) -> NDArray[np.intp]:
    """Which landslides may reach into a window: their positions in the array."""
    low = np.array([window.rows.start, window.cols.start]) - radius_px
    high = np.array([window.rows.stop, window.cols.stop]) + radius_px
    return np.flatnonzero(((points_px > low) & (points_px < high)).all(axis=1))


class FieldSummary:
    """Peak, bounds and mean of a raster that comes in windows, without its pixels that are NaN.

    Attributes:
        n_pixels: Pixels with a value.
        total: Their sum.
        lowest, highest: Their bounds; None before there is a value.
        peak_px: Row and column of the highest one, the first of equals in the order of the windows.
    """

    def __init__(self) -> None:
        self.n_pixels = 0
        self.total = 0.0
        self.lowest: float | None = None
        self.highest: float | None = None
        self.peak_px: tuple[int, int] | None = None

    @property
    def mean(self) -> float | None:
        """None before there is a value."""
        return self.total / self.n_pixels if self.n_pixels else None

    def add(self, values: NDArray[np.float64], window: Window) -> None:
        """Takes the (h, w) values of a window."""
        known = ~np.isnan(values)
        if not known.any():
            return
        self.n_pixels += int(known.sum())
        self.total += float(values.sum(where=known))
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        self.lowest = low if self.lowest is None else min(self.lowest, low)
        if self.highest is None or high > self.highest:
            row, col = np.unravel_index(int(np.nanargmax(values)), values.shape)
            self.highest = high
            self.peak_px = (window.rows.start + int(row), window.cols.start + int(col))


def _kernels(
    points: Points, weights: NDArray[np.float64], radius: float, window: Window
) -> Iterator[tuple[Window, NDArray[np.float64]]]:
    """The part of the window that each landslide's kernel covers, maybe empty, and the kernel's values there."""
    # (a - b)^2 with the constant and the weight inside: one pass less over the pixels than with them outside.
    roots = np.sqrt(weights * 3 / math.pi) / radius
    for (row, col), root in zip(points, roots, strict=True):
        rows, cols = _covered(row, radius, window.rows), _covered(col, radius, window.cols)
        down = root * ((np.arange(rows.start, rows.stop) + 0.5 - row) / radius) ** 2
        across = root * ((np.arange(cols.start, cols.stop) + 0.5 - col) / radius) ** 2
        kernel = (root - down)[:, np.newaxis] - across
        np.maximum(kernel, 0, out=kernel)
        kernel *= kernel
        yield Window(rows, cols), kernel


def _covered(centre: float, radius: float, side: slice) -> slice:
    """The pixels of a side whose centres lie within the radius."""
    start = max(math.ceil(centre - radius - 0.5), side.start)
    return slice(start, max(min(math.floor(centre + radius - 0.5) + 1, side.stop), start))
