"""What the steps of a study left in their files, as far as it is needed for the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....contract.errors import InputError
from ....contract.jsonfile import read_json
from ....report.pieces import Picture
from ..runs import safe_name
from ..studying.folder import StudyFolder

NO_INVENTORY = "no inventory"
MAPS = {
    "zero-shot": "the base model as it is",
    "pooled": "the base model fine-tuned on all dates, out of fold: each pixel is mapped by a model that never saw it; "
              "dates without labels by all these models together, and not judged",
    "per-date": "the base model fine-tuned on that date alone, out of fold",
}


def step_file(study: StudyFolder, step: str, role: str) -> Any:
    """The JSON file that a step left, or None where the step was not done.

    Raises:
        InputError: The step was done, but its file is gone.
    """
    result = study.step(step)
    if result is None or role not in result.outputs:
        return None
    try:
        return read_json(Path(result.outputs[role]))
    except (OSError, ValueError) as error:
        raise gone(Path(result.outputs[role])) from error


def picture_file(path: Path) -> bytes:
    """A PNG that a step left.

    Raises:
        InputError: It is gone.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise gone(path) from error


def gone(path: Path) -> InputError:
    """The error for a result of the study that was deleted or damaged afterwards."""
    return InputError("report.step-gone", f"{path} of the study is missing or damaged.",
                      "Delete the folder it belongs in and run the same `mtl study` again; only that is done anew.",
                      path=str(path))


def dates(study: StudyFolder) -> list[str]:
    """Names of the dates, in their order."""
    return [epoch.name for epoch in study.series.epochs]


def judged(study: StudyFolder) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Date, kind of map and what was found, for each map that could be judged; a date's maps together."""
    for date in dates(study):
        for kind in MAPS:
            found = step_file(study, f"accuracy/{kind}/{safe_name(date)}", "accuracy")
            if found is not None:
                yield date, kind, found


def on_ground(rows: list[dict[str, Any]], ground: str) -> list[dict[str, Any]]:
    """The rows of one ground."""
    return [row for row in rows if row["ground"] == ground]


def numbered(picture: Picture | None, number: str) -> list[Picture]:
    """The picture with its number in the title; nothing where there is none."""
    if picture is None:
        return []
    title = picture.title if picture.title.startswith("Figure") else f"Figure {number}. {picture.title}"
    return [Picture(title, picture.caption, picture.png)]

