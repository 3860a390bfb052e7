"""Compares the landslides of several dates on the ground that was observed at all of them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd

from ..contract.errors import InputError
from ..contract.events import Report, Result
from ..contract.params.compare_years import CompareYearsParams
from ..geo.areas import area_m2
from ..geo.blocks import cut_blocks
from ..geo.clipping import ground_of, union_m2
from ..geo.files import write_csv_atomic, write_json_atomic
from ..geo.vectors import stacked, write_layers
from ..report.trends import Span, TrendPanel, TrendPoint, trends
from .shared.map_error import TAL, TL, shown_interval
from .shared.runs import new_run
from .shared.size_fits import NOT_ASSESSED
from .shared.years.reading import Dated, read_dates
from .shared.years.tables import COMMON, OWN, OnGround, change_rows, draws_of, findings, on_ground

TINY_KM2 = 0.05  # five blocks of 100 m
_ROUNDING = 1e-6
OUTPUTS = {"years": "years.csv", "years_json": "years.json", "changes": "changes.csv", "changes_json": "changes.json",
           "common_ground": "common_ground.gpkg", "figure": "trends.png"}


def run(params: CompareYearsParams, report: Report) -> Result:
    """Writes years.csv, changes.csv, the same as JSON, common_ground.gpkg and trends.png.

    Raises:
        InputError: A file cannot be read, or the dates share no ground worth the name.
        UsageError: Dates or names that do not fit each other.
        OutputError: The results cannot be written.
    """
    report.stage("Reading the dates")
    dates, remark = read_dates(params, report)
    common = ground_of([one.ground for one in dates], [])
    shared = _share(dates, common)
    blocks = cut_blocks(common, params.block_m)
    draws = draws_of(blocks, params)
    with new_run("compare-years", params) as folder:
        report.stage("Comparing")
        rows, found = [], []
        for number, one in enumerate(dates, start=1):
            found.append(on_ground(one, COMMON, common, blocks, draws))
            rows += [_on_own_ground(one, found[-1], shared, params), found[-1].row]
            report.progress(number / len(dates), one.name)
        changes = change_rows(found, blocks, draws)
        notes = list(findings(dates, shared, blocks, changes))
        for note in notes:
            report.warn(note)
        about = {"remark": remark, "common_ground": shared, "blocks": {"n": len(blocks), "side_m": blocks.side_m},
                 "min_area_m2": params.min_area_m2, "notes": notes}
        write_json_atomic(folder / OUTPUTS["years_json"], {**about, "years": rows})
        write_csv_atomic(folder / OUTPUTS["years"], rows)
        write_json_atomic(folder / OUTPUTS["changes_json"], {**about, "changes": changes})
        write_csv_atomic(folder / OUTPUTS["changes"], changes)
        write_layers(folder / OUTPUTS["common_ground"], {
            "common_ground": common.assign(area_km2=shared["km2"], share=shared["share"]),
            "own_ground": stacked([one.ground.assign(name=one.name, date=one.day.isoformat()) for one in dates]),
            "blocks": blocks.frame()})
        _draw(rows, changes, shared, remark, folder / OUTPUTS["figure"])
    return Result({role: str(Path(params.out) / name) for role, name in OUTPUTS.items()}, {
        f"ground observed at every date, {shared['km2']:.2f} km²": [_shown_date(one) for one in found],
        "changes on it": [_shown_change(row) for row in changes],
    })


def _on_own_ground(one: Dated, found: OnGround, shared: dict[str, Any], params: CompareYearsParams) -> dict[str, Any]:
    """The row of a date on all ground that was observed at it, which often is no more than the common ground."""
    if shared["own_km2"][one.name] <= shared["km2"] * (1 + _ROUNDING):
        return {**found.row, "ground": OWN}
    blocks = cut_blocks(one.ground, params.block_m)
    return on_ground(one, OWN, one.ground, blocks, draws_of(blocks, params)).row


def _share(dates: Sequence[Dated], common: gpd.GeoDataFrame) -> dict[str, Any]:
    """How large the common ground is.

    Raises:
        InputError: Empty or too small.
    """
    sizes = {one.name: float(area_m2(one.ground.geometry, one.ground.crs).sum()) / 1e6 for one in dates}
    least = min(sizes, key=lambda name: sizes[name])
    km2 = float(area_m2(common.geometry, common.crs).sum()) / 1e6
    hint = f"Leave out a date that shows little ({least} shows {sizes[least]:.2f} km²), or check that all dates show " \
           "the same place."
    if km2 == 0:
        raise InputError("years.no-common-ground", "No ground was observed at all of the dates.", hint, least=least)
    if km2 < TINY_KM2:
        raise InputError("years.tiny-common-ground", f"Only {km2 * 1e6:,.0f} m² were observed at all of the dates: too "
                         "little to compare.", hint, least=least, km2=km2)
    everywhere = stacked([one.ground for one in dates])
    union_km2 = union_m2(everywhere.geometry.to_numpy(), everywhere.crs) / 1e6
    return {"km2": km2, "share": km2 / union_km2, "least": least, "own_km2": sizes}


def _draw(
    rows: Sequence[dict[str, Any]], changes: Sequence[dict[str, Any]], shared: dict[str, Any], remark: str, path: Path
) -> None:
    own = {row["name"]: row for row in rows if row["ground"] == OWN}
    common = {row["name"]: row for row in rows if row["ground"] == COMMON}
    panels = []
    for measure, stem, unit, title, scale in ((TL, "TL", "", "number of landslides", 1.0),
                                              (TAL, "TAL", "_m2", "landslide area [km²]", 1e-6)):
        points = [
            TrendPoint(datetime.date.fromisoformat(row["date"]), row[measure] * scale, own[name][measure] * scale,
                       *(None if row[f"{stem}_{key}{unit}"] is None else row[f"{stem}_{key}{unit}"] * scale
                         for key in ("corrected", "low", "high")))
            for name, row in common.items()
        ]
        spans = [Span(row["verdict"], *(None if row[key] is None else row[key] * scale
                                        for key in ("difference", "low", "high")))
                 for row in changes if row["measure"] == measure][:len(points) - 1]
        panels.append(TrendPanel(title, points, spans, measure == TL))
    used = ", ".join(dict.fromkeys(row["used"] for row in rows))
    assessed = any(row["TL_interval"] != NOT_ASSESSED for row in common.values())
    title = f"Landslides ({used}) on the ground observed at every date, {shared['km2']:.2f} km²"
    trends(panels, list(common), path, title=title, remark=remark,
           interval_note="" if assessed else "intervals of the single dates: not assessed")


def _shown_date(one: OnGround) -> dict[str, Any]:
    """The columns of a date that fit on a screen."""
    row = one.row
    return {"date": row["name"], "used": row["used"], "TL": row["TL"], "TL 95 %": shown_interval(row, "TL"),
            "TAL [m²]": row["TAL_m2"], "TAL 95 %": shown_interval(row, "TAL", "_m2"),
            "drawn twice [m²]": row["counted_twice_m2"], "per km²": row["number_per_km2"],
            "% of ground": 100 * row["area_density"]}


def _shown_change(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of a change that fit on a screen."""
    span = NOT_ASSESSED if row["low"] is None else f"{row['low']:,.0f} to {row['high']:,.0f}"
    return {"from": row["from"], "to": row["to"], "measure": "TL" if row["measure"] == TL else "TAL [m²]",
            "difference": row["difference"], "95 %": span, "years": row["years"], "per year": row["per_year"],
            "map error": row["map_error"], "verdict": row["verdict"]}
