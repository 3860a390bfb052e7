"""Totals of two dates on the same ground: how sure is their difference, and is it more than a map's own error?

The unit is a block of ground. What was found in it at each date is a column, and blocks are drawn again with
replacement for all columns at once: what stays in its place at both dates is drawn for both and cancels. An interval
says how far a number hangs on a few places. It is that of other ground of the same kind, so a total that was counted
everywhere has one too; it does not tell how well was drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from .confusion import FEWEST_UNITS, Interval

Floats = NDArray[np.float64]
FEWEST_LANDSLIDES = 10
FEWEST_BLOCKS = FEWEST_UNITS
LEVEL = 0.95
MORE, LESS, UNCLEAR, WITHIN_ERROR = "more", "less", "no clear change", "inside the map's error"


class Known(NamedTuple):
    """What is known of a map's error: the same quantity mapped and drawn, where both are known.

    Attributes:
        ground: (n,) ground of each block on which both are known; 0 where they are not.
        mapped, drawn: (n,) the quantity in each block, on that ground.
    """

    ground: Floats
    mapped: Floats
    drawn: Floats


def draw_blocks(n: int, seed: int, repeats: int = 2000) -> Floats:
    """(repeats, n) how often each of `n` blocks is drawn, `n` times with replacement. The same seed draws alike."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=repeats).astype(np.float64)


def interval(values: Floats, n_blocks: int) -> Interval | None:
    """95 % interval of drawn values (repeats,): percentiles, set wider for few blocks.

    Plain percentiles are too narrow by the factor between n and n - 1 and between the normal and Student's
    distribution. The expanded percentiles of Hesterberg 2015 (The American Statistician 69:371) make up for that.

    Returns:
        None with fewer than five blocks, or where a twentieth of the values or more is undefined (NaN).
    """
    defined = values[np.isfinite(values)]
    if n_blocks < FEWEST_BLOCKS or len(defined) <= LEVEL * len(values):
        return None
    tail = float(ndtr(np.sqrt(n_blocks / (n_blocks - 1)) * stdtrit(n_blocks - 1, (1 - LEVEL) / 2)))
    low, high = np.percentile(defined, (100 * tail, 100 * (1 - tail)))
    return Interval(float(low), float(high))


def change_interval(draws: Floats, ground: Floats, earlier: Floats, later: Floats) -> Interval | None:
    """Interval of the difference of two totals, later - earlier.

    Draws are brought to the whole ground by the ground in them, because blocks are not equally large.

    Args:
        draws: (repeats, n) of `draw_blocks`.
        ground: (n,) of each block.
        earlier, later: (n,) the quantity in each block at each date.
    """
    return interval(_on_all(draws, ground, later - earlier, float(ground.sum())), len(ground))


def corrected(known: Known, total: float) -> float | None:
    """A mapped total times drawn / mapped, both summed where both are known; None where nothing was mapped there."""
    mapped = float(known.mapped.sum())
    return total * float(known.drawn.sum()) / mapped if mapped else None


def corrected_interval(draws: Floats, known: Known, total: float) -> Interval | None:
    """Interval of `corrected`: the ratio is that of the drawn blocks (the ratio estimator, by its bootstrap).

    Where much of the ground is known the interval is too wide rather than too narrow, because what is known there
    needs no correction.
    """
    return interval(total * _ratio(draws, known), _n_known(known))


def corrected_change_interval(
    draws: Floats, earlier: Known, earlier_total: float, later: Known, later_total: float
) -> Interval | None:
    """Interval of the difference of two corrected totals; both ratios are those of the same drawn blocks."""
    values = later_total * _ratio(draws, later) - earlier_total * _ratio(draws, earlier)
    return interval(values, min(_n_known(earlier), _n_known(later)))


def error_of_change(draws: Floats, earlier: Known, later: Known, ground: float) -> float | None:
    """How large a mapped change may be although nothing has changed.

    In each block in which both dates are known, the error of the mapped change is
    (later mapped - earlier mapped) - (later drawn - earlier drawn): what the map errs by in the same way at both dates
    cancels, as it does in the mapped change. The 95 % interval of its total is taken over drawn blocks, brought to
    the whole ground. The larger of the distances of its two ends from zero is the answer: the interval is widened to
    lie around zero, because a map that errs to one side here may err to the other elsewhere, and a bias that is known
    is no more a change of the ground than one that is not.

    Returns:
        In the unit of the quantity; None where it cannot be told (see `interval`).
    """
    both = (earlier.ground > 0) & (later.ground > 0)
    error = np.where(both, (later.mapped - earlier.mapped) - (later.drawn - earlier.drawn), 0.0)
    shared = np.where(both, np.minimum(earlier.ground, later.ground), 0.0)
    found = interval(_on_all(draws, shared, error, ground), int(both.sum()))
    return None if found is None else max(abs(found.low), abs(found.high))


def verdict(
    difference: float, found: Interval, map_error: float | None = None, fixed: Interval | None = None
) -> str:
    """A change in a word: MORE, LESS, UNCLEAR (its interval holds zero) or WITHIN_ERROR.

    A map that misses half of all landslides errs by half of every change, so that its error alone would hide a
    disaster. Where the change can be corrected by what was drawn, the corrected one decides.

    Args:
        difference: Later - earlier.
        found: Its interval.
        map_error: Of `error_of_change`; None for what was drawn.
        fixed: Of `corrected_change_interval`.
    """
    if fixed is not None and (fixed.low > 0 or fixed.high < 0):
        return MORE if fixed.low > 0 else LESS
    if difference and map_error is not None and abs(difference) <= map_error:
        return WITHIN_ERROR
    return MORE if found.low > 0 else LESS if found.high < 0 else UNCLEAR


def _on_all(draws: Floats, ground: Floats, quantity: Floats, whole: float) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        values: Floats = whole * (draws @ quantity) / (draws @ ground)
    return values


def _ratio(draws: Floats, known: Known) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        values: Floats = (draws @ known.drawn) / (draws @ known.mapped)
    return values


def _n_known(known: Known) -> int:
    return int((known.ground > 0).sum())
