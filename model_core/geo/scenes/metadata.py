"""Finding and reading the metadata and mask files that lie beside a scene."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from glob import escape
from itertools import takewhile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ...contract.errors import InputError

_MASK = re.compile(r"_(udm2?)(_clip)?\.tiff?$", re.IGNORECASE)


def xml_beside(path: Path, scene_id: str | None, count: int) -> Element | None:
    """The metadata document of a scene: one that names the file, else has as many bands, else the nearest name.

    Args:
        path: The image.
        scene_id: Beginning that all files of the delivery share; None where the image has lost its original name:
            then only `<stem>_metadata.xml` and `<stem>.xml` count.
        count: Number of bands of the image.

    Raises:
        InputError: A metadata file of the delivery is broken.
    """
    if scene_id:
        documents = [(file, _parse(file)) for file in sorted(path.parent.glob(f"{escape(scene_id)}*metadata*.xml"))]
    else:
        files = (path.with_name(f"{path.stem}_metadata.xml"), path.with_suffix(".xml"))
        documents = [(file, root) for file in files if (root := _try_parse(file)) is not None]
    documents = [(file, root) for file, root in documents if _local(root) == "EarthObservation"]
    if not documents:
        return None

    def nearness(document: tuple[Path, Element]) -> tuple[bool, bool, int]:
        file, root = document
        return path.name in texts(root, "fileName"), number(root, "numBands") == count, _common(file, path)

    return max(documents, key=nearness)[1]


def json_beside(path: Path, scene_id: str) -> dict[str, Any] | None:
    """The `properties` of the JSON document of a scene, where there is one.

    Raises:
        InputError: It is broken.
    """
    for file in sorted(path.parent.glob(f"{escape(scene_id)}*.json")):
        try:
            properties = json.loads(file.read_text(encoding="utf-8")).get("properties")
        except (OSError, ValueError, AttributeError) as error:
            raise _broken(file) from error
        if isinstance(properties, dict):
            return properties
    return None


def mask_beside(path: Path, scene_id: str | None, kind: str) -> Path | None:
    """The "udm" or "udm2" raster of a scene; of several the one with the nearest name."""
    files = sorted(path.parent.glob(f"{escape(scene_id or path.stem)}*"))
    found = [file for file in files if (match := _MASK.search(file.name)) and match[1].lower() == kind]
    return max(found, key=lambda file: _common(file, path), default=None)


def text(root: Element, name: str) -> str | None:
    """Text of the first element of this local name (the namespaces changed over the years)."""
    return next(iter(texts(root, name)), None)


def texts(root: Element, name: str) -> list[str]:
    """Texts of all elements of this local name, in the order of the document."""
    return [element.text.strip() for element in elements(root, name) if element.text]


def number(root: Element, name: str) -> float | None:
    """Number in the first element of this local name; None if there is none.

    Raises:
        InputError: Its text is no number.
    """
    found = text(root, name)
    if found is None:
        return None
    try:
        return float(found)
    except ValueError as error:
        raise InputError("scene.metadata", f"The metadata of the scene say {found!r} where {name} must be a number.",
                         "Download the metadata file again.", name=name, value=found) from error


def elements(root: Element, name: str) -> Iterator[Element]:
    """All elements of this local name, in the order of the document."""
    return (element for element in root.iter() if _local(element) == name)


def day(stamp: str | None) -> date | None:
    """The day of an ISO time stamp such as 2012-07-21T18:59:35.603817Z."""
    try:
        return date.fromisoformat(stamp[:10]) if stamp else None
    except ValueError:
        return None


def _common(file: Path, other: Path) -> int:
    """Length of what both names begin with."""
    pairs = zip(file.name.lower(), other.name.lower(), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _parse(file: Path) -> Element:
    try:
        return ElementTree.parse(file).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise _broken(file) from error


def _try_parse(file: Path) -> Element | None:
    try:
        return ElementTree.parse(file).getroot()
    except (OSError, ElementTree.ParseError):
        return None


def _broken(file: Path) -> InputError:
    return InputError("scene.metadata", f"The metadata file {file} cannot be read.",
                      "Download it again, or move it away to use the plain counts of the image.", path=str(file))
