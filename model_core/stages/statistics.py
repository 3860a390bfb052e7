"""Counts and measures landslides: number, area, density, and the distribution of their sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from ..arrays.paired import draw_blocks
from ..contract.errors import UsageError
from ..contract.events import Report, Result
from ..contract.params.layers import NOT_STATED
from ..contract.params.statistics import StatisticsParams
from ..geo.areas import area_m2
from ..geo.blocks import cut_blocks
from ..geo.clipping import union_m2
from ..geo.files import write_csv_atomic, write_json_atomic
from ..geo.points import metric_crs
from ..geo.remarks import remark_of_run
from ..geo.vectors import in_crs, stacked, write_layers
from ..report.sizes import SizePanel, frequency_area
from .shared.layers import Layer, read_layers, together
from .shared.map_error import TAL, TL, interval_columns, known_error, shown_interval
from .shared.runs import new_run
from .shared.size_fits import (
    FITTED,
    ROLLOVER,
    TOO_FEW,
    SizeFits,
    fit_sizes,
    size_row,
    size_sentences,
)


def run(params: StatisticsParams, report: Report) -> Result:
    """Writes statistics.json, statistics.csv, sizes.png and, where there is a border, border.gpkg.

    Raises:
        InputError: A layer cannot be read, or no ground is left.
        UsageError: Two layers have one name.
        OutputError: The results cannot be written.
    """
    report.stage("Reading landslides")
    layers = list(read_layers(params, report))
    measured = [*layers, together(layers)] if params.together and len(layers) > 1 else layers
    names = [layer.name for layer in measured]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError("statistics.name-twice", f"Two layers are named {twice}.", "Name the layers with --names.")
    rows, panels = [], []
    said: dict[str, list[str]] = {}
    with new_run("statistics", params) as folder:
        for layer in measured:
            report.stage(f"Measuring {layer.name}")
            frame = layer.clipped.frame
            whole = frame["counted"] & ~frame["crosses_border"]
            fits = fit_sizes(frame["area_m2"].to_numpy()[whole], params.repetitions, params.seed, report)
            row = {"name": layer.name, **_count_row(layer, params.seed), **size_row(fits, int(frame["counted"].sum()))}
            notes = [*_count_sentences(layer, row), *size_sentences(fits)]
            for sentence in notes:
                said.setdefault(sentence, []).append(layer.name)
            rows.append({**row, "notes": notes})
            panels.append(_panel(layer, fits, row))
        for sentence, concerned in said.items():
            report.warn(f"{', '.join(concerned)}: {sentence}")
        outputs = {"statistics": "statistics.json", "table": "statistics.csv", "figure": "sizes.png"}
        if any(layer.ground is not None for layer in layers):
            outputs["border"] = "border.gpkg"
            write_layers(folder / outputs["border"], {"border": _border(layers)})
        write_json_atomic(folder / outputs["statistics"], {"min_area_m2": params.min_area_m2, "layers": rows})
        write_csv_atomic(folder / outputs["table"], [{**row, "notes": " ".join(row["notes"])} for row in rows])
        frequency_area(panels, folder / outputs["figure"], remark=remark_of_run())
    return Result({role: str(Path(params.out) / name) for role, name in outputs.items()},
                  {"landslides": [_shown_counts(row) for row in rows],
                   "sizes": [_shown_sizes(row) for row in rows]})


def _count_row(layer: Layer, seed: int) -> dict[str, Any]:
    """Numbers and areas. Areas are of the parts on the ground; sizes of counted landslides are too."""
    frame = layer.clipped.frame
    sizes = frame["area_inside_m2"].to_numpy()[frame["counted"]]
    total = float(frame["area_inside_m2"].sum())
    union = union_m2(layer.clipped.inside, frame.crs)
    ground_m2 = None if layer.ground is None else float(area_m2(layer.ground.geometry, layer.ground.crs).sum())
    return {
        "used": layer.used,
        "read": layer.n_read,
        "repaired": layer.n_repaired,
        "left_out": layer.n_left_out,
        "below_minimum": layer.n_small,
        "outside": layer.clipped.n_outside,
        "crossing": int(frame["crosses_border"].sum()),
        "crossing_counted": int((frame["crosses_border"] & frame["counted"]).sum()),
        "TL": len(sizes),
        "TAL_m2": union,
        **_intervals(layer, {TL: len(sizes), TAL: union}, seed),
        "sum_of_areas_m2": total,
        "counted_twice_m2": max(total - union, 0.0),
        "MinAL_m2": float(sizes.min()) if len(sizes) else None,
        "MaxAL_m2": float(sizes.max()) if len(sizes) else None,
        "mean_m2": float(sizes.mean()) if len(sizes) else None,
        "median_m2": float(np.median(sizes)) if len(sizes) else None,
        "observed_km2": None if ground_m2 is None else ground_m2 / 1e6,
        "area_density": None if ground_m2 is None else union / ground_m2,
        "number_per_km2": None if ground_m2 is None else len(sizes) / (ground_m2 / 1e6),
    }


def _intervals(layer: Layer, totals: dict[str, float], seed: int) -> dict[str, Any]:
    """The columns that tell how sure number and total area are."""
    if layer.reference is None:
        return interval_columns(None, totals, None)
    if layer.ground is None:
        return interval_columns(None, totals, None, "No observed ground is given to compare with the reference on.")
    crs = metric_crs(layer.ground)
    frame, reference, ground = (in_crs(one, crs) for one in (layer.clipped.frame, layer.reference, layer.ground))
    searched = None if layer.reference_ground is None else in_crs(layer.reference_ground, crs)
    blocks = cut_blocks(ground)
    return interval_columns(known_error(frame, reference, ground, searched, blocks), totals,
                            draw_blocks(len(blocks), seed))


def _count_sentences(layer: Layer, row: dict[str, Any]) -> Iterator[str]:
    if layer.ground is None:
        yield "No densities: no observed ground is given that all of it shares."
    elif layer.assumed:
        yield "The whole area of interest counts as observed, because no observed ground is given."
    if layer.used == NOT_STATED:
        yield "Not stated whether drawn, predicted or an inventory (--used)."
    if layer.reference is not None and row["interval_reason"]:
        yield f"Number and total area have no interval. {row['interval_reason']}"
    if row["counted_twice_m2"] >= 1:
        yield (f"Polygons overlap: {row['counted_twice_m2']:,.0f} m² were drawn more than once; "
               "the total area (TAL) counts them once.")
    if row["crossing"]:
        yield (f"Landslides that cross the border of the ground: {row['crossing']}, of which {row['crossing_counted']} "
               "are counted. All are clipped, none is in the size fits.")
    if row["outside"]:
        yield f"Landslides outside the ground, left out: {row['outside']}."


def _panel(layer: Layer, fits: SizeFits, row: dict[str, Any]) -> SizePanel:
    law, shown = fits.power_law, fits.tail != TOO_FEW
    remarks = [f"{row['sizes']} landslides" if row["sizes"] else "no landslides"]
    if law is not None and shown:
        remarks.append(f"alpha {law.alpha:.2f} ± {law.alpha_se:.2f} from {law.xmin_m2:,.0f} m²")
    if fits.tail != FITTED and row["sizes"]:
        remarks.append("no power law: too few in the tail" if not shown else "power law ruled out")
    if row["sizes"]:
        remarks.append(f"rollover {row['rollover_m2']:,.0f} m²" if fits.peak == ROLLOVER else f"rollover: {fits.peak}")
    title = layer.name if layer.used in (NOT_STATED, layer.name) else f"{layer.name} ({layer.used})"
    return SizePanel(title, fits.areas_m2, law if shown else None, fits.inverse_gamma, remarks)


def _border(layers: Sequence[Layer]) -> gpd.GeoDataFrame:
    """Landslides that cross the border of the ground, whole."""
    crs = layers[0].clipped.frame.crs
    return stacked([in_crs(frame[frame["crosses_border"]], crs).assign(layer=layer.name)
                    for layer in layers for frame in [layer.clipped.frame]])


def _shown_counts(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of the counts that fit on a screen."""
    density = row["area_density"]
    return {"name": row["name"], "used": row["used"], "TL": row["TL"], "TL 95 %": shown_interval(row, "TL"),
            "TAL [m²]": row["TAL_m2"], "TAL 95 %": shown_interval(row, "TAL", "_m2"), "MinAL": row["MinAL_m2"],
            "MaxAL": row["MaxAL_m2"], "per km²": row["number_per_km2"],
            "% of ground": None if density is None else 100 * density}


def _shown_sizes(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of the fits that fit on a screen; an alpha that may not be used stands in brackets."""
    alpha = None if row["alpha"] is None else f"{row['alpha']:.2f} ± {row['alpha_se']:.2f}"
    rollover = row["rollover_m2"]
    low, high = (("?" if row[name] is None else f"{row[name]:,.0f}") for name in
                 ("rollover_low_m2", "rollover_high_m2"))
    return {
        "name": row["name"], "power law": row["power_law"],
        "alpha": alpha if alpha is None or row["power_law"] == FITTED else f"({alpha})",
        "from [m²]": row["xmin_m2"], "tail": row["tail"], "p": row["p"],
        "rollover [m²]": row["inverse_gamma"] if rollover is None else f"{rollover:,.0f} ({low} to {high})",
        "mL": row["mL"], "mLS": row["mLS"],
    }
