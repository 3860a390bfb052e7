"""RapidEye L3A tiles: five bands of counts that become top-of-atmosphere reflectance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.etree.ElementTree import Element

from ...arrays.radiometry import RAPIDEYE_EAI, reflectance_gain
from ...contract.bands import BANDS
from ...contract.errors import InputError
from . import metadata
from .header import Header, Product
from .plain import name_bands

_NAME = re.compile(r"(?P<id>\d{7}_(?P<date>\d{4}-\d{2}-\d{2})_RE\d_(?:3A|1B))", re.IGNORECASE)
_RADIANCE_GAIN = 0.01  # W m-2 sr-1 um-1 of one count, in every product so far
_SURFACE_GAIN = 1e-4


@dataclass(frozen=True)
class _Facts:
    day: date | None
    sun_elevation_deg: float | None
    gains: dict[int, float]
    corrected: bool = False
    accuracy_m: float | None = None


def product(header: Header, given: Sequence[str] | None) -> Product | None:
    """The scene if it is a RapidEye file in counts, else None.

    Known by its name (`<tile>_<date>_RE<1-5>_3A_...`) or, if that was changed, by `<stem>_metadata.xml` beside it.

    Raises:
        InputError: The metadata are broken, or the band names do not fit.
    """
    match = _NAME.match(header.path.stem)
    scene_id = match["id"] if match else None
    root = metadata.xml_beside(header.path, scene_id, header.count)
    if root is not None and not any(craft.startswith("RE") for craft in metadata.texts(root, "serialIdentifier")):
        root = None
    if (root is None and scene_id is None) or header.dtype != "uint16":
        return None
    facts = _from_xml(root) if root is not None else _from_json(metadata.json_beside(header.path, scene_id or ""))
    day = facts.day or metadata.day(match["date"] if match else None)
    bands, indexes, notes = name_bands(header, given, "RapidEye", BANDS if header.count == len(BANDS) else None)
    quantity, gains, more = _radiometry(header, bands, indexes, facts, day)
    accuracy_px = (facts.accuracy_m or 0) / abs(header.transform.a)
    if accuracy_px > 1:
        more += (f"{header.path.name} lies within {facts.accuracy_m:.1f} m of its true place only ({accuracy_px:.1f} "
                 "pixels): check that the dates of the series fit onto each other.",)
    mask = metadata.mask_beside(header.path, scene_id, "udm")
    if mask is None:
        more += (f"No unusable-data mask (_udm.tif) lies beside {header.path.name}: clouds are not masked by it.",)
    return Product("RapidEye", quantity, bands, indexes, gains, (0.0,) * len(bands), day, mask, "udm" if mask else None,
                   facts.accuracy_m, notes + more)


def _radiometry(
    header: Header, bands: Sequence[str], indexes: Sequence[int], facts: _Facts, day: date | None
) -> tuple[str, tuple[float, ...], tuple[str, ...]]:
    if facts.corrected or re.search(r"_SR(_|$)", header.path.stem):
        return "surface_reflectance", (_SURFACE_GAIN,) * len(bands), ()
    if facts.sun_elevation_deg is None or day is None:
        note = (f"No metadata (_metadata.xml) lie beside {header.path.name}: its counts are not turned into "
                "reflectance, and do not fit models that were trained on reflectance.")
        return "counts", (1.0,) * len(bands), (note,)
    unknown = [band for band in bands if band not in RAPIDEYE_EAI]
    if unknown:
        raise InputError(
            "scene.band-not-of-sensor", f"RapidEye has no band {unknown[0]}, which was given for {header.path}.",
            f"Its bands are {', '.join(BANDS)}; '-' leaves a band out.", path=str(header.path), band=unknown[0],
        )
    elevation = facts.sun_elevation_deg
    return "toa_reflectance", tuple(
        reflectance_gain(facts.gains.get(index, _RADIANCE_GAIN), RAPIDEYE_EAI[band], elevation, day)
        for band, index in zip(bands, indexes, strict=True)
    ), ()


def _from_xml(root: Element) -> _Facts:
    gains = {}
    for part in metadata.elements(root, "bandSpecificMetadata"):
        index, gain = metadata.number(part, "bandNumber"), metadata.number(part, "radiometricScaleFactor")
        if index is not None and gain is not None:
            gains[int(index)] = gain
    return _Facts(
        day=metadata.day(metadata.text(root, "acquisitionDateTime")),
        sun_elevation_deg=metadata.number(root, "illuminationElevationAngle"),
        gains=gains,
        corrected=metadata.text(root, "atmosphericCorrectionApplied") == "true",
        accuracy_m=metadata.number(root, "productAccuracy"),
    )


def _from_json(properties: dict[str, Any] | None) -> _Facts:
    """Facts in the JSON of the Planet API, of its older (sun.altitude) or newer form."""
    properties = properties or {}
    elevation = properties.get("sun_elevation", (properties.get("sun") or {}).get("altitude"))
    return _Facts(metadata.day(properties.get("acquired")), None if elevation is None else float(elevation), {})
