"""What a report is made of: sections with paragraphs, tables and pictures. `page` turns them into one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        title: Short, for example "Density of landslides".
        caption: Full sentences: what is shown, units, what the colours mean.
        png: The image.
    """

    title: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Table:
    """A table; it is written as CSV beside the page too.

    Attributes:
        name: Of the CSV file, without suffix.
        title: Headline.
        caption: Full sentences: units, ground, what the columns mean.
        rows: Column by name; None for what is not known.
    """

    name: str
    title: str
    caption: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Section:
    """A part of the report with its own headline."""

    title: str
    paragraphs: Sequence[str] = ()
    pieces: Sequence[Table | Picture] = field(default=())
