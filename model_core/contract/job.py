"""A job is a file: which stage, with which parameters, made by which version. It stays beside the results.

Relative paths in it begin at the folder of the file, wherever the engine is started. Entries beside `stage`, `params`
and `version` are for people and other programs; the engine does not read them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

from .errors import UsageError
from .fields import to_dict
from .jsonfile import read_json
from .paths import absolute
from .presets import with_preset
from .stages import STAGES

VERSION = 1
_EXAMPLE = 'It must be JSON like {"stage": "predict", "params": {"scene": ["2016.tif"], ...}}.'
_PATH_ROLES = ("raster", "vector", "file", "folder", "output_folder", "output_file")


@dataclass(frozen=True)
class Job:
    """A stage's name and its checked parameters."""

    stage: str
    params: Any


def read_job(path: Path, **changes: Any) -> Job:
    """Reads and checks a job file; the paths in it become absolute.

    Args:
        path: The file, in UTF-8 or UTF-16, with or without a byte-order mark.
        changes: Parameters that take the place of the file's; their paths must be absolute.

    Raises:
        UsageError: Not a job file, an unknown stage, or bad parameters.
    """
    try:
        data = read_json(path)
    except OSError as error:
        raise UsageError("job.unreadable", f"The job file {path} cannot be opened ({error.strerror or error}).",
                         "Check the path of the file.", path=str(path)) from error
    except ValueError as error:
        raise UsageError("job.unreadable", f"{path} is not a job file: {error}.", _EXAMPLE, path=str(path)) from error
    if not isinstance(data, dict) or not isinstance(data.get("stage"), str) or not isinstance(data.get("params"), dict):
        raise UsageError("job.unreadable", f"{path} is not a job file: it has no stage with params.", _EXAMPLE,
                         path=str(path))
    if data.get("version", VERSION) != VERSION:
        raise UsageError(
            "job.version", f"{path} was written for another version ({data['version']}) of the engine.",
            "Update the engine, or write the job again.", path=str(path),
        )
    job = make_job(data["stage"], {**data["params"], **changes})
    return with_absolute_paths(job, path.absolute().parent)


def make_job(stage: str, values: Dict[str, Any]) -> Job:
    """Checks a stage's name and parameters.

    Raises:
        UsageError: Unknown stage or bad parameters.
    """
    if stage not in STAGES:
        raise UsageError("job.stage", f"There is no stage {stage!r}.", f"Choose from: {', '.join(STAGES)}.")
    return Job(stage, with_preset(STAGES[stage].params_class(), values))


def with_absolute_paths(job: Job, folder: Path) -> Job:
    """The same job, meaning the same from any folder.

    Args:
        job: Its relative paths begin at `folder`.
        folder: Absolute.

    Raises:
        UsageError: A name is no text.
    """
    changed: Dict[str, Any] = {}
    for f in dataclasses.fields(job.params):
        value, role = getattr(job.params, f.name), f.metadata.get("role")
        if value and role in _PATH_ROLES:
            changed[f.name] = tuple(_absolute(v, folder) for v in value) if isinstance(value, tuple) \
                else _absolute(value, folder)
        elif value and role == "model" and Path(_absolute(value, folder)).exists():
            # Otherwise it is the name of a bundled model.
            changed[f.name] = _absolute(value, folder)
    return Job(job.stage, dataclasses.replace(job.params, **changed))


def _absolute(text: str, folder: Path) -> str:
    # Bytes that are no UTF-8 (as in names from old archives) and zeros fit into no job file and no raster library.
    if "\0" in text or text.encode("utf-8", "replace").decode("utf-8") != text:
        shown = text.encode("ascii", "backslashreplace").decode("ascii")
        raise UsageError("params.file-name", f"The name {shown} has characters that are no text.",
                         "Rename the file or folder.", name=shown)
    return absolute(text, folder)


def to_json(job: Job, engine: str) -> Dict[str, Any]:
    """The job as plain data; `engine` is the version that wrote it."""
    return {"version": VERSION, "stage": job.stage, "params": to_dict(job.params), "engine": engine}
