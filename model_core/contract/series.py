"""The analyst's study: which images, landslides and searched ground belong to which date.

A JSON file; its paths are relative to the file itself, so that a study folder can be moved and shared.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .dates import Days, read_days
from .errors import InputError, UsageError
from .fields import from_dict, param, to_dict
from .jsonfile import read_json
from .paths import absolute, relative

VERSION = 1
# What a date is for: models learn from it; its landslides only judge maps; it is only mapped.
TRAIN, JUDGE, PREDICT = ROLES = ("train", "judge", "predict")
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
                                "tell; or the days from which a mosaic was put together, YYYY-MM-DD/YYYY-MM-DD, where "
                                "each image keeps its own date.", role="date")
    landslides: Optional[str] = param(None, label="Landslides", help="Polygons of the landslides visible at this "
                                      "date.", role="vector")
    searched: Optional[str] = param(None, label="Searched ground", help="Polygons of the ground that was searched "
                                    "completely; elsewhere undrawn ground is not taken for 'no landslide'.",
                                    role="vector")
    ignore: Optional[str] = param(None, label="Ignore", help="Polygons of doubtful ground: neither landslide nor "
                                  "background.", role="vector")
    unusable: Optional[str] = param(None, label="Unusable", help="Polygons of clouds or other unusable ground in this "
                                    "image.", role="vector")
    role: Optional[str] = param(None, label="Role", help="train: models may learn from its landslides; judge: its "
                                "landslides only judge the maps, and no model ever learns from them; predict: it is "
                                "only mapped. Default: train where landslides or searched ground are given, else "
                                "predict.", choices=ROLES)

    @property
    def days(self) -> Optional[Days]:
        """First and last day that were given."""
        return read_days(self.date) if self.date else None

    @property
    def labelled(self) -> bool:
        """It is known where landslides are, or that there are none."""
        return bool(self.landslides or self.searched)

    @property
    def use(self) -> str:
        """The role that was given, else what goes without saying."""
        return self.role or (TRAIN if self.labelled else PREDICT)

    def check(self) -> None:
        """Raises UsageError where the date cannot be read, or the role does not fit what is known."""
        _ = self.days
        if self.role in (TRAIN, JUDGE) and not self.labelled:
            raise UsageError(
                "series.role", f"Its role is {self.role}, but it has neither landslides nor searched ground.",
                "Give it landslides, or the searched ground if there are none, or the role predict.", name=self.name,
            )


@dataclass(frozen=True)
class Series:
    """Epochs in the order of time, on one grid."""

    epochs: Tuple[Epoch, ...]
    crs: Optional[str] = param(None, label="CRS", help="Of the grid, for example EPSG:32645.", role="crs")
    pixel_size_m: Optional[float] = param(None, label="Pixel size [m]", help="Of the grid.", minimum=0.1,
                                          maximum=1000.0)
    area: Optional[str] = param(None, label="Area of interest", help="Polygons.", role="vector")
    dem: Optional[str] = param(None, label="Elevation", help="Raster of elevations in metres, in any coordinate system "
                               "and resolution: slope, aspect, height and length of every mapped landslide.",
                               role="raster")
    remark: str = param("", label="Remark", help="Stands on every page and picture of the report, for example that the "
                        "images are simulated.")


def read_series(path: Path) -> Series:
    """Reads a series file; the paths in it become absolute.

    Raises:
        InputError: The file is not a series, an entry is unknown, missing or wrong, or two epochs share a name. The
            message tells all that is wrong.
    """
    series, faults = examine_series(path)
    if faults:
        first = faults[0]
        raise InputError(first.code, " ".join(fault.message for fault in faults), first.hint,
                         **{**first.details, "problems": [fault.message for fault in faults]})
    return series


def examine_series(path: Path) -> Tuple[Series, Tuple[InputError, ...]]:
    """What can be read of a series file, and what is wrong with the rest: epochs with a fault are left out.

    Raises:
        InputError: The file cannot be opened, or is no series at all.
    """
    data = _opened(path)
    folder = path.absolute().parent
    epochs: List[Epoch] = []
    faults: List[InputError] = []
    for number, row in enumerate(data["epochs"], start=1):
        try:
            epochs.append(_epoch(row, number, path, folder))
        except InputError as error:
            faults.append(error)
    names = [epoch.name for epoch in epochs]
    faults += [
        InputError("series.name-twice", f"{count} epochs of the series {path} are named {name}.",
                   "Give each epoch its own name.", path=str(path))
        for name in dict.fromkeys(names) for count in [names.count(name)] if count > 1
    ]
    rest = {key: value for key, value in data.items() if key not in ("epochs", "version")}
    series = Series(tuple(epochs))
    try:
        series = from_dict(Series, rest, series)
    except UsageError as error:
        faults.append(_fault(path, "", error))
    return dataclasses.replace(
        series, area=absolute(series.area, folder) if series.area else None,
        dem=absolute(series.dem, folder) if series.dem else None,
    ), tuple(faults)


def _opened(path: Path) -> Dict[str, Any]:
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
    return data


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
    for name in ("crs", "pixel_size_m", "area", "dem", "remark"):
        value = getattr(series, name)
        if value not in (None, ""):
            data[name] = relative(value, path.parent) if name in ("area", "dem") else value
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
