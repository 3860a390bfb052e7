"""The tail of landslide sizes as a power law, by maximum likelihood (Clauset, Shalizi and Newman 2009, SIAM Rev. 51).

Above `xmin` the density of areas is (alpha - 1) / xmin * (A / xmin)**-alpha. Nothing is binned: slopes that are fitted
to binned densities are biased.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# With fewer landslides in the tail the exponent says next to nothing, whatever its standard error.
MIN_TAIL = 30
# Below it the areas are so unlike a power law that chance is a poor excuse (Clauset et al., section 4.2).
RULED_OUT = 0.1
# The bootstrap tries at most this many places for xmin, evenly by rank, in the data as in the samples.
_PLACES = 100


@dataclass(frozen=True)
class PowerLaw:
    """A fitted tail.

    Attributes:
        alpha: Exponent of the density.
        alpha_se: Its standard error for this xmin; that xmin itself was chosen is not in it.
        xmin_m2: Smallest area of the tail.
        n_tail: Areas from xmin on.
        n: All areas.
        ks: Largest distance between the cumulative distributions of tail and fit.
    """

    alpha: float
    alpha_se: float
    xmin_m2: float
    n_tail: int
    n: int
    ks: float

    def density(self, areas_m2: Values) -> Values:
        """Probability density in 1/m² of all areas, of which the tail is a share; for areas from xmin on."""
        relative = (areas_m2 / self.xmin_m2) ** -self.alpha
        density: Values = self.n_tail / self.n * (self.alpha - 1) / self.xmin_m2 * relative
        return density


def fit_power_law(areas_m2: Values) -> PowerLaw | None:
    """Fits the exponent for every possible xmin and keeps the xmin with the smallest distance `ks`.

    Args:
        areas_m2: (n,) above 0.

    Returns:
        The fit, however few areas the tail has (see `MIN_TAIL`); None for fewer than two different areas.
    """
    areas = np.sort(areas_m2)
    logs = np.log(areas)
    starts = _starts(logs)
    if starts.size == 0:
        return None
    exponents, distances = _scan(logs, starts)
    best = int(distances.argmin())
    start, alpha = int(starts[best]), float(exponents[best])
    n_tail = len(areas) - start
    return PowerLaw(alpha, (alpha - 1) / n_tail**0.5, float(areas[start]), n_tail, len(areas), float(distances[best]))


def bootstrap_distances(areas_m2: Values, fit: PowerLaw, repetitions: int, seed: int) -> Iterator[tuple[float, float]]:
    """Distances of samples whose tails truly are the fitted power law, each fitted anew, its xmin too.

    The share of them that are at least as large as the data's is the p-value of the power law.

    Args:
        areas_m2: (n,) the fitted areas; areas below xmin are drawn from them.
        fit: What was fitted.
        repetitions: Number of samples.
        seed: Of the random numbers.

    Yields:
        (distance of a sample, distance of the data), both from the same number of places for xmin.
    """
    rng = np.random.default_rng(seed)
    areas = np.sort(areas_m2)
    body = areas[areas < fit.xmin_m2]
    observed = _smallest_distance(np.log(areas))
    for _ in range(repetitions):
        n_tail = int(rng.binomial(fit.n, fit.n_tail / fit.n)) if body.size else fit.n
        tail = fit.xmin_m2 * (1 - rng.random(n_tail)) ** (-1 / (fit.alpha - 1))
        sample = np.concatenate([rng.choice(body, fit.n - n_tail) if n_tail < fit.n else body[:0], tail])
        yield _smallest_distance(np.log(np.sort(sample))), observed


def _smallest_distance(logs: Values) -> float:
    starts = _starts(logs)
    if starts.size == 0:
        return 1.0
    if starts.size > _PLACES:
        starts = starts[np.linspace(0, starts.size - 1, _PLACES).round().astype(int)]
    return float(_scan(logs, starts)[1].min())


def _starts(logs: Values) -> NDArray[np.int64]:
    """Where in the sorted logarithms a tail of at least two different areas can begin."""
    return np.unique(logs, return_index=True)[1][:-1].astype(np.int64)


def _scan(logs: Values, starts: NDArray[np.int64]) -> tuple[Values, Values]:
    """Exponent and distance for each start of the tail in sorted logarithms."""
    sizes = len(logs) - starts
    # Sums of logs - logs[start] from the steps between neighbours, which unlike a difference of sums stay above 0.
    sums = np.cumsum((np.diff(logs) * np.arange(len(logs) - 1, 0, -1))[::-1])[::-1][starts]
    slopes = sizes / sums
    distances = np.empty(len(starts))
    for k, (start, size, slope) in enumerate(zip(starts, sizes, slopes, strict=True)):
        beyond = -np.expm1(-slope * (logs[start:] - logs[start])) - np.arange(size) / size
        distances[k] = max(beyond.max(), 1 / size - beyond.min())  # both sides of each step
    return 1 + slopes, distances
