"""Changes from date to date on the ground that all of them show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....report.pieces import Picture, Section, Table
from ..studying.folder import StudyFolder
from .reading import gone, picture_file, step_file

# Column of the step's files, name of our table, what it holds, and its scale there.
MEASURES = (("TL", "number", "number", 1.0), ("TAL_m2", "area", "area [km²]", 1e-6))


def years(study: StudyFolder) -> Section:
    """Totals on common ground, changes and rates, of what was drawn and of what was mapped."""
    title = "Comparable dates"
    found = [(name, one) for name in ("drawn", study.best_map())
             if (one := step_file(study, f"years/{name}", "years_json")) is not None]
    if not found:
        return Section(title, ["Dates were not compared: fewer than two have landslides or maps; or see what was left "
                               "out."])
    said, totals, changes, trends = [], [], [], []
    for name, one in found:
        common, who = one["common_ground"], "Manual" if name == "drawn" else "Mapped"
        said.append(f"{who}: {common['km2']:.2f} km² were observed at every date, {common['share']:.0%} of what any "
                    f"date shows. Every number below is on that ground. {' '.join(one['notes'])}")
        totals += [_total(row) for row in one["years"] if row["ground"] == "common"]
        changes += step_file(study, f"years/{name}", "changes_json")["changes"]
        result = study.step(f"years/{name}")
        if result is None or "figure" not in result.outputs:
            raise gone(study.folder / "years" / name)
        trends.append(Picture("Figure A. Number and area by date on common ground", (
            f"{who}. Bars: 95 % intervals where a reference tells the map's error. Faint: each date's own ground."),
            picture_file(Path(result.outputs["figure"]))))
    return Section(title, said, [
        Table("common_ground", "Table A. Landslides on the ground observed at every date", (
            "TL: number, TAL: area of the union. Corrected: times drawn over mapped in the blocks where both are "
            "known. Not assessed: nothing tells the error."), totals),
        *(Table(f"changes_in_{name}", f"Table A. Changes in {title} between dates", (
            "Intervals: the same blocks of ground are drawn for both dates, 95 %. Rate: per elapsed year. Corrected: "
            "what the mapped change stands for, by drawn over mapped; where it is clear, it gives the verdict. Inside "
            "the map's error: the change is no larger than maps err where drawn landslides tell it."),
            [_change(row, scale) for row in changes if row["measure"] == measure])
          for measure, name, title, scale in MEASURES),
        *trends,
    ])


def _total(row: dict[str, Any]) -> dict[str, Any]:
    def interval(low: float | None, high: float | None, told: str, scale: float, digits: int) -> str:
        if low is None or high is None:
            return told
        return f"{low * scale:,.{digits}f} to {high * scale:,.{digits}f}"

    return {
        "date": row["name"], "used": row["used"], "TL": row["TL"], "TL corrected": row["TL_corrected"],
        "TL 95 %": interval(row["TL_low"], row["TL_high"], row["TL_interval"], 1.0, 0),
        "TAL [km²]": _km2(row["TAL_m2"]), "TAL corrected [km²]": _km2(row["TAL_corrected_m2"]),
        "TAL 95 % [km²]": interval(row["TAL_low_m2"], row["TAL_high_m2"], row["TAL_interval"], 1e-6, 3),
        "per km²": row["number_per_km2"], "area [%]": 100 * row["area_density"],
    }


def _change(row: dict[str, Any], scale: float) -> dict[str, Any]:
    change, low, high, rate, fixed, fixed_low, fixed_high = (
        None if row[key] is None else row[key] * scale
        for key in ("difference", "low", "high", "per_year", "corrected_difference", "corrected_low", "corrected_high"))
    return {"from": row["from"], "to": row["to"], "used": row["used"], "change": change, "change low": low,
            "change high": high, "per year": rate, "corrected": fixed, "corrected low": fixed_low,
            "corrected high": fixed_high, "verdict": row["verdict"]}


def _km2(m2: float | None) -> float | None:
    return None if m2 is None else m2 / 1e6
