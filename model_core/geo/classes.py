"""Rasters of classes: numbers with names and colours that QGIS shows without being told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .grid import Grid
from .rasters import RasterWriter


class PixelClass(NamedTuple):
    """What a pixel value means."""

    name: str
    rgba: tuple[int, int, int, int]


class ClassRasterWriter(RasterWriter):
    """A `RasterWriter` of uint8 classes, with their colour table in the file and their names as metadata."""

    def __init__(
        self, path: Path, grid: Grid, classes: Mapping[int, PixelClass], nodata: int, tags: Mapping[str, Any]
    ) -> None:
        names = {f"class_{value}": meaning.name for value, meaning in classes.items()}
        super().__init__(path, grid, "uint8", nodata, tags={**tags, **names})
        self.classes = classes

    def _vrt(self) -> str:
        clear = PixelClass("", (0, 0, 0, 0))
        entries = "".join(
            '<Entry c1="{}" c2="{}" c3="{}" c4="{}"/>'.format(*self.classes.get(value, clear).rgba)
            for value in range(256)
        )
        table = f"<ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable>"
        return super()._vrt().replace("<NoDataValue>", f"{table}<NoDataValue>")
