"""The study in a paragraph, in plain words, with what its numbers cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from ....report.pieces import Section
from ..studying.course import main_ground
from ..studying.folder import StudyFolder
from .accuracy import NOTHING, object_row
from .reading import MAPS, dates, judged, on_ground

_FEW = 30


def summary(study: StudyFolder) -> Section:
    """One paragraph."""
    found = list(judged(study))
    kind, names = study.best_map(), dates(study)
    drawn = sum(1 for epoch in study.series.epochs if epoch.landslides)
    when = names[0] if len(names) == 1 else f"{len(names)} dates ({names[0]} to {names[-1]})"
    sentences = [f"Landslides were mapped with a U-Net on satellite images of {when}; "
                 f"{'no date has' if drawn == 0 else f'{drawn} of {len(names)} have'} a manual inventory."]
    if found:
        sentences += [*_f1_sentences(found, kind), *_object_sentences([one for one in found if one[1] == kind])]
        sentences.append("Every inventory has errors of its own, and agreement with it is all that can be measured. "
                         "How far drawn numbers of landslides (TL) and areas (TAL) are off is not assessed; for mapped "
                         "ones Table 4 has what they stand for.")
    else:
        sentences.append(NOTHING)
    if study.failures:
        sentences.append("Some of the work failed; “What was left out” tells what and why.")
    return Section("Summary", [" ".join(sentences)])


def _f1_sentences(found: list[tuple[str, str, dict[str, Any]]], kind: str) -> Iterator[str]:
    """How good the best maps are, and the others on the same dates."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for date, of, one in found:
        row = on_ground(one["pixels"], main_ground(one))[0]
        if row["f1"] is not None:
            rows.setdefault(of, {})[date] = row
    best = rows.pop(kind, {})
    if best:
        yield from _best_sentences(kind, best)
    for of, other in rows.items():
        shared = [date for date in other if date in best]
        if shared:
            on = "the same dates" if len(shared) == len(best) else f"the {len(shared)} of these dates that have them"
            yield (f"On {on} the {of} maps ({MAPS[of]}) reach {_mean(other, shared)} on average, the {kind} maps "
                   f"{_mean(best, shared)}.")


def _best_sentences(kind: str, rows: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    worst, best = (choose(rows, key=lambda date: rows[date]["f1"]) for choose in (min, max))
    numbers = f"an F1 of {_f1(best, rows)}" if len(rows) == 1 else (
        f"F1 values from {_f1(worst, rows)} to {_f1(best, rows)}, on average {_mean(rows, list(rows))}")
    yield f"Pixel by pixel, the {kind} maps ({MAPS[kind]}) reach {numbers}."
    if {row["means"] for row in rows.values()} == {"accuracy"}:
        yield "This is accuracy on ground that the models never learned from."
    else:
        yield "This is agreement, not accuracy: the models may have learned from part of this ground."


def _f1(date: str, rows: Mapping[str, dict[str, Any]]) -> str:
    row = rows[date]
    interval = "" if row["f1_low"] is None else f"; 95 % interval {row['f1_low']:.2f} to {row['f1_high']:.2f}"
    return f"{row['f1']:.2f} ({date}{interval})"


def _mean(rows: Mapping[str, dict[str, Any]], of: list[str]) -> str:
    return f"{fmean(rows[date]['f1'] for date in of):.2f}"


def _object_sentences(found: list[tuple[str, str, dict[str, Any]]]) -> Iterator[str]:
    rows = [object_row(*one) for one in found]
    drawn, right, mapped, false = (sum(row[name] for row in rows) for name in ("drawn", "found", "mapped", "false"))
    if drawn:
        yield (f"Of the {drawn} landslides that were drawn, all dates together, {right} ({right / drawn:.0%}) were "
               f"found, whole or in part; {false} of {mapped} mapped ones have no drawn counterpart.")
    few = [f"{row['date']} ({row['drawn']})" for row in rows if row["drawn"] < _FEW]
    if few:
        yield f"Where few are drawn, each of them weighs heavily in these numbers: {', '.join(few)}."
