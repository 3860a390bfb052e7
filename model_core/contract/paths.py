"""Paths in job and series files: relative to the file that names them, so that a folder can be moved and shared."""

from __future__ import annotations

import os
import re
from pathlib import Path, PureWindowsPath

NONE = "-"  # stands in a list of files for one that there is not


def absolute(text: str, folder: Path) -> str:
    r"""A path made absolute; what only GDAL understands (/vsizip/..., https://..., PG:...) stays as it is.

    Args:
        text: Path, maybe with a layer ("slides.gpkg|layername=2015"), maybe with Windows' separators.
        folder: Where a relative path begins.
    """
    if not is_path(text):
        return text
    file, bar, layer = text.partition("|")
    path = _join(folder, file)
    if os.sep == "/" and "\\" in file and not path.exists():
        if PureWindowsPath(file).drive:
            return text
        # Written on Windows, read on Linux or a Mac.
        path = _join(folder, file.replace("\\", "/"))
    return str(path) + bar + layer


def relative(text: str, folder: Path) -> str:
    """A path relative to a folder, with forward slashes; as it is where it lies on another drive or is none."""
    if not is_path(text):
        return text
    file, bar, layer = text.partition("|")
    try:
        return Path(os.path.relpath(file, folder)).as_posix() + bar + layer
    except ValueError:  # another drive on Windows
        return text


def is_path(text: str) -> bool:
    """False for what only GDAL understands and for `NONE`; the one letter of a Windows drive is no scheme."""
    return text != NONE and not text.startswith("/vsi") and not re.match(r"[A-Za-z][A-Za-z0-9_+.-]+:", text)


def _join(folder: Path, file: str) -> Path:
    try:
        path = Path(file).expanduser()
    except RuntimeError:  # "~nobody"
        path = Path(file)
    return Path(os.path.normpath(folder.absolute() / path))
