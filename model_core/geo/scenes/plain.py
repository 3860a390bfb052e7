"""Band names for any raster, and scenes of which nothing is known but their band names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from ...contract.bands import BANDS, canonical
from ...contract.errors import InputError
from .header import Header, Product

UNUSED = ("", "-")  # given as a name, leaves the band out
_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})([-_]?)(\d{2})\2(\d{2})(?!\d)")


def product(header: Header, given: Sequence[str] | None) -> Product:
    """A scene that is used as it stands: counts, or whatever the file's own scale and offset make of them.

    Raises:
        InputError: The names of the bands are unknown or do not fit.
    """
    bands, indexes, notes = name_bands(header, given)
    gains, offsets = (tuple(values[i - 1] for i in indexes) for values in (header.scales, header.offsets))
    if any(gain != 1 for gain in gains) or any(offsets):
        notes += ("The values are multiplied and shifted by the scale and offset that the file gives.",)
    return Product("unknown", "counts", bands, indexes, gains, offsets, date_in_name(header.path.stem), notes=notes)


def name_bands(
    header: Header, given: Sequence[str] | None, sensor: str = "", order: Sequence[str] | None = None
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    """Names and indexes of the bands to use, and what is worth knowing about them.

    In this order: the names that were given (one for each band, "-" for a band to leave out), the order of the
    sensor's files, the file's own descriptions, and in images of three bands (and transparency) their colours. Colours
    are trusted no further: the genuine PlanetScope files call their blue band red.

    Args:
        header: The head of the file.
        given: Names in file order, or None.
        sensor: Name of the sensor, for messages.
        order: Names in the sensor's files of as many bands, None where unknown.

    Returns:
        Names, indexes from 1 and notes.

    Raises:
        InputError: There are no names, or too few, too many, or twice the same.
    """
    described = tuple(canonical(text) if canonical(text) in BANDS else None for text in header.descriptions)
    coloured = _colours(header)
    notes: tuple[str, ...] = ()
    if given:
        names: Sequence[str | None] = _checked(header, given)
        for source, known in ((f"{sensor} files", order), ("the file itself", described), ("its colours", coloured)):
            twins = zip(names, known or (), strict=False)
            if any(a and b and a != b and {a, b} & set(BANDS) for a, b in twins):
                said = ", ".join(name or "?" for name in known or ())
                notes += (f"The band names given for {header.path.name} ({', '.join(n or '-' for n in names)}) "
                          f"contradict {source} ({said}); the given ones are used.",)
                break
    elif order:
        names = order
    elif any(described):
        names = described
        if not all(described):
            left = [text or f"band {i}" for i, text in enumerate(header.descriptions, 1) if not described[i - 1]]
            notes = (f"Bands of {header.path.name} whose names are not known are not used: {', '.join(left)}.",)
    elif coloured:
        names = coloured
        notes = (f"The band names of {header.path.name} are taken from its colours: {', '.join(coloured)}.",)
    else:
        raise InputError(
            "scene.bands-unknown",
            f"{header.path} does not say which bands its {header.count} bands are.",
            f"Give {header.count} band names in file order, for example {', '.join(_example(header.count))}.",
            path=str(header.path), count=header.count,
        )
    pairs = [(name, i) for i, name in enumerate(names, 1) if name]
    bands, indexes = tuple(name for name, _ in pairs), tuple(i for _, i in pairs)
    if len(set(bands)) < len(bands) or not bands:
        raise InputError(
            "scene.bands-twice",
            f"The bands of {header.path} are named {', '.join(bands) or 'not at all'}: each name must come once.",
            "Give each band its own name; '-' leaves a band out.", path=str(header.path), bands=bands,
        )
    return bands, indexes, notes


def date_in_name(stem: str) -> date | None:
    """The date in a file name (2015-11-09, 2015_11_09 or 20151109), if there is exactly one."""
    found = set()
    for year, _, month, day in _DATE.findall(stem):
        try:
            found.add(date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return found.pop() if len(found) == 1 else None


def _checked(header: Header, given: Sequence[str]) -> tuple[str | None, ...]:
    image_bands = header.count - (header.alpha is not None)
    if len(given) not in {header.count, image_bands}:
        raise InputError(
            "scene.band-count",
            f"{header.path} has {header.count} bands, but {len(given)} names were given ({', '.join(given)}).",
            f"Give {header.count} names in file order; '-' leaves a band out.",
            path=str(header.path), count=header.count, given=tuple(given),
        )
    return tuple(None if name.strip() in UNUSED else canonical(name) for name in given)


def _colours(header: Header) -> tuple[str, ...] | None:
    colours = tuple(c for i, c in enumerate(header.colours, 1) if i != header.alpha)
    return colours if sorted(colours) == ["blue", "green", "red"] else None


def _example(count: int) -> Sequence[str]:
    if count == 4:
        return (*BANDS[:3], "nir")
    return BANDS[:count] if count <= len(BANDS) else (*BANDS, "...")
