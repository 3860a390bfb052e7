"""Writes a job file beside the folder of its results. It stays there: run again, it gives the same results."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Dict

from .door import VERSION, errors, job


def write_job(stage: str, values: Dict[str, Any], scratch: Path) -> Path:
    """Checks a job and writes its file.

    Args:
        stage: Name of the stage.
        values: Its parameters; absolute paths.
        scratch: Folder for the jobs of stages without results of their own, such as `doctor`.

    Returns:
        The file: `RESULTS.job.json` beside the folder RESULTS.

    Raises:
        UsageError: Unknown stage or bad parameters; nothing was started yet.
        OutputError: The file cannot be written.
    """
    checked = job.with_absolute_paths(job.make_job(stage, values), scratch)
    data = {**job.to_json(checked, VERSION), "plugin": VERSION}
    path = _place(checked, scratch)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise errors.OutputError(
            "output.not-writable", f"The job file {path} cannot be written ({error.strerror or error}).",
            "Choose a folder for the results in which you may write.", path=str(path),
        ) from error
    return path


def _place(checked: job.Job, scratch: Path) -> Path:
    for field in dataclasses.fields(checked.params):
        out = getattr(checked.params, field.name)
        if field.metadata.get("role") == "output_folder" and out:
            folder = Path(out)
            return folder.with_name(folder.name + ".job.json")
    return scratch / f"{checked.stage}.{os.getpid()}.job.json"
