"""One image file on the grid: exact pixels where it lies on the grid, else bilinear with a strict mask."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.warp import reproject
from rasterio.windows import Window

from ...arrays.masks import RAPIDEYE_UDM_BITS, UDM2_BANDS, buffered, udm2_unusable, udm_unusable, valid_pixels
from ...contract.errors import InputError
from ..grid import Grid
from ..rasters import crs_name, open_raster, readable
from .describe import SceneInfo
from .placement import Span, footprint, pixels_under, source_steps, whole_pixel_shift

# The makers advise a buffer of a pixel around what an unusable-data mask flags.
MASK_BUFFER_PX: Final = 1
_SOURCE_PIXELS: Final = 4 * 2**20  # read at once
# GDAL interpolates positions along a row: over this width to better than 0.003 px. Whole strips, always the same ones,
# make a pixel's value independent of the window that it is read in (to 1e-4 px).
_STRIP_PX: Final = 128
_WHOLLY_VALID: Final = 1 - 1e-5


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
        self._info = info
        self._grid = grid
        self._bands = tuple(bands)
        places = [info.bands.index(band) for band in bands]
        self._indexes = [info.indexes[i] for i in places]
        self._gains = np.array([info.gains[i] for i in places], np.float32)
        self._offsets = np.array([info.offsets[i] for i in places], np.float32)
        self._source = files.enter_context(open_raster(info.path))
        self._mask = (info.mask_path, files.enter_context(open_raster(info.mask_path))) if info.mask_path else None
        self._shift = whole_pixel_shift(info, grid)
        whole = Span(0, info.height, 0, info.width)
        self._footprint = whole.moved(*(-n for n in self._shift)) if self._shift else footprint(info, grid)
        self._steps = source_steps(info, grid)

    def read(self, window: Span) -> tuple[Span, np.ndarray, np.ndarray]:
        """Reads what the tile has in a window of the grid.

        Returns:
            The part of the window that the tile may touch (maybe empty), values (h, w, B) float32 in it with 0 where
            invalid, and valid (h, w) bool.

        Raises:
            InputError: The file is damaged.
        """
        part = window.within(self._footprint)
        if part.empty:
            return Span(0, 0, 0, 0), np.zeros((0, 0, len(self._bands)), np.float32), np.zeros((0, 0), bool)
        if self._shift is not None:
            return part, *self._read_source(part.moved(*self._shift))
        wide = part.strips(_STRIP_PX)
        values, valid = np.zeros((*wide.shape, len(self._bands)), np.float32), np.zeros(wide.shape, bool)
        for piece, source in self._pieces(wide):
            here = piece.seen_from(wide)
            values[here], valid[here] = self._warp(piece, source)
        return part, values[part.seen_from(wide)], valid[part.seen_from(wide)]

    def _pieces(self, window: Span) -> Iterator[tuple[Span, Span]]:
        """Parts of the window, each with the pixels of the file that it needs, few enough to hold in memory."""
        info, grid = self._info, self._grid
        reach = math.ceil(max(1, *self._steps)) + 2
        source = pixels_under(window, grid.transform, grid.crs, info.transform, info.crs, reach)
        source = source.within(Span(0, info.height, 0, info.width))
        if source.empty:
            return
        if source.shape[0] * source.shape[1] > _SOURCE_PIXELS and window.shape[0] > 1:
            for half in window.halves(_STRIP_PX):
                yield from self._pieces(half)
        else:
            yield window, source

    def _warp(self, window: Span, source: Span) -> tuple[np.ndarray, np.ndarray]:
        values, valid = self._read_source(source)
        # The mask is warped like the values: where it is not wholly 1, some invalid pixel has a share in the value.
        layers = np.ascontiguousarray(np.concatenate([values, valid[..., np.newaxis]], axis=-1).transpose(2, 0, 1))
        warped = np.zeros((len(layers), *window.shape), np.float32)
        # Scales are stated, else GDAL guesses them for each strip; up to 5 % is no reason for a wider filter.
        across, down = (1 / step if step > 1.05 else 1.0 for step in self._steps)
        for left in range(window.left, window.right, _STRIP_PX):
            strip = Span(window.top, window.bottom, left, left + _STRIP_PX)
            out = np.zeros((len(layers), *strip.shape), np.float32)
            reproject(
                layers, out, src_transform=source.transform(self._info.transform), src_crs=self._info.crs,
                dst_transform=strip.transform(self._grid.transform), dst_crs=self._grid.crs,
                resampling=Resampling.bilinear, XSCALE=across, YSCALE=down,
            )
            warped[:, *strip.seen_from(window)] = out
        valid = warped[-1] >= _WHOLLY_VALID
        return np.where(valid[..., np.newaxis], warped[:-1].transpose(1, 2, 0), np.float32(0)), valid

    def _read_source(self, span: Span) -> tuple[np.ndarray, np.ndarray]:
        """Values (h, w, B) and valid (h, w) in the file's own pixels."""
        with readable(self._info.path):
            counts = self._source.read(self._indexes, window=_window(span)).transpose(1, 2, 0)
            valid = valid_pixels(counts, self._info.fill)
            if self._info.masked:
                valid &= self._source.read_masks(self._indexes[0], window=_window(span)) == 255
        if self._mask:
            valid &= ~self._flagged(*self._mask, span)
        with np.errstate(over="ignore", invalid="ignore"):  # fill such as -1.8e308 fits into no float32
            values = counts * self._gains if counts.dtype.kind != "f" else counts.astype(np.float32) * self._gains
            if self._offsets.any():
                values += self._offsets
        if not valid.all():
            values[~valid] = 0
        return values, valid

    def _flagged(self, path: Path, mask: DatasetReader, span: Span) -> np.ndarray:
        """What the mask beside the file excludes in the file's own pixels; it may be coarser (50 m for RapidEye)."""
        info, crs = self._info, crs_name(mask, path)
        part = pixels_under(span, info.transform, info.crs, mask.transform, crs, MASK_BUFFER_PX + 1)
        part = part.within(Span(0, mask.height, 0, mask.width))
        flagged = np.zeros(span.shape, np.uint8)
        if not part.empty:
            with readable(path):
                unusable = self._unusable(path, mask.read(window=_window(part)))
            if not unusable.any():
                return np.zeros(span.shape, bool)
            reproject(
                unusable.astype(np.uint8), flagged, src_transform=part.transform(mask.transform), src_crs=crs,
                dst_transform=span.transform(info.transform), dst_crs=info.crs, resampling=Resampling.nearest,
            )
        return np.asarray(flagged, bool)

    def _unusable(self, path: Path, layers: np.ndarray) -> np.ndarray:
        if self._info.mask_kind == "udm":
            bits = RAPIDEYE_UDM_BITS if self._info.sensor == "RapidEye" else {}
            return buffered(udm_unusable(layers[0], self._bands, bits), MASK_BUFFER_PX)
        if len(layers) != len(UDM2_BANDS):
            raise InputError("scene.mask", f"{path} has {len(layers)} bands, but a UDM2 mask has {len(UDM2_BANDS)}.",
                             "Download the mask again, or move it away.", path=str(path))
        return buffered(udm2_unusable(layers.transpose(1, 2, 0)), MASK_BUFFER_PX)


def _window(span: Span) -> Window:
    return Window(span.left, span.top, span.shape[1], span.shape[0])
