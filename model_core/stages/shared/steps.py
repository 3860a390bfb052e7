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
import importlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...contract.events import Report, Result
from ...contract.job import Job, make_job
from ...contract.stages import STAGES
from ...geo.files import write_json_atomic
from .fingerprints import fingerprint

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


def _read(record: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known
