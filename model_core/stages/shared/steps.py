"""Steps of a long work: each is a stage with its own folder, and what is done and unchanged is not done again.

A step is unchanged while its parameters and the content of every file that it reads are; the time of a file and the
place where it lies do not matter. What a step leaves is whole or absent (`runs.new_run`), so the work can be killed at
any moment and goes on from there, an unfinished training in the middle of it.

study/
base/, predicted/2015/, ...  what the steps leave
.steps/base.json, ...        what they were made from
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...contract.events import Report, Result
from ...contract.fields import to_dict
from ...contract.job import Job, make_job
from ...contract.library import find_model
from ...contract.series import PATH_FIELDS, Epoch, read_series
from ...contract.stages import STAGES
from ...geo.content import content_of
from ...geo.files import write_json_atomic
from .runs import FREE

_RECORDS = ".steps"


class Steps:
    """Runs steps below one folder.

    Args:
        folder: Of the whole work; made if missing.
        report: Told everything.
    """

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self._report = report

    def run(self, name: str, stage: str, values: Mapping[str, Any]) -> Result:
        """Runs a stage into a folder of its own, unless it is done and unchanged.

        Args:
            name: Folder of the step, below that of the work.
            stage: What it does.
            values: The stage's parameters without `out`; paths are absolute.

        Raises:
            MtlError: Whatever the stage raises.
        """
        out, record = self.folder / name, self.folder / _RECORDS / f"{name}.json"
        job = make_job(stage, {**values, "out": str(out)})
        made_from = fingerprint(job)
        known = _read(record)
        if known.get("made_from") == made_from and out.exists() and "outputs" in known:
            self._report.log(f"{name} is done already.")
            return Result({role: str(self.folder / path) for role, path in known["outputs"].items()}, known["summary"])
        unfinished = out.with_name(out.name + ".partial")
        resume = known.get("made_from") == made_from and unfinished.exists() and hasattr(job.params, "resume")
        shutil.rmtree(out, ignore_errors=True)
        if not resume:
            shutil.rmtree(unfinished, ignore_errors=True)
        record.parent.mkdir(parents=True, exist_ok=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomic(record, {"made_from": made_from})
        if resume:
            job = Job(stage, dataclasses.replace(job.params, resume=True))
        module = importlib.import_module(f"...{STAGES[stage].module}", __name__)
        result: Result = module.run(job.params, self._report)
        outputs = {role: Path(path).relative_to(self.folder).as_posix() for role, path in result.outputs.items()}
        write_json_atomic(record, {"made_from": made_from, "outputs": outputs, "summary": result.summary})
        return result


def fingerprint(job: Job) -> str:
    """Changes when the job's parameters or the content of its input files change; not with output folder or device."""
    values = to_dict(job.params)
    parts: dict[str, Any] = {"stage": job.stage}
    for field in dataclasses.fields(job.params):
        value, role = getattr(job.params, field.name), field.metadata.get("role")
        if field.name in FREE and field.name != "training_epochs":
            continue
        if value and role in ("raster", "vector", "file", "model"):
            parts[field.name] = [_content(source, role) for source in ([value] if isinstance(value, str) else value)]
        else:
            parts[field.name] = values[field.name]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _content(source: str, role: str) -> Any:
    """What stands for the content of an input."""
    if role == "model":
        card, _ = find_model(source)
        return [card.sha256, card.threshold]
    if role == "file" and source.endswith(".json"):
        series = read_series(Path(source))
        epochs = [{**to_dict(epoch), **{key: [content_of(path) for path in paths] for key, paths in _files(epoch)}}
                  for epoch in series.epochs]
        return [epochs, series.crs, series.pixel_size_m, content_of(series.area) if series.area else None]
    return content_of(source)


def _files(epoch: Epoch) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key in PATH_FIELDS:
        value = getattr(epoch, key)
        if value:
            yield key, (value,) if isinstance(value, str) else value


def _read(record: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known
