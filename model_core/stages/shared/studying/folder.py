"""What a study left, as its `study.json` tells it; all paths absolute."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....contract.errors import InputError
from ....contract.events import Result
from ....contract.jsonfile import read_json
from ....contract.paths import absolute
from ....contract.series import Series, read_series

ZERO_SHOT, POOLED, PER_DATE = "zero-shot", "pooled", "per-date"  # kinds of map
SUMMARY = "study.json"
VERSION = 1


@dataclass(frozen=True)
class StudyFolder:
    """A study that has been run.

    Attributes:
        folder: Of the study.
        series: Its dates.
        maps: By kind of map ("zero-shot", "pooled", "per-date") and date: `binary` and `polygons`.
        accuracy: A row for each map that could be judged, with `date` and `map`.
        failures: What was left out, and why.
        steps: By name: `stage`, `outputs`, `summary`, `warnings`, `seconds`.
        engine: Version that ran it.
    """

    folder: Path
    series: Series
    maps: dict[tuple[str, str], dict[str, str]]
    accuracy: list[dict[str, Any]]
    failures: dict[str, str]
    steps: dict[str, dict[str, Any]]
    engine: str

    def step(self, name: str) -> Result | None:
        """What a step left, or None where it was not done."""
        if name not in self.steps:
            return None
        step = self.steps[name]
        return Result({role: absolute(path, self.folder) for role, path in step["outputs"].items()}, step["summary"])

    def best_map(self) -> str:
        """The kind of map that the study's own numbers come from."""
        return best_kind(self.maps)


def best_kind(maps: Iterable[tuple[str, str]]) -> str:
    """The best kind among maps, given by kind and date."""
    return POOLED if any(kind == POOLED for kind, _ in maps) else ZERO_SHOT


def read_study(folder: Path) -> StudyFolder:
    """Reads the summary of a study.

    Raises:
        InputError: There is no finished study in the folder, or its series is gone.
    """
    try:
        found = read_json(folder / SUMMARY)
    except (OSError, ValueError) as error:
        raise InputError("study.missing", f"There is no finished study in {folder}.",
                         "Give the output folder of `mtl study`.", path=str(folder)) from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise InputError("study.version", f"The study in {folder} was made by another version of the engine.",
                         "Run the same `mtl study` again; what is done is not done again.", path=str(folder))
    maps = {(row["map"], row["date"]): {role: absolute(row[role], folder) for role in ("binary", "polygons")}
            for row in found["maps"]}
    series = read_series(Path(absolute(found["series"], folder)))
    return StudyFolder(folder, series, maps, found["accuracy"], found["failures"], found["steps"], found["engine"])
