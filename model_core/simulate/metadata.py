"""The metadata file that comes with a RapidEye L3A image, for simulated ones: only what a reader needs."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

from .sensor import RADIANCE_OF_A_COUNT, Sky

_NAMESPACES = {
    "re": "http://schemas.rapideye.de/products/productMetadataGeocorrected",
    "eop": "http://earth.esa.int/eop",
    "opt": "http://earth.esa.int/opt",
    "gml": "http://www.opengis.net/gml",
}


def l3a_metadata(image: str, mask: str, day: date, sky: Sky, epsg: int, size_px: int, n_bands: int) -> str:
    """XML of a simulated image.

    Args:
        image, mask: File names of image and unusable-data mask.
        day: Day of acquisition.
        sky: Its sun.
        epsg: CRS of the image.
        size_px: Rows and columns.
        n_bands: Number of bands.
    """
    for prefix, uri in _NAMESPACES.items():
        ElementTree.register_namespace(prefix, uri)
    root = _element(None, "re:EarthObservation")
    meta = _element(_element(root, "gml:metaDataProperty"), "re:EarthObservationMetaData")
    for name, value in (("eop:identifier", "simulated"), ("eop:status", "ACQUIRED"), ("eop:productType", "L3A")):
        _element(meta, name, value)
    equipment = _element(_element(root, "gml:using"), "eop:EarthObservationEquipment")
    _element(_element(_element(equipment, "eop:platform"), "eop:Platform"), "eop:serialIdentifier", "RE-1")
    acquisition = _element(_element(equipment, "eop:acquisitionParameters"), "re:Acquisition")
    _element(acquisition, "opt:illuminationAzimuthAngle", f"{sky.sun_azimuth_deg:.4f}", uom="deg")
    _element(acquisition, "opt:illuminationElevationAngle", f"{sky.sun_elevation_deg:.4f}", uom="deg")
    _element(acquisition, "re:acquisitionDateTime", f"{day.isoformat()}T05:15:00.000000Z")
    result = _element(_element(root, "gml:resultOf"), "re:EarthObservationResult")
    product = _element(_element(result, "eop:product"), "re:ProductInformation")
    _element(product, "eop:fileName", image)
    reference = _element(product, "re:spatialReferenceSystem")
    _element(reference, "re:epsgCode", str(epsg))
    for name, value in (("re:numRows", str(size_px)), ("re:numColumns", str(size_px)), ("re:numBands", str(n_bands)),
                        ("re:rowGsd", "5.0"), ("re:columnGsd", "5.0"), ("re:radiometricCorrectionApplied", "true"),
                        ("re:atmosphericCorrectionApplied", "false")):
        _element(product, name, value)
    masks = _element(_element(result, "eop:mask"), "re:MaskInformation")
    _element(masks, "eop:fileName", mask)
    for number in range(1, n_bands + 1):
        band = _element(result, "re:bandSpecificMetadata")
        _element(band, "re:bandNumber", str(number))
        _element(band, "re:radiometricScaleFactor", str(RADIANCE_OF_A_COUNT))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _element(parent: ElementTree.Element | None, name: str, text: str | None = None, **attributes: str
             ) -> ElementTree.Element:
    prefix, local = name.split(":")
    tag = f"{{{_NAMESPACES[prefix]}}}{local}"
    element = ElementTree.Element(tag, attributes)
    if parent is not None:
        parent.append(element)
    element.text = text
    return element
