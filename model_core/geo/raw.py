"""Pixels in a plain file: what a raster is until it becomes a GeoTIFF."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.pyramid import halved

_STRIPE_PX = 2**18  # read or filled at a time
_BYTE_ORDER = "LSB" if sys.byteorder == "little" else "MSB"

Pixels = NDArray[Any]


class RawPixels:
    """A file that holds band after band, row after row, without a head.

    Args:
        path: The file to make.
        shape: (bands, rows, columns).
        dtype: Of the numbers.

    Raises:
        OSError: The file cannot be made; the methods raise it where the disk is full.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
        self.path = path
        self.shape = shape
        self.dtype = dtype
        self._file = path.open("w+b")

    def fill(self, value: float) -> None:
        """Sets every pixel, which claims the room on the disk."""
        count, height, width = self.shape
        rows = max(1, _STRIPE_PX // width)
        stripe = np.full((rows, width), value, self.dtype)
        for _ in range(count):
            for row in range(0, height, rows):
                self._file.write(stripe[: height - row].data)
        self._file.flush()

    def write(self, bands: Pixels, row_off: int, col_off: int) -> None:
        """Writes (bands, h, w) pixels of the file's type with their upper left corner at this row and column."""
        whole_rows = bands.shape[2] == self.shape[2]
        for band, image in enumerate(bands):
            for row, line in enumerate(image[np.newaxis] if whole_rows else image):
                self._file.seek(self._position(band, row_off + row, col_off))
                self._file.write(line.data)
        self._file.flush()

    def stripes(self, band: int, top: int = 0, bottom: int | None = None) -> Iterator[tuple[int, Pixels]]:
        """Rows of a band, all unless told otherwise, in parts of an even number of rows: (first row, (h, W) pixels)."""
        _, height, width = self.shape
        bottom = height if bottom is None else bottom
        step = max(2, _STRIPE_PX // width // 2 * 2)
        for row in range(top, bottom, step):
            rows = min(step, bottom - row)
            self._file.seek(self._position(band, row, 0))
            yield row, np.frombuffer(self._file.read(rows * width * self.dtype.itemsize), self.dtype).reshape(rows, -1)

    def read(self, band: int, rows: slice, cols: slice) -> Pixels:
        """(h, w) pixels of a part of a band."""
        part = np.empty((rows.stop - rows.start, cols.stop - cols.start), self.dtype)
        for row, line in enumerate(part, start=rows.start):
            self._file.seek(self._position(band, row, cols.start))
            self._file.readinto(line.data)
        return part

    def halved(self, path: Path, nodata: float | None) -> RawPixels:
        """A new file with half as many rows and columns, see `pyramid.halved`."""
        count, height, width = self.shape
        half = RawPixels(path, (count, (height + 1) // 2, (width + 1) // 2), self.dtype)
        for band in range(count):
            for row, stripe in self.stripes(band):
                small = np.ascontiguousarray(halved(stripe, nodata))[np.newaxis]
                half._file.seek(half._position(band, row // 2, 0))
                half._file.write(small.data)
        half._file.flush()
        return half

    def vrt_band(self, band: int, inside: str) -> str:
        """The description of a band with which GDAL reads it, for a VRT in the same folder.

        Args:
            band: Counted from 0.
            inside: Further elements.
        """
        kind = "Byte" if self.dtype == np.uint8 else self.dtype.name  # GDAL's other names are numpy's
        size = self.dtype.itemsize
        return (
            f'<VRTRasterBand dataType="{kind}" band="{band + 1}" subClass="VRTRawRasterBand">{inside}'
            f'<SourceFilename relativeToVRT="1">{self.path.name}</SourceFilename>'
            f"<ImageOffset>{self._position(band, 0, 0)}</ImageOffset><PixelOffset>{size}</PixelOffset>"
            f"<LineOffset>{size * self.shape[2]}</LineOffset><ByteOrder>{_BYTE_ORDER}</ByteOrder></VRTRasterBand>"
        )

    def close(self) -> None:
        """Closes the file; all was flushed before, or failed and was said."""
        with suppress(OSError):
            self._file.close()

    def _position(self, band: int, row: int, col: int) -> int:
        return ((band * self.shape[1] + row) * self.shape[2] + col) * self.dtype.itemsize
