"""All landslide sizes as an inverse gamma distribution (Malamud et al. 2004, Earth Surf. Process. Landforms 29:687).

p(A) = 1 / (a Γ(rho)) * (a / (A - s))**(rho + 1) * exp(-a / (A - s)); its peak, the rollover, lies at a / (rho + 1) + s.
Areas below the smallest mapped ones are not rare but unknown, so the likelihood is truncated there: without that, any
minimum area makes a rollover of its own. The smallest hundredth is left out: a single sliver does not tell down to what
size everything was mapped, but would look like the far side of a rollover.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import gammainc, gammaln
from scipy.stats import chi2

Values = NDArray[np.float64]

MIN_AREAS = 30
LEFT_OUT = 0.01  # of the areas, the smallest ones
# A rollover is told from this p-value down.
SIGNIFICANT = 0.05

# The search runs in units of the median area. rho, then u = from - s, then v = a / u, all as logarithms; at the lower
# bound of v there is no rollover left, and what remains is a power law of A - s.
_BOUNDS = ((-3.0, 4.0), (-6.0, 6.0), (-7.0, 6.0))
_STARTS = ((0.3, 0.0, 0.0), (0.3, -1.0, 1.5), (0.3, 1.0, -2.0), (1.5, 1.0, 1.0))
_REACH = 1e3  # limits of the rollover's interval are looked for up to this factor


@dataclass(frozen=True)
class InverseGamma:
    """A fit to all areas but the smallest hundredth.

    Attributes:
        rho: The tail falls as A**-(rho + 1).
        a_m2, s_m2: Scale and shift.
        from_m2: Smallest of the fitted areas; the distribution is truncated there.
        n_fitted: Areas from it on.
        n: All areas.
        rollover_m2: Peak of the density; None where none can be told from the truncation.
        rollover_low_m2, rollover_high_m2: Its 95 % interval by profile likelihood; None beside a rollover where the
            interval is open to that side.
        p_no_rollover: How probable the gain in likelihood over a distribution without a rollover would be by chance.
    """

    rho: float
    a_m2: float
    s_m2: float
    from_m2: float
    n_fitted: int
    n: int
    rollover_m2: float | None
    rollover_low_m2: float | None
    rollover_high_m2: float | None
    p_no_rollover: float

    def density(self, areas_m2: Values) -> Values:
        """Probability density in 1/m² of all areas, of which the fitted ones are a share; from `from_m2` on."""
        parameters = self.rho, self.from_m2 - self.s_m2, self.a_m2 / (self.from_m2 - self.s_m2)
        density: Values = self.n_fitted / self.n * np.exp(_log_density(areas_m2, self.from_m2, *parameters))
        return density


def fit_inverse_gamma(areas_m2: Values) -> InverseGamma | None:
    """Fits the three parameters by maximum likelihood, and tests whether there is a rollover at all.

    Args:
        areas_m2: (n,) above 0.

    Returns:
        The fit; None for fewer than `MIN_AREAS` areas, or if they are all the same.
    """
    fitted = np.sort(areas_m2)[int(LEFT_OUT * len(areas_m2)):]
    if len(areas_m2) < MIN_AREAS or np.ptp(fitted) == 0:
        return None
    unit = float(np.median(fitted))
    areas = fitted / unit
    start = float(areas[0])

    def loss(logs: Values) -> float:
        return -float(_log_density(areas, start, *np.exp(logs)).sum())

    found = min((_minimised(loss, first, _BOUNDS) for first in _STARTS), key=lambda result: result[0])
    no_rollover = min(_minimised(lambda logs: loss(np.append(logs, _BOUNDS[2][0])), first[:2], _BOUNDS[:2])[0]
                      for first in _STARTS)
    rho, u, v = np.exp(found[1])
    a, s = u * v, start - u
    # The parameter lies at the end of its range where there is no rollover, hence half of the tail.
    p_value = 0.5 * float(chi2.sf(2 * max(no_rollover - found[0], 0.0), 1))
    peak = a / (rho + 1) + s
    told = p_value <= SIGNIFICANT and peak > start
    low, high = _interval(areas, start, found[0], (rho, u), peak) if told else (None, None)
    return InverseGamma(
        float(rho), float(a * unit), float(s * unit), float(fitted[0]), len(fitted), len(areas_m2),
        float(peak * unit) if told else None, None if low is None else low * unit,
        None if high is None else high * unit, p_value,
    )


def _log_density(areas: Values, start: float, rho: float, u: float, v: float) -> Values:
    """Logarithm of the truncated density, with u = start - s and v = a / u."""
    relative = (areas - start) / u + 1
    kept = gammainc(rho, v)  # share of the whole distribution that lies from `start` on
    if not kept > 0:
        return np.full(np.shape(areas), -np.inf)
    log_density: Values = (rho * np.log(v) - np.log(u) - gammaln(rho) - (rho + 1) * np.log(relative) - v / relative
                           - np.log(kept))
    return log_density


def _interval(
    areas: Values, start: float, best: float, rho_u: tuple[float, float], peak: float
) -> tuple[float | None, float | None]:
    """Rollovers between which the likelihood, maximised over the rest, is not significantly worse."""
    allowed = best + chi2.ppf(0.95, 1) / 2
    first = np.log([rho_u[0], max(rho_u[1] - max(start - peak, 0.0), 1e-3)])

    def excess(log_peak: float) -> float:
        top = np.exp(log_peak)

        def loss(logs: Values) -> float:
            rho, u = np.exp(logs[0]), np.exp(logs[1])
            v = (top - start + u) * (rho + 1) / u
            return -float(_log_density(areas, start, rho, u, v).sum()) if v > 0 else np.inf

        return float(_minimised(loss, first, _BOUNDS[:2])[0] - allowed)

    at, (lowest, highest) = np.log(peak), np.log([start, peak * _REACH])
    low = brentq(excess, lowest, at, xtol=1e-4) if excess(lowest) > 0 else None
    high = brentq(excess, at, highest, xtol=1e-4) if excess(highest) > 0 else None
    return None if low is None else float(np.exp(low)), None if high is None else float(np.exp(high))


def _minimised(
    loss: Callable[[Values], float], first: Values | tuple[float, ...], bounds: tuple[tuple[float, float], ...]
) -> tuple[float, Values]:
    """Smallest loss and where it is. The simplex needs no slopes, which the truncation makes unwieldy."""
    found = minimize(loss, np.asarray(first), method="Nelder-Mead", bounds=bounds,
                     options={"xatol": 1e-5, "fatol": 1e-7, "maxiter": 4000, "maxfev": 4000})
    return float(found.fun), found.x
