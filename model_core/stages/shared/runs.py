"""Every run writes a new folder that holds its job; a killed run leaves nothing or a whole result."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ... import __version__
from ...contract.errors import OutputError
from ...contract.job import Job, to_json
from ...geo.files import run_folder, write_json_atomic


@contextmanager
def new_run(stage: str, params: Any, *, resume: bool = False, keep_partial: bool = False) -> Iterator[Path]:
    """Gives the folder to write into; it becomes `params.out` when the work is done.

    Args:
        stage: Name of the stage.
        params: Its parameters, with `out`.
        resume: Goes on in what an unfinished run left.
        keep_partial: Leaves the unfinished folder for a later resume when the work fails or is stopped. Such a folder
            is never cleared by a new run: hours of training may lie in it.

    Raises:
        OutputError: The folder exists already or cannot be written.
    """
    unfinished = Path(f"{params.out}.partial")
    if keep_partial and not resume and unfinished.exists():
        raise OutputError(
            "output.unfinished", f"An unfinished run lies in {unfinished}.",
            "Go on with it by --resume, or delete that folder to start anew.", path=str(unfinished),
        )
    with run_folder(Path(params.out), resume=resume, keep_partial=keep_partial) as folder:
        write_json_atomic(folder / "job.json", to_json(Job(stage, params), __version__))
        yield folder


def safe_name(name: str) -> str:
    """A name as part of a file name on any system."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "result"
