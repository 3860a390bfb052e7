"""One image file on the grid: exact pixels where it lies on the grid, else bilinear with a strict mask."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import numpy as np
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.warp import reproject
from rasterio.windows import Window

from ...arrays.masks import RAPIDEYE_UDM_BITS, buffered, udm2_unusable, udm_unusable, valid_pixels
from ...contract.errors import InputError
from ..grid import Grid, outline, reproject_points
from ..rasters import crs_name, open_raster, readable
from .describe import SceneInfo

# The makers advise a buffer of a pixel around what an unusable-data mask flags.
MASK_BUFFER_PX: Final = 1
_SOURCE_PIXELS: Final = 4 * 2**20  # read at once
_STRIP_PX: Final = 128  # GDAL's warp bends straight lines by its approximation less in narrow strips: < 0.003 px
_WHOLLY_VALID: Final = 1 - 1e-5


@dataclass(frozen=True)
class Span:
    """Rows and columns of a raster, as half-open ranges."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); (0, 0) or less where there are none."""
        return self.bottom - self.top, self.right - self.left

    @property
    def empty(self) -> bool:
        """There is no pixel in it."""
        return min(self.shape) <= 0

    def within(self, other: Span) -> Span:
        """The part that lies in both."""
        return Span(max(self.top, other.top), min(self.bottom, other.bottom),
                    max(self.left, other.left), min(self.right, other.right))

    def halves(self) -> tuple[Span, Span]:
        """The two halves across the longer side."""
        if self.shape[0] >= self.shape[1]:
            middle = (self.top + self.bottom) // 2
            return Span(self.top, middle, self.left, self.right), Span(middle, self.bottom, self.left, self.right)
        middle = (self.left + self.right) // 2
        return Span(self.top, self.bottom, self.left, middle), Span(self.top, self.bottom, middle, self.right)


class Tile:
    """An open image file, read in windows of the grid.

    Args:
        info: The scene.
        grid: Where the pixels are wanted.
        bands: Names of the bands in the order that is wanted; the scene has them all.
        files: Closes the files when the work is done.

    Raises:
        InputError: A file cannot be opened.
    """

    def __init__(self, info: SceneInfo, grid: Grid, bands: Sequence[str], files: ExitStack) -> None:
        self.info = info
        self._grid = grid
        self._bands = tuple(bands)
        places = [info.bands.index(band) for band in bands]
        self._indexes = [info.indexes[i] for i in places]
        self._gains = np.array([info.gains[i] for i in places], np.float32)
        self._offsets = np.array([info.offsets[i] for i in places], np.float32)
        self._source = files.enter_context(open_raster(info.path))
        self._mask = files.enter_context(open_raster(info.mask_path)) if info.mask_path else None
        self._whole = Span(0, info.height, 0, info.width)
        self._footprint = footprint(info, grid)
        self._shift = _whole_pixel_shift(info, grid)
        self._steps = _source_steps(info, grid)

    def read(self, window: Span) -> tuple[Span, np.ndarray, np.ndarray]:
        """Reads what the tile has in a window of the grid.

        Returns:
            The part of the window that the tile may touch, values (h, w, B) float32 in it (0 where invalid), and valid
            (h, w) bool.

        Raises:
            InputError: The file is damaged.
        """
        part = window.within(self._footprint)
        if part.empty:
            return Span(0, 0, 0, 0), np.zeros((0, 0, len(self._bands)), np.float32), np.zeros((0, 0), bool)
        if self._shift is not None:
            rows, cols = self._shift
            return part, *self._read_source(Span(part.top + rows, part.bottom + rows, part.left + cols, part.right + cols))
        values, valid = np.zeros((*part.shape, len(self._bands)), np.float32), np.zeros(part.shape, bool)
        for piece, source in self._pieces(part):
            here = slice(piece.top - part.top, piece.bottom - part.top), slice(piece.left - part.left, piece.right - part.left)
            values[here], valid[here] = self._warp(piece, source)
        return part, values, valid

    def _pieces(self, window: Span) -> Iterator[tuple[Span, Span]]:
        """Parts of the window, each with the pixels of the file that it needs, few enough to hold in memory."""
        reach = math.ceil(2 * max(1, *self._steps)) + 2
        x, y = outline(self._grid.transform * Affine.translation(window.left, window.top), window.shape[1], window.shape[0])
        source = _span(*(~self.info.transform * reproject_points(x, y, self._grid.crs, self.info.crs)), reach, self._whole)
        if source.empty:
            return
        if source.shape[0] * source.shape[1] > _SOURCE_PIXELS and max(window.shape) > 1:
            for half in window.halves():
                yield from self._pieces(half)
        else:
            yield window, source

    def _warp(self, window: Span, source: Span) -> tuple[np.ndarray, np.ndarray]:
        values, valid = self._read_source(source)
        # The mask is warped like the values: where it is not wholly 1, some invalid pixel has a share in the value.
        layers = np.ascontiguousarray(np.concatenate([values, valid[..., np.newaxis]], axis=-1).transpose(2, 0, 1))
        warped = np.zeros((len(layers), *window.shape), np.float32)
        source_transform = self.info.transform * Affine.translation(source.left, source.top)
        across, down = (min(1.0, 1 / step) for step in self._steps)
        first = window.left - window.left % _STRIP_PX
        for left in range(first, window.right, _STRIP_PX):
            strip = window.within(Span(window.top, window.bottom, left, left + _STRIP_PX))
            out = np.zeros((len(layers), *strip.shape), np.float32)
            reproject(
                layers, out, src_transform=source_transform, src_crs=self.info.crs,
                dst_transform=self._grid.transform * Affine.translation(strip.left, strip.top), dst_crs=self._grid.crs,
                resampling=Resampling.bilinear, XSCALE=across, YSCALE=down,  # else GDAL guesses them for each strip
            )
            warped[:, :, strip.left - window.left : strip.right - window.left] = out
        valid = warped[-1] >= _WHOLLY_VALID
        values = warped[:-1].transpose(1, 2, 0)
        return np.where(valid[..., np.newaxis], values, np.float32(0)), valid

    def _read_source(self, span: Span) -> tuple[np.ndarray, np.ndarray]:
        """Values (h, w, B) and valid (h, w) in the file's own pixels."""
        with readable(self.info.path):
            counts = self._source.read(self._indexes, window=_window(span)).transpose(1, 2, 0)
            valid = valid_pixels(counts, self.info.fill)
            if self.info.masked:
                valid &= self._source.read_masks(self._indexes[0], window=_window(span)) == 255
        if self._mask is not None:
            valid &= ~self._flagged(self._mask, span)
        values = counts.astype(np.float32) * self._gains + self._offsets
        values[~valid] = 0
        return values, valid

    def _flagged(self, mask: DatasetReader, span: Span) -> np.ndarray:
        """What the unusable-data mask excludes in the file's own pixels; the mask may be coarser (50 m for RapidEye)."""
        path = self.info.mask_path
        assert path is not None  # noqa: S101
        crs = crs_name(mask, path)
        transform = self.info.transform * Affine.translation(span.left, span.top)
        x, y = reproject_points(*outline(transform, span.shape[1], span.shape[0]), self.info.crs, crs)
        part = _span(*(~mask.transform * (x, y)), MASK_BUFFER_PX + 1, Span(0, mask.height, 0, mask.width))
        flagged = np.zeros(span.shape, np.uint8)
        if part.empty:
            return flagged.astype(bool)
        with readable(path):
            unusable = self._unusable(mask.read(window=_window(part)))
        reproject(
            unusable.astype(np.uint8), flagged, src_transform=mask.transform * Affine.translation(part.left, part.top),
            src_crs=crs, dst_transform=transform, dst_crs=self.info.crs, resampling=Resampling.nearest,
        )
        return flagged.astype(bool)

    def _unusable(self, layers: np.ndarray) -> np.ndarray:
        if self.info.mask_kind == "udm2":
            if len(layers) != 8:
                raise InputError("scene.mask", f"{self.info.mask_path} is no UDM2 mask: it has {len(layers)} bands, not 8.",
                                 "Download the mask again, or move it away.", path=str(self.info.mask_path))
            return buffered(udm2_unusable(layers.transpose(1, 2, 0)), MASK_BUFFER_PX)
        bits = RAPIDEYE_UDM_BITS if self.info.sensor == "RapidEye" else {}
        return buffered(udm_unusable(layers[0], self._bands, bits), MASK_BUFFER_PX)


def footprint(info: SceneInfo, grid: Grid) -> Span:
    """The part of the grid that a scene may touch."""
    x, y = reproject_points(*outline(info.transform, info.width, info.height), info.crs, grid.crs)
    return _span(*(~grid.transform * (x, y)), 0, None)


def _span(columns: np.ndarray, rows: np.ndarray, margin: int, limits: Span | None) -> Span:
    """The pixels between these positions and `margin` more on each side."""
    usable = np.isfinite(columns) & np.isfinite(rows)
    if not usable.any():
        return Span(0, 0, 0, 0)
    # A millionth of a pixel absorbs rounding, so that pixels that only touch do not count.
    top, left = math.floor(rows[usable].min() + 1e-6), math.floor(columns[usable].min() + 1e-6)
    bottom, right = math.ceil(rows[usable].max() - 1e-6), math.ceil(columns[usable].max() - 1e-6)
    span = Span(top - margin, bottom + margin, left - margin, right + margin)
    return span.within(limits) if limits else span


def _whole_pixel_shift(info: SceneInfo, grid: Grid) -> tuple[int, int] | None:
    """(rows, columns) from grid to file where both have the same pixels, else None."""
    if info.crs != grid.crs:
        return None
    rounded = None
    to_file = ~info.transform * grid.transform
    corners = [(0, 0), (info.width, 0), (0, info.height), (info.width, info.height)]
    for column, row in corners:
        x, y = to_file * (column, row)
        shift = round(y - row), round(x - column)
        # A hundredth of a pixel, over the whole file, is less than any position is known to.
        if max(abs(y - row - shift[0]), abs(x - column - shift[1])) > 0.01 or (rounded is not None and shift != rounded):
            return None
        rounded = shift
    return rounded


def _source_steps(info: SceneInfo, grid: Grid) -> tuple[float, float]:
    """Pixels of the file, across and down, in one pixel of the grid (in the middle of the file)."""
    x, y = info.transform * (info.width / 2, info.height / 2)
    middle = reproject_points(np.array([x]), np.array([y]), info.crs, grid.crs)
    column, row = ~grid.transform * (float(middle[0][0]), float(middle[1][0]))
    x, y = grid.transform * (np.array([column, column + 1, column]), np.array([row, row, row + 1]))
    columns, rows = ~info.transform * reproject_points(x, y, grid.crs, info.crs)
    return math.hypot(columns[1] - columns[0], columns[2] - columns[0]), math.hypot(rows[1] - rows[0], rows[2] - rows[0])


def _window(span: Span) -> Window:
    return Window(span.left, span.top, span.shape[1], span.shape[0])
