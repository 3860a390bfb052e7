"""The analyst's study: which images, landslides and searched ground belong to which date.

A JSON file; its paths are relative to the file itself, so that a study folder can be moved and shared.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from .errors import InputError
from .fields import from_dict, param, to_dict
from .paths import absolute, relative

VERSION = 1
_PATH_FIELDS = ("scenes", "landslides", "searched", "ignore", "unusable")


@dataclass(frozen=True)
class Epoch:
    """One date of the series: its images and what is known about the ground.

    `landslides` missing with `searched` given means: searched, and no landslide found.
    """

    name: str = param(label="Name", help="Name of the date, for example 2015; unique in the series.")
    scenes: Tuple[str, ...] = param(label="Scenes", help="Image files of this date; several tiles become one mosaic.",
                                    role="raster")
    bands: Tuple[str, ...] = param((), label="Bands", help="Names of the image's bands in file order, where the file "
                                   "does not tell: blue, green, red, red_edge, nir.", role="bands")
    date: Optional[str] = param(None, label="Date", help="Date of the images, YYYY-MM-DD, where the file does not "
                                "tell.", role="date")
    landslides: Optional[str] = param(None, label="Landslides", help="Polygons of the landslides visible at this "
                                      "date.", role="vector")
    searched: Optional[str] = param(None, label="Searched ground", help="Polygons of the ground that was searched "
                                    "completely; elsewhere undrawn ground is not taken for 'no landslide'.",
                                    role="vector")
    ignore: Optional[str] = param(None, label="Ignore", help="Polygons of doubtful ground: neither landslide nor "
                                  "background.", role="vector")
    unusable: Optional[str] = param(None, label="Unusable", help="Polygons of clouds or other unusable ground in this "
                                    "image.", role="vector")


@dataclass(frozen=True)
class Series:
    """Epochs in the order of time, on one grid."""

    epochs: Tuple[Epoch, ...]
    crs: Optional[str] = None
    pixel_size_m: Optional[float] = None
    area: Optional[str] = None


def read_series(path: Path) -> Series:
    """Reads a series file; the paths in it become absolute.

    Raises:
        InputError: The file is not a series, or two epochs share a name.
        UsageError: An epoch has an unknown or missing entry.
    """
    try:
        data = json.loads(path.read_bytes())
        rows, rest = data["epochs"], {k: v for k, v in data.items() if k not in ("epochs", "version")}
        known = {f.name for f in dataclasses.fields(Series)} - {"epochs"}
        if set(rest) - known or not isinstance(rows, list) or not rows:
            raise ValueError(f"unexpected entries {sorted(set(rest) - known)}" if rows else "no epochs")
        epochs = tuple(from_dict(Epoch, _absolute(row, path.parent)) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "series.unreadable",
            f"{path} is not a series file ({error}).",
            'It must be JSON like {"epochs": [{"name": "2015", "scenes": ["2015.tif"], "landslides": "2015.gpkg"}]}.',
            path=str(path),
        ) from error
    names = [epoch.name for epoch in epochs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            "series.name-twice", f"Two epochs of the series are named {twice[0]}.", "Give each epoch its own name."
        )
    if rest.get("area"):
        rest["area"] = absolute(rest["area"], path.parent)
    return Series(epochs, **rest)


def write_series(series: Series, path: Path) -> None:
    """Writes a series file with paths relative to it (absolute where on another drive)."""
    rows = [_relative({k: v for k, v in to_dict(epoch).items() if v not in (None, [])}, path.parent)
            for epoch in series.epochs]
    data: Dict[str, Any] = {"version": VERSION, "epochs": rows}
    for name in ("crs", "pixel_size_m", "area"):
        if getattr(series, name) is not None:
            data[name] = getattr(series, name)
    if series.area:
        data["area"] = relative(series.area, path.parent)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def _absolute(row: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    return _map_paths(row, lambda text: absolute(text, folder))


def _relative(row: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    return _map_paths(row, lambda text: relative(text, folder))


def _map_paths(row: Dict[str, Any], change: Any) -> Dict[str, Any]:
    out = dict(row)
    for name in _PATH_FIELDS:
        value = out.get(name)
        if isinstance(value, str):
            out[name] = change(value)
        elif isinstance(value, (list, tuple)):
            out[name] = [change(v) for v in value]
    return out
