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


def class_writer(
    path: Path, grid: Grid, classes: Mapping[int, PixelClass], nodata: int, tags: Mapping[str, Any], description: str
) -> RasterWriter:
    """A writer of uint8 classes, with their colour table in the file and their names as metadata."""
    names = {f"class_{value}": meaning.name for value, meaning in classes.items()}
    colours = {value: meaning.rgba for value, meaning in classes.items()}
    return RasterWriter(path, grid, "uint8", nodata, descriptions=[description], tags={**tags, **names},
                        colours=colours, unit="class")
