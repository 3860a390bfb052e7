"""What is in an image file: bands by name, date, physical quantity, masks."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affine import Affine

from ...contract.errors import UsageError
from . import plain, planetscope, rapideye
from .header import read_header


@dataclass(frozen=True)
class SceneInfo:
    """All that is known about one image file before a pixel is read.

    Attributes:
        path: The file.
        bands: Names of the usable bands, in file order.
        indexes: Their numbers in the file, from 1.
        date: Day of acquisition (UTC), if known.
        sensor: "RapidEye", "PlanetScope" or "unknown".
        quantity: "toa_reflectance", "surface_reflectance" or "counts".
        gains, offsets: By band: value = number in the file * gain + offset.
        fill: The number that stands for no data; None in float files without one.
        masked: The file has a mask or a transparency band of its own, which counts too.
        mask_path: Unusable-data mask beside the file.
        mask_kind: "udm" or "udm2".
        product_accuracy_m: Stated accuracy of the position.
        crs: "EPSG:32645" where it has a code, else WKT.
        transform: From (column, row) to (x, y).
        width, height: Columns and rows.
        notes: What the analyst should know, in plain sentences.
    """

    path: Path
    bands: tuple[str, ...]
    indexes: tuple[int, ...]
    date: datetime.date | None
    sensor: str
    quantity: str
    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    fill: float | None
    masked: bool
    mask_path: Path | None
    mask_kind: str | None
    product_accuracy_m: float | None
    crs: str
    transform: Affine
    width: int
    height: int
    notes: tuple[str, ...]


def describe(
    path: str | Path, bands: Sequence[str] | None = None, date: datetime.date | str | None = None
) -> SceneInfo:
    """Reads what an image file and the metadata beside it say.

    Args:
        path: A RapidEye or PlanetScope scene or any other raster.
        bands: Names of all its bands in file order, where the file does not tell; "-" leaves a band out.
        date: Day of acquisition (or ISO text), where the file does not tell.

    Raises:
        InputError: The file cannot be used: missing, damaged, no raster, no CRS, unknown bands.
        UsageError: `date` is not a date.
    """
    path = Path(path)
    header = read_header(path)
    given_day = _day(date)
    product = rapideye.product(header, bands) or planetscope.product(header, bands) or plain.product(header, bands)
    facts = {field.name: getattr(product, field.name) for field in dataclasses.fields(product)}
    if product.sensor == "unknown":
        facts["notes"] += (_unknown_values(header.dtype),)
    if given_day:
        if product.date and product.date != given_day:
            facts["notes"] += (f"The date given for {path.name} ({given_day}) is not the one in its name or metadata "
                               f"({product.date}); the given one is used.",)
        facts["date"] = given_day
    return SceneInfo(
        path=path, crs=header.crs, transform=header.transform, width=header.width, height=header.height,
        fill=header.fill, masked=header.masked or _is_transparency(header.alpha, product.indexes), **facts,
    )


def _is_transparency(alpha: int | None, used: tuple[int, ...]) -> bool:
    # GDAL marks the fourth band of many files as transparency; one that was named is an ordinary band.
    return alpha is not None and alpha not in used


def _unknown_values(dtype: str) -> str:
    """Colour-balanced mosaics are mapped too, but nobody can say what their values mean."""
    what = "8-bit values are not radiance or reflectance, and may be colour-balanced" if dtype in ("uint8", "int8") \
        else "without metadata its values are not known to be radiance or reflectance"
    return f"{what}: maps of different dates may not be comparable."


def _day(given: datetime.date | str | None) -> datetime.date | None:
    if not isinstance(given, str):
        return given
    try:
        return datetime.date.fromisoformat(given)
    except ValueError as error:
        raise UsageError("scene.date", f"{given!r} is not a date.", "Give it like 2015-11-09.", date=given) from error
