"""How the study ran: warnings, what was left out, time, versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .... import __version__
from ....report.pieces import Section, Table
from ..runs import safe_name
from ..studying.folder import StudyFolder
from .models import cards, distinct, settings_of, span
from .reading import dates

_DATE = "[date]"
_VERSIONS = ("engine", "keras", "tensorflow", "jax", "torch", "numpy", "device", "precision")


def warnings(study: StudyFolder) -> Section:
    """Each warning once, with the steps and dates that it concerns."""
    title = "Warnings"
    rows = _warning_rows(study)
    if not rows:
        return Section(title, ["No step warned of anything."])
    return Section(title, ["What the steps warned of while they ran, each warning once."],
                   [Table("warnings", "Table A. Warnings", f"{_DATE} stands for the date of the row.", rows)])


def left_out(study: StudyFolder) -> Section:
    """What failed, and why."""
    title = "What was left out"
    if not study.failures:
        return Section(title, ["Nothing: every step was done."])
    reasons: dict[str, list[str]] = {}
    for what, why in study.failures.items():
        reasons.setdefault(why, []).append(what)
    rows = [{"what": ", ".join(what), "why": why} for why, what in reasons.items()]
    return Section(title, ["These steps failed and were left out; all others are complete. A date may have maps of "
                           "one kind though another kind failed."],
                   [Table("left_out", "Table A. What was left out, and why", "", rows)])


def run_time(study: StudyFolder) -> Section:
    """Seconds by step; device, seed and versions."""
    families: dict[str, dict[str, Any]] = {}
    for name, step in study.steps.items():
        family, _ = _parted(name, dates(study))
        row = families.setdefault(family, {"step": family, "command": f"`mtl {step['stage']}`", "times": 0,
                                           "time [s]": 0.0})
        row["times"] += 1
        row["time [s]"] += step["seconds"]
    total = sum(row["time [s]"] for row in families.values())
    text = f"All steps together took {_duration(total)}. The time of each is that of its last run."
    return Section("Run time and versions", [text], [
        Table("run_time", "Table A. Run time by step", "Steps of all dates together.", list(families.values())),
        Table("versions", "Table A. Versions", "Of the machine and the programs that trained the models.",
              list(_versions(study)))])


def _versions(study: StudyFolder) -> Iterator[dict[str, str]]:
    known = [card for _, card in cards(study)]
    params = settings_of(study)
    yield {"what": "engine of the study", "value": study.engine}
    for name in _VERSIONS:
        value = distinct(str(card.versions.get(name, "")) for card in known)
        if value:
            yield {"what": "engine of the models" if name == "engine" else name, "value": value}
    if params is not None:
        yield {"what": "seed", "value": str(params.seed)}
    made = sorted(card.created for card in known)
    if made:
        yield {"what": "models made (UTC)", "value": " to ".join(dict.fromkeys(map(_moment, (made[0], made[-1]))))}
    yield {"what": "engine of this report", "value": __version__}
    yield {"what": "report written (UTC)", "value": f"{datetime.now(UTC):%Y-%m-%d %H:%M}"}


def _moment(text: str) -> str:
    return text[:16].replace("T", " ")


def _warning_rows(study: StudyFolder) -> list[dict[str, str]]:
    concerned: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, step in study.steps.items():
        family, date = _parted(name, dates(study))
        for text in dict.fromkeys(step["warnings"]):
            # Of a date that is a word of its own; "2013" in "12013" is none.
            pattern = re.sub(rf"(?<!\w){re.escape(date)}(?!\w)", lambda _: _DATE, text) if date else text
            concerned.setdefault((family, pattern), []).append((date, text))
    rows = []
    for (family, pattern), found in concerned.items():
        of = [date for date, _ in found if date]
        shown = "all" if of == dates(study) and len(of) > 1 else span(of)
        rows.append({"step": family, "dates": shown, "warning": pattern if len(found) > 1 else found[0][1]})
    return rows


def _parted(step: str, names: list[str]) -> tuple[str, str]:
    """Name of a step without its date, and the date; or the whole name."""
    family, slash, last = step.rpartition("/")
    date = next((name for name in names if safe_name(name) == last), "") if slash else ""
    return (family, date) if date else (step, "")


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 2:
        return f"{seconds:.0f} seconds"
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
