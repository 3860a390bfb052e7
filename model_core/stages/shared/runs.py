"""Every run writes a new folder that holds its job; a killed run leaves nothing, all, or what can be resumed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ... import __version__
from ...contract.errors import Cancelled, OutputError, UsageError
from ...contract.fields import to_dict
from ...contract.job import Job, to_json
from ...geo.files import check_new, explain, run_folder, write_json_atomic
from ...geo.stamp import stamp
from .fingerprints import fingerprint_of_inputs
from .making import making

JOB = "job.json"
RESUME = "Go on with the same command and --resume."
# Parameters that a resumed training may change; more training epochs have rules of their own (network.fitting).
FREE = ("out", "resume", "training_epochs", "device", "threads")


def check_output(params: Any) -> None:
    """Refuses an output folder that cannot be used, before any work.

    Raises:
        OutputError: It exists already, holds an unfinished run that is not to be resumed, or cannot be written.
    """
    out, unfinished = Path(params.out), _partial(params)
    check_new(out)
    if _resumable(unfinished) and not getattr(params, "resume", False):
        raise OutputError(
            "output.unfinished", f"An unfinished run lies in {unfinished}.",
            "Go on with it by --resume, or delete that folder to start anew.", path=str(unfinished),
        )


@contextmanager
def new_run(stage: str, params: Any, *, resume: bool = False, keep_partial: bool = False) -> Iterator[Path]:
    """Gives the folder to write into; it becomes `params.out` when the work is done.

    Args:
        stage: Name of the stage.
        params: Its parameters, with `out`.
        resume: Goes on in what an unfinished run left.
        keep_partial: Leaves the unfinished folder for a later resume when the work fails or is stopped, if something
            was learned. Such a folder is never cleared by a new run: hours of training may lie in it.

    Raises:
        OutputError: The folder exists already, or cannot be written.
        UsageError: The run to be resumed has other settings.
        Cancelled: Stopped on request.
    """
    unfinished = _partial(params)
    if keep_partial:
        check_output(params)
    try:
        with run_folder(Path(params.out), resume=resume, keep_partial=keep_partial) as folder:
            # Only what can be resumed needs to know whether its inputs are still the same.
            inputs = {"inputs": fingerprint_of_inputs(params)} if keep_partial else {}
            if resume:
                _check_same(folder, params, inputs)
                clear_scraps(folder)
            write_json_atomic(folder / JOB, {**to_json(Job(stage, params), __version__), **inputs})
            with stamp(making(stage, params)):
                yield folder
    except BaseException as error:
        kept = keep_partial and _resumable(unfinished)
        if keep_partial and not kept:
            shutil.rmtree(unfinished, ignore_errors=True)
        if kept and isinstance(error, (Cancelled, KeyboardInterrupt)):
            raise Cancelled("cancelled", "The work was stopped; what was learned so far is kept.",
                            RESUME, path=str(unfinished)) from error
        if isinstance(error, OSError):  # what libraries that write, such as matplotlib, let through
            error = explain(error, Path(params.out))
        if kept and isinstance(error, OutputError):
            error.hint += f" What was learned so far is kept. {RESUME}"
        raise error


def safe_name(name: str) -> str:
    """A name as part of a file name on any system."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "result"


def clear_scraps(folder: Path) -> None:
    """Removes half-written files of a killed run, which would stay among the results."""
    for scrap in [*folder.rglob(".*.partial*"), *folder.rglob("*.partial.gpkg*")]:
        if scrap.is_dir():
            shutil.rmtree(scrap, ignore_errors=True)
        else:
            scrap.unlink(missing_ok=True)


def _partial(params: Any) -> Path:
    return Path(f"{params.out}.partial")


def _resumable(folder: Path) -> bool:
    """Whether a training epoch or a model was saved there."""
    return any(folder.rglob("epoch_*")) or any(folder.rglob("*.weights.h5"))


def _check_same(folder: Path, params: Any, inputs: dict[str, str]) -> None:
    try:
        job = json.loads((folder / JOB).read_text(encoding="utf-8"))
        earlier = job["params"]
    except (OSError, ValueError, KeyError):  # killed before it was written: nothing to resume
        return
    if job.get("inputs", inputs.get("inputs")) != inputs.get("inputs"):
        # Other labels would be cut into other blocks: what was learned from could become test ground.
        raise UsageError("run.other-inputs", f"Images or polygons have changed since the run in {folder} was begun.",
                         "Put them back to resume it, or choose another output folder.")
    now = to_dict(params)
    changed = [name for name in now if name not in FREE and name in earlier and earlier[name] != now[name]]
    if changed:
        values = "; ".join(f"{name} was {earlier[name]}, now {now[name]}" for name in changed)
        raise UsageError("run.other-settings", f"The unfinished run in {folder} has other settings ({values}).",
                         "Resume it with its own settings, or choose another output folder.", changed=changed)
