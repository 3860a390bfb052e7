"""PlanetScope scenes and ortho tiles of 3, 4, 5 or 8 bands: top-of-atmosphere or surface reflectance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from ...contract.bands import BANDS
from ...contract.errors import InputError
from . import metadata
from .header import Header, Product
from .plain import date_in_name, name_bands

_NAME = re.compile(
    r"(?P<id>\d{8}_\d{6}(?:_\d{2})?_[0-9a-f]{4}|\d{5,8}_\d{7}_\d{4}-\d{2}-\d{2}_[0-9a-f]{4})_", re.IGNORECASE
)
ORDERS = {
    3: ("red", "green", "blue"),
    4: ("blue", "green", "red", "nir"),
    5: BANDS,
    8: ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "red_edge", "nir"),
}
_SURFACE_GAIN = 1e-4


def product(header: Header, given: Sequence[str] | None) -> Product | None:
    """The scene if it is an analytic PlanetScope file, else None (the "Visual" product has colours for eyes only).

    Known by its name (`<date>_<time>_<satellite>_3B_AnalyticMS...`) or, if that was changed, by `<stem>_metadata.xml`
    beside it. Of eight bands those are used that RapidEye has too, unless names are given.

    Raises:
        InputError: The metadata are broken, or the band names do not fit.
    """
    match = _NAME.match(header.path.stem)
    scene_id = match["id"] if match else None
    if header.dtype != "uint16" or "visual" in header.path.stem.lower():
        return None
    root = metadata.xml_beside(header.path, scene_id, header.count)
    if root is not None and "PlanetScope" not in metadata.texts(root, "shortName"):
        root = None
    if root is None and scene_id is None:
        return None
    order = ORDERS.get(header.count)
    if order and not given and header.count == 8:
        order = tuple(band if band in BANDS else "" for band in order)
    bands, indexes, notes = name_bands(header, given, "PlanetScope", order)
    quantity, gains, more = _radiometry(header, bands, root)
    kind = "udm2"
    mask = metadata.mask_beside(header.path, scene_id, kind)
    if mask is None:
        kind = "udm"
        mask = metadata.mask_beside(header.path, scene_id, kind)
    if mask is None:
        more += (f"No unusable-data mask (_udm2.tif, _udm.tif) lies beside {header.path.name}: clouds are not masked "
                 "by it.",)
    day = metadata.day(metadata.text(root, "acquisitionDateTime")) if root is not None else None
    return Product("PlanetScope", quantity, bands, indexes, gains, (0.0,) * len(bands),
                   day or date_in_name((scene_id or "").split("_")[0]) or date_in_name(scene_id or ""),
                   mask, kind if mask else None, None, notes + more)


def _radiometry(
    header: Header, bands: Sequence[str], root: Element | None
) -> tuple[str, tuple[float, ...], tuple[str, ...]]:
    corrected = root is not None and metadata.text(root, "atmosphericCorrectionApplied") == "true"
    if corrected or re.search(r"_SR(_|$)", header.path.stem):
        return "surface_reflectance", (_SURFACE_GAIN,) * len(bands), ()
    coefficients = _coefficients(root) if root is not None else {}
    if not coefficients:
        note = (f"No metadata (_metadata.xml) lie beside {header.path.name}: its counts are not turned into "
                "reflectance, and do not fit models that were trained on reflectance.")
        return "counts", (1.0,) * len(bands), (note,)
    missing = [band for band in bands if band not in coefficients]
    if missing:
        raise InputError(
            "scene.band-not-of-sensor",
            f"The metadata of {header.path} have no reflectance coefficient for a band {missing[0]}.",
            f"They know the bands {', '.join(coefficients)}; '-' leaves a band out.",
            path=str(header.path), band=missing[0],
        )
    return "toa_reflectance", tuple(coefficients[band] for band in bands), ()


def _coefficients(root: Element) -> dict[str, float]:
    """Reflectance of one count by band name; the document numbers the bands in the sensor's order."""
    by_number = {}
    for part in metadata.elements(root, "bandSpecificMetadata"):
        index, gain = metadata.number(part, "bandNumber"), metadata.number(part, "reflectanceCoefficient")
        if index is not None and gain is not None:
            by_number[int(index)] = gain
    order = ORDERS.get(len(by_number), ())
    return {name: by_number[i] for i, name in enumerate(order, 1) if i in by_number}
