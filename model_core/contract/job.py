"""A job is a file: which stage, with which parameters, made by which version. It stays beside the results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

from .errors import UsageError
from .fields import to_dict
from .presets import with_preset
from .stages import STAGES

VERSION = 1


@dataclass(frozen=True)
class Job:
    """A stage's name and its checked parameters."""

    stage: str
    params: Any


def read_job(path: Path) -> Job:
    """Reads and checks a job file.

    Raises:
        UsageError: Not a job file, an unknown stage, or bad parameters.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        stage, values, version = data["stage"], data["params"], data.get("version", VERSION)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "job.unreadable", f"{path} is not a job file ({error}).",
            'It must be JSON like {"stage": "predict", "params": {"scene": ["2016.tif"], ...}}.', path=str(path),
        ) from error
    if version != VERSION:
        raise UsageError("job.version", f"{path} was written for another version ({version}) of the engine.",
                         "Update the engine, or write the job again.")
    return make_job(stage, values)


def make_job(stage: str, values: Dict[str, Any]) -> Job:
    """Checks a stage's name and parameters.

    Raises:
        UsageError: Unknown stage or bad parameters.
    """
    if stage not in STAGES:
        raise UsageError("job.stage", f"There is no stage {stage!r}.", f"Choose from: {', '.join(STAGES)}.")
    return Job(stage, with_preset(STAGES[stage].params_class(), values))


def to_json(job: Job, engine: str) -> Dict[str, Any]:
    """The job as plain data; `engine` is the version that wrote it."""
    return {"version": VERSION, "stage": job.stage, "params": to_dict(job.params), "engine": engine}
