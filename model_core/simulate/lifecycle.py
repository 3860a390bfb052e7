"""The life of simulated landslides through years: they fail, grow when they are reactivated, and grow over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .landslides import Body, place_bodies, source_ground
from .terrain import Terrain

# Areas follow A ** -EXPONENT between these bounds; slopes end before the largest do. About half is left, and the mean
# is that of the paper's inventories.
EXPONENT, SMALLEST_M2, LARGEST_M2 = 1.2, 700.0, 250_000.0
REACTIVATED = 0.12  # share of the landslides that grow in a year after the earthquake
HEALED_A_YEAR = 0.06  # of a landslide's width grows over from its edges
VISIBLE = 0.35  # freshness below which nobody maps a landslide any more


@dataclass(frozen=True)
class Landslide:
    """A landslide and its state.

    Attributes:
        body: Its largest extent.
        grown: How much of it has failed so far, from the crown.
        healed: How much of it has grown over, from its edges to its middle.
        fresh: 1 = bare rubble, 0 = as the forest beside it.
        born: Year in which it failed first.
    """

    body: Body
    grown: float
    born: int
    healed: float = 0.0
    fresh: float = 1.0

    @property
    def failed(self) -> np.ndarray:
        """(h, w) bool: what has failed so far, grown over or not."""
        return self.body.mask & (self.body.along <= self.grown)

    @property
    def bare(self) -> np.ndarray:
        """(h, w) bool: what is not grown over."""
        return self.failed & (self.body.rank > self.healed)


def live(
    terrain: Terrain, where: np.ndarray, years: Sequence[int], alive: Sequence[int], born: Sequence[int],
    rng: np.random.Generator,
) -> list[list[Landslide]]:
    """The landslides of each year.

    Args:
        terrain: The ground.
        where: (H, W) bool, ground on which they may start.
        years: Years of the images.
        alive: How many are visible in each.
        born: How many of them are new in each.
        rng: Source of all randomness.

    Returns:
        For each year the landslides in their state of that year.
    """
    free = source_ground(terrain) & where
    now: list[Landslide] = []
    history = []
    strongest = int(np.argmax(born[1:])) + 1 if len(born) > 1 else 0
    for i, year in enumerate(years):
        now = [_aged(slide, i > strongest, rng) for slide in _survivors(now, alive[i] - born[i], rng)]
        for body in place_bodies(terrain, _areas(born[i], rng), rng, free):
            # What is there at the beginning is old already.
            age = rng.integers(0, 4) if i == 0 else 0
            grown = rng.uniform(0.6, 1.0)
            now.append(Landslide(body, grown, year - int(age), HEALED_A_YEAR * age, 0.93**age))
        history.append(list(now))
    return history


def _areas(n: int, rng: np.random.Generator) -> np.ndarray:
    power = 1 - EXPONENT
    low, high = SMALLEST_M2**power, LARGEST_M2**power
    return np.sort((low + rng.random(n) * (high - low)) ** (1 / power))[::-1]


def _survivors(slides: Sequence[Landslide], n: int, rng: np.random.Generator) -> list[Landslide]:
    """Small ones grow over first."""
    lasting = [np.log(slide.bare.sum() + 1) + rng.normal(0, 0.8) for slide in slides]
    kept = sorted(np.argsort(lasting)[::-1][: max(n, 0)])
    return [slides[k] for k in kept]


def _aged(slide: Landslide, may_grow: bool, rng: np.random.Generator) -> Landslide:
    """A year later."""
    if may_grow and rng.random() < REACTIVATED:
        return Landslide(slide.body, min(1.0, slide.grown + rng.uniform(0.1, 0.4)), slide.born)
    healed = min(slide.healed + HEALED_A_YEAR * rng.uniform(0.3, 1.5), 0.6)
    return Landslide(slide.body, slide.grown, slide.born, healed, max(slide.fresh * rng.uniform(0.88, 0.99), VISIBLE))
