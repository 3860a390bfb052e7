"""Counts and measures landslides: number, area, density, and the distribution of their sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from ..contract.errors import InputError, UsageError
from ..contract.events import Report, Result
from ..contract.params.statistics import StatisticsParams
from ..contract.series import Epoch, read_series
from ..geo.areas import apply_minimum, area_m2
from ..geo.clipping import Clipped, clip, ground_of, union_m2
from ..geo.files import write_csv_atomic, write_json_atomic
from ..geo.vectors import in_crs, read_polygons, stacked, write_layers
from ..report.sizes import SizePanel, frequency_area
from .shared.judging.reference import layer_stem, read_layer
from .shared.runs import new_run
from .shared.size_fits import (
    FITTED,
    NOT_ASSESSED,
    ROLLOVER,
    TOO_FEW,
    SizeFits,
    fit_sizes,
    size_row,
    size_sentences,
)
from .shared.used import MANUAL, used

TOGETHER = "all layers"


@dataclass(frozen=True)
class _Layer:
    """Landslides of one year or map.

    Attributes:
        name: Of the layer.
        clipped: Landslides of at least the minimum area, on the ground.
        ground: Observed ground within the area of interest; None if none is known.
        assumed: No observed ground was given; the area of interest stands for it.
        used: What the landslides are: manual, predicted or inventory.
        n_read, n_repaired, n_left_out, n_small: Features in the file, and what became of them.
    """

    name: str
    clipped: Clipped
    ground: gpd.GeoDataFrame | None
    assumed: bool
    used: str = MANUAL
    n_read: int = 0
    n_repaired: int = 0
    n_left_out: int = 0
    n_small: int = 0


def run(params: StatisticsParams, report: Report) -> Result:
    """Writes statistics.json, statistics.csv, sizes.png and, where there is a border, border.gpkg.

    Raises:
        InputError: A layer cannot be read, or no ground is left.
        UsageError: Two layers have one name.
        OutputError: The results cannot be written.
    """
    report.stage("Reading landslides")
    layers = list(_read(params, report))
    measured = [*layers, _together(layers)] if params.together and len(layers) > 1 else layers
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
            row = {"name": layer.name, "used": layer.used, **_count_row(layer),
                   **size_row(fits, int(frame["counted"].sum()))}
            notes = [*_count_sentences(layer, row), *size_sentences(fits)]
            for sentence in notes:
                said.setdefault(sentence, []).append(layer.name)
            rows.append({**row, "notes": notes})
            panels.append(_panel(layer.name, fits, row))
        for sentence, concerned in said.items():
            report.warn(f"{', '.join(concerned)}: {sentence}")
        outputs = {"statistics": "statistics.json", "table": "statistics.csv", "figure": "sizes.png"}
        if any(layer.ground is not None for layer in layers):
            outputs["border"] = "border.gpkg"
            write_layers(folder / outputs["border"], {"border": _border(layers)})
        write_json_atomic(folder / outputs["statistics"], {"min_area_m2": params.min_area_m2, "layers": rows})
        write_csv_atomic(folder / outputs["table"], [{**row, "notes": " ".join(row["notes"])} for row in rows])
        frequency_area(panels, folder / outputs["figure"])
    return Result({role: str(Path(params.out) / name) for role, name in outputs.items()},
                  {"landslides": [_shown_counts(row) for row in rows],
                   "sizes": [_shown_sizes(row) for row in rows]})


def _read(params: StatisticsParams, report: Report) -> Iterator[_Layer]:
    """The layers in the order in which they were given."""
    if params.series:
        series = read_series(Path(params.series))
        epochs = [epoch for epoch in series.epochs if epoch.landslides or epoch.searched]
        if not epochs:
            raise InputError("labels.none", f"No epoch of {params.series} has landslides to count.",
                             "Give an epoch landslides, or the searched ground if there are none.")
        area_source = params.area or series.area
    else:
        names = params.names or [layer_stem(source) for source in params.landslides]
        # What an epoch of a series would say; its images play no part here.
        epochs = [Epoch(name, (), landslides=source) for name, source in zip(names, params.landslides, strict=True)]
        area_source = params.area
    area = read_layer(area_source, "area", report) if area_source else None
    observed = read_layer(params.observed, "observed", report) if params.observed else None
    shared = _ground(observed, area, [])
    for epoch in epochs:
        searched = observed
        if searched is None and epoch.searched:
            searched = read_layer(epoch.searched, "searched", report)
        without = [read_layer(source, role, report)
                   for role, source in (("ignore", epoch.ignore), ("unusable", epoch.unusable)) if source]
        ground = shared if searched is observed and not without else _ground(searched, area, without)
        if ground is not None and ground.is_empty.all():
            raise InputError("statistics.no-ground", f"{epoch.name}: no observed ground lies in the area of interest.",
                             "Check that both show the same place, and their coordinate reference systems.")
        yield _layer(epoch, ground, searched is None, params.min_area_m2, report)


def _ground(
    observed: gpd.GeoDataFrame | None, area: gpd.GeoDataFrame | None, without: Sequence[gpd.GeoDataFrame]
) -> gpd.GeoDataFrame | None:
    within = [layer for layer in (observed, area) if layer is not None]
    return ground_of(within, without) if within else None


def _layer(
    epoch: Epoch, ground: gpd.GeoDataFrame | None, assumed: bool, min_area_m2: float, report: Report
) -> _Layer:
    if ground is not None and not epoch.landslides:  # searched, and none found
        none = gpd.GeoDataFrame({"source_row": np.zeros(0, np.int64)}, geometry=[], crs=ground.crs)
        return _Layer(epoch.name, clip(none, ground), ground, assumed)
    read = read_polygons(epoch.landslides or "")
    for message in read.report.messages:
        report.log(f"{epoch.name}: {message}")
    large, small = apply_minimum(read.frame, min_area_m2)
    said = read.report
    return _Layer(epoch.name, clip(large, ground), ground, assumed, used(read.frame), said.n_read, said.n_repaired,
                  said.n_empty + said.n_not_polygon, len(small))


def _together(layers: Sequence[_Layer]) -> _Layer:
    """All layers as one; its ground is known only where all share it."""
    crs = layers[0].clipped.frame.crs
    frames = [in_crs(layer.clipped.frame, crs) for layer in layers]
    inside = [in_crs(gpd.GeoDataFrame(geometry=layer.clipped.inside, crs=layer.clipped.frame.crs), crs).geometry
              for layer in layers]
    ground = layers[0].ground if all(layer.ground is layers[0].ground for layer in layers) else None
    clipped = Clipped(stacked(frames), np.concatenate([np.asarray(parts, dtype=object) for parts in inside]),
                      sum(layer.clipped.n_outside for layer in layers))
    kinds = " and ".join(dict.fromkeys(layer.used for layer in layers))
    return _Layer(TOGETHER, clipped, ground, layers[0].assumed, kinds, *(
        sum(getattr(layer, name) for layer in layers) for name in ("n_read", "n_repaired", "n_left_out", "n_small")
    ))


def _count_row(layer: _Layer) -> dict[str, Any]:
    """Numbers and areas. Areas are of the parts on the ground; sizes of counted landslides are too."""
    frame = layer.clipped.frame
    sizes = frame["area_inside_m2"].to_numpy()[frame["counted"]]
    total = float(frame["area_inside_m2"].sum())
    union = union_m2(layer.clipped.inside, frame.crs)
    ground_m2 = None if layer.ground is None else float(area_m2(layer.ground.geometry, layer.ground.crs).sum())
    return {
        "read": layer.n_read,
        "repaired": layer.n_repaired,
        "left_out": layer.n_left_out,
        "below_minimum": layer.n_small,
        "outside": layer.clipped.n_outside,
        "crossing": int(frame["crosses_border"].sum()),
        "crossing_counted": int((frame["crosses_border"] & frame["counted"]).sum()),
        "TL": len(sizes),
        "TL_interval": NOT_ASSESSED,
        "TAL_m2": union,
        "TAL_interval": NOT_ASSESSED,
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


def _count_sentences(layer: _Layer, row: dict[str, Any]) -> Iterator[str]:
    if layer.ground is None:
        yield "No densities: no observed ground is given that all of it shares."
    elif layer.assumed:
        yield "The whole area of interest counts as observed, because no observed ground is given."
    if row["counted_twice_m2"] >= 1:
        yield (f"Polygons overlap: {row['counted_twice_m2']:,.0f} m² were drawn more than once; "
               "the total area (TAL) counts them once.")
    if row["crossing"]:
        yield (f"Landslides that cross the border of the ground: {row['crossing']}, of which {row['crossing_counted']} "
               "are counted. All are clipped, none is in the size fits.")
    if row["outside"]:
        yield f"Landslides outside the ground, left out: {row['outside']}."


def _panel(name: str, fits: SizeFits, row: dict[str, Any]) -> SizePanel:
    law, shown = fits.power_law, fits.tail != TOO_FEW
    remarks = [f"{row['sizes']} landslides" if row["sizes"] else "no landslides"]
    if law is not None and shown:
        remarks.append(f"alpha {law.alpha:.2f} ± {law.alpha_se:.2f} from {law.xmin_m2:,.0f} m²")
    if fits.tail != FITTED and row["sizes"]:
        remarks.append("no power law: too few in the tail" if not shown else "power law ruled out")
    if row["sizes"]:
        remarks.append(f"rollover {row['rollover_m2']:,.0f} m²" if fits.peak == ROLLOVER else f"rollover: {fits.peak}")
    return SizePanel(name, fits.areas_m2, law if shown else None, fits.inverse_gamma, remarks)


def _border(layers: Sequence[_Layer]) -> gpd.GeoDataFrame:
    """Landslides that cross the border of the ground, whole."""
    crs = layers[0].clipped.frame.crs
    return stacked([in_crs(frame[frame["crosses_border"]], crs).assign(layer=layer.name)
                    for layer in layers for frame in [layer.clipped.frame]])


def _shown_counts(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of the counts that fit on a screen."""
    density = row["area_density"]
    return {"name": row["name"], "TL": row["TL"], "TAL [m²]": row["TAL_m2"], "MinAL": row["MinAL_m2"],
            "MaxAL": row["MaxAL_m2"], "mean": row["mean_m2"], "median": row["median_m2"],
            "per km²": row["number_per_km2"], "% of ground": None if density is None else 100 * density,
            "intervals": NOT_ASSESSED}


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
