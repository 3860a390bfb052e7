"""The tables of dates and of what changed between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import geopandas as gpd

from ....arrays.paired import (
    Floats,
    Known,
    change_interval,
    corrected_change_interval,
    draw_blocks,
    error_of_change,
    verdict,
)
from ....contract.params.compare_years import CompareYearsParams
from ....contract.params.layers import NOT_STATED
from ....geo.blocks import Blocks
from ....geo.clipping import Clipped, clip
from ..map_error import MEASURES, NO_REFERENCE, TAL, TL, in_blocks, interval_columns, known_error, too_few
from ..size_fits import NOT_ASSESSED
from .reading import Dated

OWN, COMMON = "own", "common"
DAYS_A_YEAR = 365.25
_SMALL_SHARE = 0.5


@dataclass(frozen=True)
class OnGround:
    """A date on some ground.

    Attributes:
        dated: The date.
        row: Of the table of dates.
        values: (n,) by measure, what lies in each block.
        known: By measure, what the reference tells; None: there is none.
    """

    dated: Dated
    row: dict[str, Any]
    values: dict[str, Floats]
    known: dict[str, Known] | None


def on_ground(one: Dated, name: str, ground: gpd.GeoDataFrame, blocks: Blocks, draws: Floats) -> OnGround:
    """Counts and measures a date on some ground.

    Args:
        one: The date.
        name: OWN or COMMON.
        ground: Part of what was observed at the date.
        blocks: Of the ground.
        draws: Of the blocks.
    """
    clipped = clip(one.landslides, ground)
    values = in_blocks(clipped, blocks)
    known = None
    if one.reference is not None:
        known = known_error(one.landslides, one.reference, ground, one.reference_ground, blocks)
    counts = _counts(clipped, float(values[TAL].sum()), float(blocks.ground_m2.sum()))
    row = {
        "name": one.name, "date": one.day.isoformat(), "used": one.used, "ground": name, **counts,
        **interval_columns(known, {TL: counts["TL"], TAL: counts["TAL_m2"]}, draws),
    }
    return OnGround(one, row, values, known)


def _counts(clipped: Clipped, union: float, ground_m2: float) -> dict[str, Any]:
    frame = clipped.frame
    n, total = int(frame["counted"].sum()), float(frame["area_inside_m2"].sum())
    return {
        "ground_km2": ground_m2 / 1e6, "TL": n, "TAL_m2": union, "sum_of_areas_m2": total,
        "counted_twice_m2": max(total - union, 0.0), "crossing": int(frame["crosses_border"].sum()),
        "outside": clipped.n_outside, "number_per_km2": n / (ground_m2 / 1e6), "area_density": union / ground_m2,
    }


def change_rows(found: Sequence[OnGround], blocks: Blocks, draws: Floats) -> list[dict[str, Any]]:
    """A row a measure for each two dates that follow each other, then for the first and the last."""
    pairs = list(pairwise(found))
    if len(found) > 2:
        pairs.append((found[0], found[-1]))
    return [_change(*pair, measure, blocks, draws) for pair in pairs for measure in MEASURES]


def _change(earlier: OnGround, later: OnGround, measure: str, blocks: Blocks, draws: Floats) -> dict[str, Any]:
    before, after = float(earlier.row[measure]), float(later.row[measure])
    years = (later.dated.day - earlier.dated.day).days / DAYS_A_YEAR
    difference = after - before
    reason = too_few(earlier.values[TL] + later.values[TL], blocks.ground_m2, "landslides at both dates together")
    found = fixed = error = None
    if not reason:
        found = change_interval(draws, blocks.ground_m2, earlier.values[measure], later.values[measure])
    if not reason and earlier.known is not None and later.known is not None:
        error = error_of_change(draws, earlier.known[measure], later.known[measure], float(blocks.ground_m2.sum()))
        if not earlier.row["interval_reason"] and not later.row["interval_reason"]:
            fixed = corrected_change_interval(draws, earlier.known[measure], before, later.known[measure], after)
    if not reason and (earlier.dated.is_map or later.dated.is_map) and error is None:
        reason = NO_REFERENCE if earlier.known is None or later.known is None else \
            "The reference covers too few blocks of ground."
    corrected = [side.row["TL_corrected" if measure == TL else "TAL_corrected_m2"] for side in (earlier, later)]
    low, high = found or (None, None)
    return {
        "from": earlier.dated.name, "to": later.dated.name, "measure": measure,
        "used": " and ".join(dict.fromkeys([earlier.dated.used, later.dated.used])),
        "earlier": before, "later": after, "difference": difference, "low": low, "high": high,
        "relative": difference / before if before else None,
        "years": years, "per_year": difference / years, "per_year_low": None if low is None else low / years,
        "per_year_high": None if high is None else high / years,
        "map_error": error,
        "corrected_difference": corrected[1] - corrected[0] if fixed else None,
        "corrected_low": fixed.low if fixed else None, "corrected_high": fixed.high if fixed else None,
        "verdict": verdict(difference, found, error, fixed) if found and not reason else NOT_ASSESSED,
        "reason": reason,
    }


def draws_of(blocks: Blocks, params: CompareYearsParams) -> Floats:
    """The same draws for everything on the same blocks."""
    return draw_blocks(len(blocks), params.seed, params.repetitions)


def findings(
    dates: Sequence[Dated], common: Mapping[str, Any], blocks: Blocks, changes: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """What an analyst should know about the numbers, a sentence each."""
    if common["share"] < _SMALL_SHARE:
        yield (f"Only {common['share']:.0%} of all ground that was observed at some date was observed at all of them; "
               f"{common['least']} shows the least.")
    if any(one.assumed for one in dates):
        yield "The whole area of interest counts as observed where no observed ground is given."
    yield (f"Intervals are drawn from {len(blocks)} blocks of ground, squares of {blocks.side_m:g} m: they tell how "
           "far a change hangs on a few places, not how well was drawn.")
    unstated = [one.name for one in dates if one.used == NOT_STATED]
    if unstated:
        yield f"{', '.join(unstated)}: not stated whether drawn or predicted (--used); taken for drawn."
    said: dict[str, None] = dict.fromkeys(
        f"{row['from']} to {row['to']}: {row['reason']}" for row in changes if row["reason"])
    yield from said
