"""What the tool can do: one verb, one file. Nothing heavy is imported before a stage is known."""

from __future__ import annotations

import importlib

from ..contract.events import Report, Result
from ..contract.job import Job
from ..contract.stages import STAGES


def run_stage(job: Job, report: Report) -> Result:
    """Runs a job's stage; the one place that turns a stage's name into its code."""
    module = importlib.import_module(f".{STAGES[job.stage].module}", __name__)
    result: Result = module.run(job.params, report)
    return result
