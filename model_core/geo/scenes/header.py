"""What a raster says about itself, and what a sensor's reader makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import rasterio
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags

from ...contract.errors import InputError
from ..rasters import crs_name, open_raster


@dataclass(frozen=True)
class Header:
    """The head of a raster file.

    Attributes:
        path: The file.
        crs: See `rasters.crs_name`.
        transform: From (column, row) to (x, y).
        width, height: Columns and rows.
        count: Number of bands.
        dtype: Type of the numbers, such as "uint16".
        fill: The nodata value; 0 where an integer file has none; None where a float file has none.
        descriptions: Text of each band, "" where it has none.
        colours: Colour interpretation of each band: "red", "gray", "undefined", ...
        alpha: Index (from 1) of a band marked as transparency, if there is one.
        masked: The file has a mask of its own (not counting `alpha`).
        scales, offsets: Of each band, 1 and 0 where the file says nothing.
    """

    path: Path
    crs: str
    transform: Affine
    width: int
    height: int
    count: int
    dtype: str
    fill: float | None
    descriptions: tuple[str, ...]
    colours: tuple[str, ...]
    alpha: int | None
    masked: bool
    scales: tuple[float, ...]
    offsets: tuple[float, ...]


@dataclass(frozen=True)
class Product:
    """What one sensor's reader knows of a scene; the fields are those of `SceneInfo`."""

    sensor: str
    quantity: str
    bands: tuple[str, ...]
    indexes: tuple[int, ...]
    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    date: date | None
    mask_path: Path | None = None
    mask_kind: str | None = None
    product_accuracy_m: float | None = None
    notes: tuple[str, ...] = ()


def read_header(path: Path) -> Header:
    """Reads the head of a raster, and its .aux.xml where another program left one; writes nothing.

    Raises:
        InputError: It is no raster, has no place on the map, or numbers that are no image.
    """
    with rasterio.Env(GDAL_PAM_ENABLED=True), open_raster(path) as source:
        fills = {value for value in source.nodatavals if value is not None and not math.isnan(value)}
        if len(fills) > 1 or len(set(source.dtypes)) > 1 or source.dtypes[0].startswith("complex"):
            raise InputError(
                "scene.mixed-bands",
                f"The bands of {path} have different types or nodata values.",
                "Export the image with one type and one nodata value for all bands.", path=str(path),
            )
        integer = not source.dtypes[0].startswith("float")
        return Header(
            path=path,
            crs=crs_name(source, path),
            transform=source.transform,
            width=source.width,
            height=source.height,
            count=source.count,
            dtype=source.dtypes[0],
            fill=fills.pop() if fills else 0 if integer else None,
            descriptions=tuple(text or "" for text in source.descriptions),
            colours=tuple(colour.name for colour in source.colorinterp),
            alpha=source.colorinterp.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in source.colorinterp else None,
            masked=any(MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
                       for flags in source.mask_flag_enums),
            scales=tuple(source.scales),
            offsets=tuple(source.offsets),
        )
