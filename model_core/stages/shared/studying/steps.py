"""Steps of a long work: each is a stage with its own folder, and what is done and unchanged is not done again.

A step is unchanged while its parameters and the content of every file that it reads are; the time of a file and the
place where it lies do not matter. What a step leaves is whole or absent (`runs.new_run`), so the work can be killed at
any moment and goes on from there, an unfinished training in the middle of it.

study/
base/, zero-shot/2015/, ...  what the steps leave
.steps/base.json, ...        what they were made from
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....contract.errors import Cancelled, MtlError
from ....contract.events import Report, Result
from ....contract.job import Job, make_job
from ....geo.files import write_json_atomic
from ... import run_stage
from ..fingerprints import fingerprint
from ..runs import RESUME, clear_scraps

_RECORDS = ".steps"
_GO_ON = "The same command goes on from there."


class Steps:
    """Runs steps below one folder, of which half-written files of a killed work are cleared first.

    Args:
        folder: Of the whole work; made if missing. No other process may work there.
        report: Told everything.

    Attributes:
        done: By name, in the order in which they were asked for: `stage`, `outputs` (paths below the folder by role),
            `summary`, `warnings`, and `seconds` that it took when it was done.
    """

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.done: dict[str, dict[str, Any]] = {}
        self._report = report
        clear_scraps(folder)

    def run(self, name: str, stage: str, values: Mapping[str, Any]) -> Result:
        """Runs a stage into a folder of its own, unless it is done and unchanged.

        Args:
            name: Folder of the step, below that of the work.
            stage: What it does.
            values: The stage's parameters without `out`; paths are absolute.

        Raises:
            Cancelled: Stopped on request; the same steps go on.
            MtlError: Whatever else the stage raises.
        """
        out, record = self.folder / name, self.folder / _RECORDS / f"{name}.json"
        job = make_job(stage, {**values, "out": str(out)})
        made_from = fingerprint(job)
        known = _read(record)
        whole = all((self.folder / path).exists() for path in known.get("outputs", {}).values())
        if known.get("made_from") == made_from and out.exists() and "seconds" in known and whole:
            self._report.log(f"{name} is done already.")
            return self._result(name, known)
        unfinished = out.with_name(out.name + ".partial")
        resume = known.get("made_from") == made_from and unfinished.exists() and hasattr(job.params, "resume")
        if not resume:
            # First of all: killed halfway through the folders, nobody may take the rest of them for what it was.
            record.unlink(missing_ok=True)
            shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        record.parent.mkdir(parents=True, exist_ok=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomic(record, {"made_from": made_from})
        if resume:
            job = Job(stage, dataclasses.replace(job.params, resume=True))
        heard, began = _Warnings(self._report), time.monotonic()
        try:
            result = run_stage(job, heard)
        except (Cancelled, KeyboardInterrupt) as error:
            raise Cancelled("cancelled", f"The work was stopped in {name}; all that was finished before is kept.",
                            _GO_ON) from error
        except MtlError as error:
            error.hint = error.hint.replace(RESUME, _GO_ON)
            raise
        outputs = {role: Path(path).relative_to(self.folder).as_posix() for role, path in result.outputs.items()}
        known = {"made_from": made_from, "stage": stage, "outputs": outputs, "summary": result.summary,
                 "warnings": heard.heard, "seconds": round(time.monotonic() - began, 1)}
        write_json_atomic(record, known)
        return self._result(name, known)

    def _result(self, name: str, known: dict[str, Any]) -> Result:
        self.done[name] = {key: value for key, value in known.items() if key != "made_from"}
        return Result({role: str(self.folder / path) for role, path in known["outputs"].items()}, known["summary"])


class _Warnings(Report):
    """Passes everything on and keeps what an analyst should still know when the step is long done."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.heard: list[str] = []
        self._report = report

    def emit(self, kind: str, **values: Any) -> None:
        if kind == "log" and values["level"] == "warning" and values["message"] not in self.heard:
            self.heard.append(values["message"])
        self._report.emit(kind, **values)

    def cancelled(self) -> bool:
        return self._report.cancelled()


def _read(record: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known
