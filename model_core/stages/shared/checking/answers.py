"""Accuracy and area from the answers of an analyst at random points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....arrays.area_estimates import Estimate, map_estimates, points_missing, unseen_share
from ....arrays.check_strata import MAPPED_ZONES, STRATA, STRATUM_OF_ZONE, stratum_sizes
from ....contract.errors import InputError
from ....contract.events import Report, Result
from ....contract.params.check_sample import CheckSampleParams
from ....geo.check_points import SampleDesign, read_points
from ....geo.files import write_csv_atomic, write_json_atomic
from ..runs import new_run

YES, NO, UNSURE, NONE = "yes", "no", "unsure", ""
# With fewer of them the simulated 95 % intervals of the producer's accuracy held the truth 90 to 92 % of the time.
_FEW = 5
_NAMES = tuple(STRATA)
_TITLES = {"users": "user's accuracy (mapped landslide that is one)",
           "producers": "producer's accuracy (landslide that is mapped)",
           "overall": "overall accuracy", "landslide": "area of landslides [m²]"}


def estimate(params: CheckSampleParams, points: str, report: Report) -> Result:
    """Writes area_and_accuracy.json and area_and_accuracy.csv.

    Raises:
        InputError: The points cannot be read, or answers are missing or wrong.
        OutputError: The results cannot be written.
    """
    checked = _read(points)
    _check_enough(checked, points)
    report.stage("Estimating accuracy and area")
    variants = {"": checked.estimates()}
    if (checked.answer == UNSURE).any():
        variants.update({value: checked.estimates(value) for value in (YES, NO)})
    design, sizes = checked.design, checked.sizes()
    ground_m2 = float(sizes.sum() * design.pixel_m2)
    mapped_m2 = float(sum(design.zone_px[zone] for zone in MAPPED_ZONES) * design.pixel_m2)
    strata = _strata_rows(checked)
    notes = list(_notes(checked))
    for note in notes:
        report.warn(note)
    rows = [_row(measure, unsure, estimate, ground_m2 if measure == "landslide" else None)
            for unsure, estimates in variants.items() for measure, estimate in estimates.items()]
    with new_run("check-sample", params) as folder:
        write_json_atomic(folder / "area_and_accuracy.json", {
            "map": design.map_name, "checked_m2": ground_m2, "mapped_m2": mapped_m2, "estimates": rows,
            "strata": strata, "edge_px": design.edge_px, "seed": design.seed, "notes": notes})
        write_csv_atomic(folder / "area_and_accuracy.csv", rows)
        report.progress(1.0)
    out = Path(params.out)
    return Result(
        {"area_and_accuracy": str(out / "area_and_accuracy.json"), "table": str(out / "area_and_accuracy.csv")},
        {f"map: {design.map_name}": _shown(variants, ground_m2, mapped_m2), "answers": strata},
    )


@dataclass(frozen=True)
class _Checked:
    """The points and their answers, by id."""

    design: SampleDesign
    stratum: np.ndarray
    mapped: np.ndarray
    answer: np.ndarray

    def sizes(self) -> np.ndarray:
        return stratum_sizes(self.design.zone_px)

    def estimates(self, unsure: str | None = None) -> dict[str, Estimate | None]:
        """By name; `unsure` is what such answers count as, None leaves them out."""
        answer = self.answer if unsure is None else np.where(self.answer == UNSURE, unsure, self.answer)
        known = (answer == YES) | (answer == NO)
        sizes = self.sizes()
        present = sizes > 0
        number = np.cumsum(present) - 1
        return map_estimates(self.mapped[known], answer[known] == YES, number[self.stratum[known]],
                             sizes[present])._asdict()


def _read(points: str) -> _Checked:
    design, answers = read_points(points)
    known = (YES, NO, UNSURE, NONE)
    wrong = {number: text for number, text in answers.items() if text not in known}
    if wrong:
        some = ", ".join(f"'{text}' at id {number}" for number, text in sorted(wrong.items())[:5])
        raise InputError("sample.answers", f"{len(wrong)} answers cannot be understood ({some}).",
                         "Write yes, no or unsure in the column answer, or leave it empty.", ids=sorted(wrong))
    zone = np.array(design.zones)
    answer = np.array([answers.get(number, NONE) for number in range(1, len(zone) + 1)])
    return _Checked(design, np.array([STRATUM_OF_ZONE[z] for z in design.zones]), np.isin(zone, MAPPED_ZONES), answer)


def _check_enough(checked: _Checked, points: str) -> None:
    known = np.isin(checked.answer, (YES, NO))
    missing = points_missing(checked.stratum[known], checked.sizes())
    if missing.any():
        where = ", ".join(f"{n} more in {name}" for name, n in zip(_NAMES, missing, strict=True) if n)
        raise InputError("sample.too-few", f"Too few points are answered with yes or no: {where}.",
                         "Each stratum needs two such answers at least; some dozens make useful intervals.",
                         path=points, missing={name: int(n) for name, n in zip(_NAMES, missing, strict=True) if n})


def _strata_rows(checked: _Checked) -> list[dict[str, Any]]:
    rows = []
    for number, (name, size) in enumerate(zip(_NAMES, checked.sizes(), strict=True)):
        answers = checked.answer[checked.stratum == number]
        if size:
            rows.append({"stratum": name, "pixels": int(size), "area_m2": float(size * checked.design.pixel_m2),
                         "points": len(answers), **{a: int((answers == a).sum()) for a in (YES, NO, UNSURE)},
                         "unanswered": int((answers == NONE).sum())})
    return rows


def _notes(checked: _Checked) -> Iterator[str]:
    """What must be known to read the numbers."""
    for kind, what in ((NONE, "have no answer"), (UNSURE, "are unsure")):
        counts = {name: int((checked.answer[checked.stratum == n] == kind).sum()) for n, name in enumerate(_NAMES)}
        if any(counts.values()):
            where = ", ".join(f"{count} in {name}" for name, count in counts.items() if count)
            yield (f"{sum(counts.values())} of {len(checked.answer)} points {what} ({where}); the estimates leave "
                   "them out, as if they were like the others of their stratum.")
    for number, (name, size) in enumerate(zip(_NAMES, checked.sizes(), strict=True)):
        answers = checked.answer[checked.stratum == number]
        yes, no = (int((answers == a).sum()) for a in (YES, NO))
        if size > yes + no and not (yes and no):
            share, kind = unseen_share(yes + no), "no landslide" if yes else "landslide"
            yield (f"All {yes + no} answers in {name} are {YES if yes else NO}, so the intervals take all of it for "
                   f"that; yet up to {share:.1%} of it ({share * size * checked.design.pixel_m2:,.0f} m²) could be "
                   f"{kind} (95 %).")
        elif name == "rest" and yes < _FEW:
            yield (f"Only {yes} of {yes + no} answers in rest {'is' if yes == 1 else 'are'} yes: what the map misses "
                   "hangs on them, and its intervals are rather too narrow. More points there (--n-rest) would help.")


def _row(measure: str, unsure: str, estimate: Estimate | None, ground_m2: float | None) -> dict[str, Any]:
    scale = ground_m2 or 1.0
    values = [None] * 4 if estimate is None else [round(v * scale, 2 if ground_m2 else 5) for v in estimate]
    return {"measure": measure if ground_m2 is None else "landslide_m2",
            "unsure_counted_as": unsure or "left out",
            **dict(zip(("value", "standard_error", "low", "high"), values, strict=True))}


def _shown(variants: dict[str, dict[str, Estimate | None]], ground_m2: float, mapped_m2: float) -> list[dict[str, Any]]:
    rows = []
    for measure, title in _TITLES.items():
        scale, style = (ground_m2, ",.0f") if measure == "landslide" else (1.0, ".3f")
        row: dict[str, Any] = {"measure": title}
        for unsure, estimates in variants.items():
            estimate = estimates[measure]
            value, low, high = (None,) * 3 if estimate is None else (
                f"{v * scale:{style}}" for v in (estimate.value, estimate.low, estimate.high))
            if unsure:
                row[f"unsure = {unsure}"] = value
            else:
                row.update({"estimate": value, "95 % interval": value and f"{low} to {high}"})
        rows.append(row)
    return [*rows, {"measure": "area that the map shows [m²]", "estimate": f"{mapped_m2:,.0f}"}]
