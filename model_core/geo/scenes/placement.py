"""Where the pixels of an image file lie among the pixels of the grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine

from ..grid import Grid, affine_points, outline, reproject_points
from .describe import SceneInfo


@dataclass(frozen=True)
class Span:
    """Rows and columns of a raster, as half-open ranges."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def empty(self) -> bool:
        """There is no pixel in it."""
        return min(self.shape) <= 0

    def within(self, other: Span) -> Span:
        """The part that lies in both; may be empty."""
        return Span(max(self.top, other.top), min(self.bottom, other.bottom),
                    max(self.left, other.left), min(self.right, other.right))

    def moved(self, rows: int, cols: int) -> Span:
        """The same shape further down and to the right."""
        return Span(self.top + rows, self.bottom + rows, self.left + cols, self.right + cols)

    def strips(self, width: int) -> Span:
        """The columns widened to whole strips, which begin at multiples of `width`."""
        left, right = self.left // width * width, -(-self.right // width) * width
        return Span(self.top, self.bottom, left, right)

    def halves(self, width: int) -> tuple[Span, Span]:
        """Two parts across the longer side; columns are cut between strips only."""
        height, columns = self.shape
        if columns > max(height, width):
            middle = self.left + columns // width // 2 * width
            return Span(self.top, self.bottom, self.left, middle), Span(self.top, self.bottom, middle, self.right)
        middle = (self.top + self.bottom) // 2
        return Span(self.top, middle, self.left, self.right), Span(middle, self.bottom, self.left, self.right)

    def seen_from(self, outer: Span) -> tuple[slice, slice]:
        """Rows and columns of an array that holds `outer`."""
        return (slice(self.top - outer.top, self.bottom - outer.top),
                slice(self.left - outer.left, self.right - outer.left))

    def transform(self, raster: Affine) -> Affine:
        """The transform of this part of a raster."""
        return raster @ Affine.translation(self.left, self.top)


def footprint(info: SceneInfo, grid: Grid) -> Span:
    """The part of the grid's plane that a scene may touch."""
    whole = Span(0, info.height, 0, info.width)
    return pixels_under(whole, info.transform, info.crs, grid.transform, grid.crs)


def pixels_under(part: Span, transform: Affine, crs: str, other: Affine, other_crs: str, margin: int = 0) -> Span:
    """The pixels of another raster that a part of this one touches, and `margin` more on each side."""
    x, y = reproject_points(*outline(part.transform(transform), part.shape[1], part.shape[0]), crs, other_crs)
    columns, rows = affine_points(~other, x, y)
    usable = np.isfinite(columns) & np.isfinite(rows)
    if not usable.any():
        return Span(0, 0, 0, 0)
    top, bottom = _whole_pixels(rows[usable], margin)
    left, right = _whole_pixels(columns[usable], margin)
    return Span(top, bottom, left, right)


def whole_pixel_shift(info: SceneInfo, grid: Grid) -> tuple[int, int] | None:
    """(rows, columns) from grid to file where both have the same pixels, else None."""
    if info.crs != grid.crs:
        return None
    columns = np.array([0, info.width, 0, info.width])
    rows = np.array([0, 0, info.height, info.height])
    x, y = affine_points(~info.transform @ grid.transform, columns, rows)
    shifts = np.stack([y - rows, x - columns])
    whole = np.round(shifts[:, :1])
    # A hundredth of a pixel, over the whole file, is less than any position is known to.
    if np.abs(shifts - whole).max() > 0.01:
        return None
    return int(whole[0, 0]), int(whole[1, 0])


def source_steps(info: SceneInfo, grid: Grid) -> tuple[float, float]:
    """Pixels of the file, across and down, in one pixel of the grid (in the middle of the file)."""
    x, y = info.transform @ (info.width / 2, info.height / 2)
    middle = reproject_points(np.array([x]), np.array([y]), info.crs, grid.crs)
    (column,), (row,) = affine_points(~grid.transform, *middle)
    cross: tuple[Any, Any] = np.array([column, column + 1, column]), np.array([row, row, row + 1])
    points = reproject_points(*affine_points(grid.transform, *cross), grid.crs, info.crs)
    columns, rows = affine_points(~info.transform, *points)
    return (math.hypot(columns[1] - columns[0], columns[2] - columns[0]),
            math.hypot(rows[1] - rows[0], rows[2] - rows[0]))


def _whole_pixels(positions: np.ndarray, margin: int) -> tuple[int, int]:
    # A millionth of a pixel absorbs rounding, so that pixels that only touch do not count.
    return math.floor(positions.min() + 1e-6) - margin, math.ceil(positions.max() - 1e-6) + margin
