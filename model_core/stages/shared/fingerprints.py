"""What a job reads, as a short text that changes when any of it does."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from ...contract.fields import to_dict
from ...contract.job import Job
from ...contract.library import find_model
from ...contract.series import Epoch, Series, read_series
from ...geo.content import content_of, digest_of

INPUTS = ("raster", "vector", "file", "folder", "model")  # roles of the parameters that name what a job reads
_TABLES = (".json", ".csv")  # what stands for a folder of results: they tell of all else in it
# They decide where and how fast, not what.
ELSEWHERE = ("out", "resume", "device", "threads")


def fingerprint(job: Job) -> str:
    """Changes when the job's parameters or the content of its input files change; not with output folder or device."""
    values = {name: value for name, value in to_dict(job.params).items() if name not in ELSEWHERE}
    return _digest([job.stage, values | _contents(job.params)])


def fingerprint_of_inputs(params: Any) -> str:
    """Changes when the content of an input file changes."""
    return _digest(_contents(params))


def _contents(params: Any) -> dict[str, Any]:
    """What stands for the content of each input that is given."""
    found = {}
    for field in dataclasses.fields(params):
        value, role = getattr(params, field.name), field.metadata.get("role")
        if value and role in INPUTS:
            sources = [value] if isinstance(value, str) else value
            found[field.name] = [_content(source, role, params) for source in sources]
    return found


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _content(source: str, role: str, params: Any) -> Any:
    """What stands for the content of an input."""
    if role == "model":
        card, _ = find_model(source)
        return [card.sha256, card.threshold]
    if role == "folder":
        return [digest_of(path) for path in sorted(Path(source).iterdir()) if path.suffix in _TABLES]
    if role == "file" and source.endswith(".json"):
        return _series_content(read_series(Path(source)), params)
    return content_of(source)


def _series_content(series: Series, params: Any) -> Any:
    """Labels only where the stage reads them: a polygon drawn in 2019 does not change the map of 2013."""
    labels = hasattr(params, "landslides")
    keys = ("scenes", "unusable", "landslides", "searched", "ignore") if labels else ("scenes", "unusable")
    names = getattr(params, "dates", ())
    epochs = [[epoch.name, epoch.date, epoch.bands, *(_of_files(epoch, key) for key in keys),
               *([epoch.use] if labels else [])]
              if not names or epoch.name in names else _of_files(epoch, "scenes") for epoch in series.epochs]
    # Elevations play a part only where polygons are made.
    dem = series.dem if hasattr(params, "min_slope_deg") and getattr(params, "folds", True) else None
    layers = [content_of(source) if source else None for source in (series.area, dem)]
    return [epochs, series.crs, series.pixel_size_m, series.remark, *layers]


def _of_files(epoch: Epoch, key: str) -> list[list[str]]:
    value = getattr(epoch, key) or ()
    return [content_of(path) for path in ((value,) if isinstance(value, str) else value)]
