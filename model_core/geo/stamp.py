"""What every file of a run says of its making, written in one place so that no file can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_NOTHING: Mapping[str, str] = {}
_CURRENT: ContextVar[Mapping[str, str]] = ContextVar("stamp", default=_NOTHING)


@contextmanager
def stamp(tags: Mapping[str, str]) -> Iterator[None]:
    """Within it every raster and every GeoPackage carries these tags. A thread begun inside has none of them."""
    before = _CURRENT.set(tags)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def stamped(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """A file's own tags and those of the run; its own win."""
    return {**_CURRENT.get(), **{name: str(value) for name, value in (tags or {}).items()}}
