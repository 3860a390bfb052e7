"""The table of densities, as the paper's Table 5 with what is needed to judge its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ....arrays.density import FieldSummary
from ....contract.events import Report
from ....contract.params.density import DensityParams
from .changes import Change
from .maps import DensityMap

UNITS = {"number": "landslides per km²", "area": "m² of landslide per km²"}
FEW = 30  # below it peaks hang on single landslides
WELL_OBSERVED = 0.8  # a peak with less of the ground around it observed is told
_DIGITS = 6


def density_row(one: DensityMap, field: FieldSummary, params: DensityParams, report: Report) -> dict[str, Any]:
    """The row of a date.

    `peak_observed` is the share of the ground around the peak that was observed: at the border little tells much.
    `sums_to` is what the raster adds up to: without ground beyond the area n, or their area in m², if edges are
    corrected, and less if not.
    """
    layer, grid = one.layer, one.grid
    pixel_km2 = grid.pixel_area_m2 / 1e6
    n, around = int(layer.inside.sum()), int((~layer.inside).sum())
    x = y = observed = None
    if field.peak_px is not None and field.highest:
        row, col = field.peak_px
        x, y = grid.transform @ (col + 0.5, row + 0.5)
        observed = one.observed_around(row, col, report)
    return {
        "layer": layer.name, "used": layer.used, "n": n, "n_around": around, "few": n < FEW,
        "radius_m": _short(layer.radius_m), "unit": UNITS[params.weight],
        "peak": _short(field.highest), "peak_x": x, "peak_y": y,
        "peak_observed": _short(observed), "mean": _short(field.mean),
        "ground_km2": _short(field.n_pixels * pixel_km2), "sums_to": _short(field.total * pixel_km2),
    }


def change_row(one: Change) -> dict[str, Any]:
    """What lies between two dates, on ground that was observed at both."""
    peaks = one.before.highest, one.after.highest
    return {
        "from": one.earlier.layer.name, "to": one.later.layer.name,
        "peak to peak": None if peaks[0] is None or peaks[1] is None else _short(peaks[1] - peaks[0]),
        "largest fall": _short(one.change.lowest), "largest rise": _short(one.change.highest),
        "mean": _short(one.change.mean),
    }


def findings(
    maps: Sequence[DensityMap], rows: Sequence[dict[str, Any]], changes: Sequence[Change], params: DensityParams
) -> Iterator[str]:
    """What an analyst should know about the numbers, a sentence each."""
    few = [f"{row['layer']} ({row['n']})" for row in rows if row["few"] and row["n"]]
    if few:
        yield f"Fewer than {FEW} landslides: {', '.join(few)}. Their peaks hang on single landslides."
    edge = [f"{row['layer']} ({row['peak_observed']:.0%})" for row in rows
            if row["peak_observed"] is not None and row["peak_observed"] < WELL_OBSERVED]
    if edge:
        effect = "too high or too low" if params.edge_correction else "too low"
        yield (f"The peak lies near the border of the observed ground: {', '.join(edge)} of the ground around it was "
               f"observed. It may be {effect}.")
    if len({row["radius_m"] for row in rows if row["radius_m"] is not None}) > 1:
        yield "Each date has its own radius: differences between dates also come from that."
    for one in maps:
        if one.n_lost:
            yield f"{one.layer.name}: {one.n_lost} landslides have no observed pixel in reach and are left out."
    for change in changes:
        if any(change.n_beside):
            a, b = change.earlier.layer.name, change.later.layer.name
            yield (f"Change from {a} to {b}: {change.n_beside[0]} landslides of {a} and {change.n_beside[1]} of {b} "
                   "lie on ground that the other date does not show, and do not count in it.")
    if all(one.layer.observed is None for one in maps):
        yield ("No area of interest or observed ground is given: the map ends where the last landslide ends to "
               "reach, and its mean depends on that.")


def _short(value: float | None) -> float | None:
    return None if value is None else round(float(value), _DIGITS)
