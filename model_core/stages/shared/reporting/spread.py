"""Table 5: how densely landslides lie, drawn and mapped."""

from __future__ import annotations

from typing import Any

from ....report.pieces import Picture, Section, Table
from ..studying.folder import StudyFolder
from .reading import dates, numbered, step_file


def density(study: StudyFolder, pictures: dict[str, Picture]) -> Section:
    """Table 5 and Figure 6."""
    title, kind = "Landslide density", study.best_map()
    found = [step_file(study, f"density/{name}", "summary") for name in ("drawn", kind)]
    figure = numbered(pictures.get("figure_6"), "6")
    known = [one for one in found if one is not None]
    if not known:
        return Section(title, ["The density was not mapped; see what was left out."], figure)
    drawn, mapped = ({} if one is None else {row["layer"]: row for row in one["densities"]} for one in found)
    rows = [_row(date, drawn.get(date), mapped.get(date)) for date in dates(study)]
    said = [f"{name}: {note}" for name, one in (("Manual", found[0]), ("Mapped", found[1])) if one for note in
            one["notes"]]
    table = Table("table_5_density", "Table 5. Landslide density by date, manual and mapped", (
        f"Unit: {known[0]['unit']}. Quartic kernel around each landslide's centroid (Silverman 1986), which gives each "
        f"its whole weight on observed ground; radius: its reach, the same for manual and mapped; mapped: the {kind} "
        "maps. Difference: mapped less manual. A highest density has no interval; below 30 landslides it hangs on "
        "single ones.\n"
        "In the paper (Bhuyan et al. 2023, Table 5): highest density 3.22 to 16.46 manual and 2.59 to 11.54 mapped, "
        "difference −4.99 to 3.17 landslides per km², with radii that are not stated."), rows)
    return Section(title, said, [table, *figure])


def _row(date: str, drawn: dict[str, Any] | None, mapped: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"date": date, "radius [m]": next((one["radius_m"] for one in (drawn, mapped) if one), None)}
    for shown, name in (("n", "n"), ("highest", "peak"), ("mean", "mean")):
        manual, automatic = (None if one is None else one[name] for one in (drawn, mapped))
        row |= {f"{shown}, manual": manual, f"{shown}, mapped": automatic}
        if name != "n":
            row[f"{shown}, difference"] = None if manual is None or automatic is None else automatic - manual
    return row
