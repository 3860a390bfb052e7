"""Whether a polygon looks different from the ground around it, or was drawn where the image shows nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .windows import Window

Floats = NDArray[np.float64]

_MIN_PIXELS = 3  # fewer inside or around say nothing
_MIN_MOVES = 19  # fewer cannot give a p-value of 0.05
_MIN_SHARE = 0.5  # of the outline's pixels must find free ground at its new place


@dataclass(frozen=True)
class Contrasts:
    """One value a polygon.

    Attributes:
        n_pixels: (N,) int64, pixels of the polygon on the grid.
        n_observed: (N,) int64, those with data.
        contrast: (N,) float64, difference of the means inside and around in standard deviations of the surroundings,
            root mean square over the bands; NaN without enough pixels.
        p_value: (N,) float64, share of places nearby where the same outline, laid on ground without landslides, finds
            as much contrast; NaN where there are too few such places.
    """

    n_pixels: NDArray[np.int64]
    n_observed: NDArray[np.int64]
    contrast: Floats
    p_value: Floats


class ContrastMeter:
    """Compares polygons with a ring around them, tile by tile.

    The ring is the ground without landslide that is nearer to this polygon than to any other. What contrast means is
    read off the image itself: each outline is also laid on other places of its tile, which keeps its size and shape and
    the texture of the ground, so that no assumption on independent pixels is needed.

    Args:
        n_polygons: Number of polygons.
        n_bands: Number of bands.
        ring_px: Width of the ring; tiles need a margin of at least this width.
        n_moves: Number of other places that every outline is laid on.
        seed: Of the places.
    """

    def __init__(self, n_polygons: int, n_bands: int, ring_px: int = 3, n_moves: int = 59, seed: int = 0) -> None:
        self._n, self._ring_px = n_polygons, ring_px
        self._moves = np.random.default_rng(seed).uniform(0.1, 0.9, (n_moves, 2))  # parts of the tile's sides
        self._drawn = np.zeros(2 * n_polygons, np.int64)  # first insides, then rings
        self._count = np.zeros((n_moves + 1, 2 * n_polygons))
        self._sum = np.zeros((n_moves + 1, n_bands, 2 * n_polygons))
        self._ring_squares = np.zeros((n_moves + 1, n_bands, n_polygons))

    def add(self, image: NDArray[np.float32], valid: NDArray[np.bool_], ids: NDArray[np.int32], core: Window) -> None:
        """Adds one tile.

        Args:
            image: (h, w, B).
            valid: (h, w) pixels with data.
            ids: (h, w) which polygon lies on a pixel, 0 = none, i + 1 = polygon i.
            core: Part of the tile that no other tile counts; the rest is margin.
        """
        rings = _ring_ids(ids, self._ring_px)
        place = np.where(ids > 0, ids - 1, np.where(rings > 0, rings - 1 + self._n, -1))
        counted = np.full(ids.shape, -1)
        counted[core.rows, core.cols] = place[core.rows, core.cols]
        rows, cols = np.nonzero(counted >= 0)
        bins = counted[rows, cols]
        self._drawn += np.bincount(bins, minlength=2 * self._n)
        self._tally(0, image, valid, rows, cols, bins)
        free = valid & (ids == 0)
        height, width = ids.shape
        for move, (down, right) in enumerate(self._moves, start=1):
            moved_rows = (rows + int(down * height)) % height
            moved_cols = (cols + int(right * width)) % width
            self._tally(move, image, free, moved_rows, moved_cols, bins)

    def contrasts(self) -> Contrasts:
        """The result for all tiles together."""
        n = self._n
        inside, around = self._count[:, :n], self._count[:, n:]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self._sum / self._count[:, None]
            variance = self._ring_squares / around[:, None] - mean[..., n:] ** 2
            distance = (mean[..., :n] - mean[..., n:]) ** 2 / np.where(variance > 0, variance, np.nan)
        enough = (inside >= _MIN_PIXELS) & (around >= _MIN_PIXELS)
        enough[1:] &= (inside[1:] >= _MIN_SHARE * inside[0]) & (around[1:] >= _MIN_SHARE * around[0])
        contrast = np.where(enough, np.sqrt(distance.mean(axis=1)), np.nan)
        usable = np.isfinite(contrast[1:])
        as_high = (usable & (contrast[1:] >= contrast[0])).sum(axis=0)
        p_value = (1 + as_high) / (1 + usable.sum(axis=0))
        told = np.isfinite(contrast[0]) & (usable.sum(axis=0) >= _MIN_MOVES)
        return Contrasts(self._drawn[:n], inside[0].astype(np.int64), contrast[0], np.where(told, p_value, np.nan))

    def _tally(
        self, move: int, image: NDArray[np.float32], usable: NDArray[np.bool_], rows: NDArray[np.intp],
        cols: NDArray[np.intp], bins: NDArray[np.intp],
    ) -> None:
        kept = usable[rows, cols]
        rows, cols, bins = rows[kept], cols[kept], bins[kept]
        self._count[move] += np.bincount(bins, minlength=2 * self._n)
        for band in range(image.shape[2]):
            values = image[rows, cols, band].astype(np.float64)
            self._sum[move, band] += np.bincount(bins, values, minlength=2 * self._n)
            self._ring_squares[move, band] += np.bincount(bins, values**2, minlength=2 * self._n)[self._n :]


def _ring_ids(ids: NDArray[np.int32], width_px: int) -> NDArray[np.int32]:
    """The polygon that a pixel lies beside, within `width_px`: the nearest one; 0 on polygons and far from them."""
    if not (ids > 0).any():
        return np.zeros_like(ids)
    distance, nearest = ndimage.distance_transform_edt(ids == 0, return_indices=True)
    near = (distance > 0) & (distance <= width_px)
    return np.where(near, ids[tuple(nearest)], 0).astype(np.int32)
