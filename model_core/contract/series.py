"""The analyst's study: which images, landslides and searched ground belong to which date.

A JSON file; its paths are relative to the file itself, so that a study folder can be moved and shared.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from .errors import InputError, UsageError
from .fields import from_dict, param, to_dict
from .jsonfile import read_json
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
    crs: Optional[str] = param(None, label="CRS", help="Of the grid, for example EPSG:32645.", role="crs")
    pixel_size_m: Optional[float] = param(None, label="Pixel size [m]", help="Of the grid.", minimum=0.1,
                                          maximum=1000.0)
    area: Optional[str] = param(None, label="Area of interest", help="Polygons.", role="vector")
    remark: str = param("", label="Remark", help="Stands on every page and picture of the report, for example that the "
                        "images are simulated.")


def read_series(path: Path) -> Series:
    """Reads a series file; the paths in it become absolute.

    Raises:
        InputError: The file is not a series, an entry is unknown, missing or wrong, or two epochs share a name.
    """
    try:
        data = read_json(path)
    except OSError as error:
        raise InputError("series.missing", f"The series file {path} cannot be opened ({error.strerror or error}).",
                         "Check the path of the file.", path=str(path)) from error
    except ValueError as error:
        raise _refused(path, str(error)) from error
    if not isinstance(data, dict) or not isinstance(data.get("epochs"), list) or not data["epochs"]:
        raise _refused(path, "it has no list of epochs")
    if data.get("version", VERSION) != VERSION:
        raise InputError(
            "series.version", f"{path} was written for another version ({data['version']}) of the engine.",
            "Update the engine, or write the series again.", path=str(path),
        )
    folder = path.absolute().parent
    epochs = tuple(_epoch(row, number, path, folder) for number, row in enumerate(data["epochs"], start=1))
    names = [epoch.name for epoch in epochs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError("series.name-twice", f"Two epochs of the series {path} are named {twice}.",
                         "Give each epoch its own name.", path=str(path))
    rest = {key: value for key, value in data.items() if key not in ("epochs", "version")}
    try:
        series = from_dict(Series, rest, Series(epochs))
    except UsageError as error:
        raise _fault(path, "", error) from error
    return dataclasses.replace(series, area=absolute(series.area, folder)) if series.area else series


def _epoch(row: Any, number: int, path: Path, folder: Path) -> Epoch:
    if not isinstance(row, dict):
        raise _refused(path, f"its epoch {number} is {row!r}")
    try:
        epoch = from_dict(Epoch, row)
    except UsageError as error:
        raise _fault(path, f", epoch {row.get('name', number)}", error) from error
    if not epoch.scenes or not epoch.name.strip():
        missing = "image (scenes)" if epoch.name.strip() else "name"
        raise InputError("series.epoch", f"{path}: epoch {epoch.name.strip() or number} has no {missing}.",
                         "Complete it, or take it out of the series.", path=str(path))
    return from_dict(Epoch, _absolute(to_dict(epoch), folder))


def _refused(path: Path, why: str) -> InputError:
    return InputError(
        "series.unreadable", f"{path} is not a series file: {why}.",
        'It must be JSON like {"epochs": [{"name": "2015", "scenes": ["2015.tif"], "landslides": "2015.gpkg"}]}.',
        path=str(path),
    )


def _fault(path: Path, where: str, error: UsageError) -> InputError:
    """The same fault, with the file that has it."""
    return InputError("series.entry", f"{path}{where}: {error.message}", error.hint, path=str(path), **error.details)


def write_series(series: Series, path: Path) -> None:
    """Writes a series file with paths relative to it (absolute where on another drive)."""
    rows = [_relative({k: v for k, v in to_dict(epoch).items() if v not in (None, [])}, path.parent)
            for epoch in series.epochs]
    data: Dict[str, Any] = {"version": VERSION, "epochs": rows}
    for name in ("crs", "pixel_size_m", "area", "remark"):
        if getattr(series, name) not in (None, ""):
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
