"""Numbers and areas of landslides by block of ground, and how far those of a map err."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np

from ...arrays.paired import FEWEST_BLOCKS, FEWEST_LANDSLIDES, Floats, Known, corrected, corrected_interval
from ...contract.params.layers import INVENTORY, NOT_STATED, PREDICTED
from ...geo.blocks import Blocks
from ...geo.clipping import Clipped, clip, ground_of
from ...geo.points import positions
from .size_fits import NOT_ASSESSED

ASSESSED = "95 %, corrected by the reference"
NO_REFERENCE = "No reference tells the error."
TL, TAL = "TL", "TAL_m2"
MEASURES = (TL, TAL)
_SLIVER_M2 = 1.0
# Columns of layers that we wrote ourselves.
_WRITTEN_BY_US = {INVENTORY: {"origin", "reviewed"}, PREDICTED: {"prob_mean", "model_id"}}


def used_word(said: str | None, frame: gpd.GeoDataFrame) -> str:
    """What a layer is: what was said of it, else what its columns give away, else NOT_STATED."""
    told = (word for word, columns in _WRITTEN_BY_US.items() if columns <= set(frame.columns))
    return said or next(told, NOT_STATED)


def in_blocks(clipped: Clipped, blocks: Blocks) -> dict[str, Floats]:
    """Number and area in each block by name of the measure; polygons and blocks in one CRS.

    A landslide counts in the block of a point on its surface; its area is divided exactly, so that ground that slid at
    two dates lies in the same block at both.
    """
    counted = clipped.frame[clipped.frame["counted"]]
    return {TL: blocks.counts(positions(counted, inside=True)), TAL: blocks.areas_m2(clipped.inside)}


def known_error(
    landslides: gpd.GeoDataFrame, reference: gpd.GeoDataFrame, ground: gpd.GeoDataFrame,
    reference_ground: gpd.GeoDataFrame | None, blocks: Blocks,
) -> dict[str, Known]:
    """What was mapped and what was drawn in each block, by name of the measure; all in the CRS of the blocks.

    Args:
        landslides: Mapped, with `source_row`.
        reference: Drawn, with `source_row`.
        ground: Where the map was observed.
        reference_ground: Where the reference was searched completely; None: everywhere on `ground`.
        blocks: Of the ground.
    """
    known, ground_m2 = ground, blocks.ground_m2
    if reference_ground is not None:
        known = ground_of([ground, reference_ground], [])
        ground_m2 = blocks.areas_m2(np.asarray(known.geometry, dtype=object))
        ground_m2 = np.where(ground_m2 > _SLIVER_M2, ground_m2, 0.0)
    mapped, drawn = (in_blocks(clip(frame, known), blocks) for frame in (landslides, reference))
    return {measure: Known(ground_m2, mapped[measure], drawn[measure]) for measure in MEASURES}


def interval_columns(
    known: Mapping[str, Known] | None, totals: Mapping[str, float], draws: Floats | None, why_not: str = NO_REFERENCE
) -> dict[str, Any]:
    """The columns that tell how sure number and total area are: corrected by the reference, with 95 % interval.

    Args:
        known: By measure, what the reference tells; None: nothing.
        totals: By measure, what was mapped on all the ground.
        draws: Of the blocks.
        why_not: Why nothing is known.
    """
    reason = why_not if known is None else _why_not(known[TL])
    row: dict[str, Any] = {}
    for measure, stem, unit in ((TL, "TL", ""), (TAL, "TAL", "_m2")):
        value = found = None
        if known is not None and draws is not None and not reason:
            value = corrected(known[measure], totals[measure])
            found = corrected_interval(draws, known[measure], totals[measure])
        sure = found is not None
        row |= {f"{stem}_corrected{unit}": value if sure else None, f"{stem}_low{unit}": found.low if found else None,
                f"{stem}_high{unit}": found.high if found else None,
                f"{stem}_interval": ASSESSED if sure else NOT_ASSESSED}
        if not sure and not reason:
            reason = "The mapped landslides lie in too few blocks of ground."
    return {**row, "interval_reason": reason}


def shown_interval(row: Mapping[str, Any], stem: str, unit: str = "") -> str:
    """An interval of `interval_columns` in words."""
    low, high = row[f"{stem}_low{unit}"], row[f"{stem}_high{unit}"]
    return NOT_ASSESSED if low is None else f"{low:,.0f} to {high:,.0f}"


def too_few(number: Floats, ground: Floats, what: str) -> str:
    """Why no interval can be drawn from blocks, as a sentence; empty where it can.

    Args:
        number: (n,) landslides in each block.
        ground: (n,) ground in each block.
        what: The landslides, in words.
    """
    n_blocks, n, held = int((ground > 0).sum()), int(number.sum()), int((number > 0).sum())
    if n_blocks < FEWEST_BLOCKS:
        return f"Only {n_blocks} blocks of ground; {FEWEST_BLOCKS} are needed."
    if n < FEWEST_LANDSLIDES:
        return f"Only {n} {what}; {FEWEST_LANDSLIDES} are needed."
    if held < FEWEST_BLOCKS:
        return f"The {what} lie in {held} blocks of ground; {FEWEST_BLOCKS} are needed."
    return ""


def _why_not(known: Known) -> str:
    return too_few(known.mapped, known.ground, "mapped landslides with a reference")
