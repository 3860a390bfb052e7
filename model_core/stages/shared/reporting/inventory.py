"""Tables 1 and 4: what was drawn, and beside it what was mapped."""

from __future__ import annotations

from typing import Any

from ....report.pieces import Picture, Section, Table
from ..studying.folder import StudyFolder
from .reading import NO_INVENTORY, dates, numbered, step_file

_UNCERTAIN = ("How far drawn numbers are off is not assessed: checked random points tell it (`mtl check-sample`; "
              "Olofsson et al. 2014).")


def counts(study: StudyFolder) -> dict[str, dict[str, Any]]:
    """What the statistics say, by name of the layer, such as "2015 drawn" or "2015 pooled"."""
    found = step_file(study, "statistics", "statistics")
    return {} if found is None else {row["name"]: row for row in found["layers"]}


def inventories(study: StudyFolder, pictures: dict[str, Picture]) -> Section:
    """Table 1 and Figure 1."""
    known = counts(study)
    rows = [_inventory_row(date, known.get(f"{date} drawn")) for date in dates(study)]
    figure = numbered(pictures.get("figure_1"), "1")
    if not known:
        return Section("Manual inventories", ["The landslides were not counted; see what was left out."], figure)
    drawn = [date for date in dates(study) if f"{date} drawn" in known]
    minimum = step_file(study, "statistics", "statistics")["min_area_m2"]
    text = (f"Landslides were drawn by hand for {len(drawn)} of {len(rows)} dates. Those below {minimum:g} m² are left "
            "out.")
    if study.series.area:
        text += (" A landslide counts where a point on its surface lies in the area of interest, and is clipped at its "
                 "border.")
    table = Table("table_1_manual_inventories", "Table 1. Manual inventory by date", (
        "TL: number of landslides; TAL: their total area, ground that is drawn twice counted once; MinAL, MaxAL, mean "
        "and median: of a single landslide's area. Densities refer to the observed ground. " + _UNCERTAIN), rows)
    return Section("Manual inventories", [text], [table, *figure])


def _inventory_row(date: str, row: dict[str, Any] | None) -> dict[str, Any]:
    found = row or dict.fromkeys(("TL", "TAL_m2", "MinAL_m2", "MaxAL_m2", "mean_m2", "median_m2", "observed_km2",
                                  "number_per_km2", "area_density"))
    density = found["area_density"]
    return {
        "date": date, "TL": found["TL"], "TAL [m²]": found["TAL_m2"],
        "interval of TL and TAL": _interval(row), "MinAL [m²]": found["MinAL_m2"],
        "MaxAL [m²]": found["MaxAL_m2"], "mean [m²]": found["mean_m2"], "median [m²]": found["median_m2"],
        "observed [km²]": found["observed_km2"], "landslides per km²": found["number_per_km2"],
        "share of ground [%]": None if density is None else 100 * density,
    }


def _interval(*rows: dict[str, Any] | None) -> str:
    known = [row for row in rows if row is not None]
    return "; ".join(dict.fromkeys(row[name] for row in known for name in ("TL_interval", "TAL_interval"))
                     ) or NO_INVENTORY


def comparison(study: StudyFolder) -> Section:
    """Table 4."""
    title = "Numbers and areas, manual and mapped"
    known, kind = counts(study), study.best_map()
    rows = [_comparison_row(date, known.get(f"{date} drawn"), known.get(f"{date} {kind}")) for date in dates(study)]
    if not known:
        return Section(title, ["The landslides were not counted; see what was left out."])
    table = Table("table_4_manual_and_mapped", "Table 4. Manual and mapped landslides by date", (
        f"As Table 1; mapped: the {kind} maps. 95 %: what the mapped number stands for when corrected by drawn over "
        "mapped, from blocks of ground. " + _UNCERTAIN + "\n"
        "In the paper (Bhuyan et al. 2023, Table 4): 26 to 136 manual and 38 to 117 mapped landslides with 0.44 to "
        "1.86 and 0.37 to 1.63 km² (intervals not assessed), in another area of 33 km²; 70 % of its manual landslides "
        "had been learned from."), rows)
    text = ("Equal totals do not mean equal maps: false alarms and misses can make up for each other, which only the "
            "comparison place by place shows (Table 3).")
    return Section(title, [text], [table])


def _comparison_row(date: str, drawn: dict[str, Any] | None, mapped: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"date": date}
    for which, found in ((" manual", drawn), (" mapped", mapped)):
        row[f"ground{which} [km²]"] = None if found is None else found["observed_km2"]
    for shown, name, digits in (("TL{}", "TL", 0), ("TAL{} [m²]", "TAL_m2", -2), ("MinAL{} [m²]", "MinAL_m2", None),
                                ("MaxAL{} [m²]", "MaxAL_m2", None)):
        for which, found in ((" manual", drawn), (" mapped", mapped)):
            row[shown.format(which)] = None if found is None else found[name]
        if digits is not None:
            row[shown.format(" mapped, corrected, 95 %")] = _span(mapped, name, digits)
    return row


def _span(row: dict[str, Any] | None, name: str, digits: int) -> str:
    """The interval of a mapped number, corrected by what was drawn; else why there is none."""
    stem, unit = name.partition("_")[0], name[len(name.partition("_")[0]):]
    if row is None:
        return NO_INVENTORY
    low, high = row[f"{stem}_low{unit}"], row[f"{stem}_high{unit}"]
    return row[f"{stem}_interval"] if low is None else f"{round(low, digits):,.0f} to {round(high, digits):,.0f}"
