"""Accuracy of a map and area of its landslides from a stratified random sample of checked pixels.

The strata need not be the classes of the map: Stehman 2014 (International Journal of Remote Sensing 35:4923). Where
they are, these are the estimators of Olofsson et al. 2014 (Remote Sensing of Environment 148:42).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Half width of a 95 % interval in standard errors.
Z_95 = 1.959964


class Estimate(NamedTuple):
    """A share with its error of sampling.

    Attributes:
        value: The estimate, 0 to 1.
        error: Its standard error.
        low, high: The 95 % interval, cut off at 0 and 1.
    """

    value: float
    error: float
    low: float
    high: float


class MapEstimates(NamedTuple):
    """What a sample says about a map of two classes; None where it holds no point to say it from.

    Attributes:
        users: Share of the mapped landslide that is landslide (precision).
        producers: Share of the landslide that is mapped (recall).
        overall: Share of the ground that is mapped rightly.
        landslide: Share of the ground that is landslide.
    """

    users: Estimate | None
    producers: Estimate | None
    overall: Estimate | None
    landslide: Estimate | None


def map_estimates(
    mapped: NDArray[np.bool_], found: NDArray[np.bool_], stratum: NDArray[np.int64], sizes_px: NDArray[np.int64]
) -> MapEstimates:
    """Accuracy and share of landslide, all by `stratified_ratio`, whose conditions hold here too.

    Args:
        mapped: (n,) the map says landslide.
        found: (n,) the analyst says landslide.
        stratum: (n,) number of each point's stratum.
        sizes_px: (s,) pixels of each stratum.
    """
    def ratio(numerator: NDArray[np.bool_], denominator: NDArray[np.bool_]) -> Estimate | None:
        return stratified_ratio(numerator.astype(float), denominator.astype(float), stratum, sizes_px)

    everywhere = np.ones(len(stratum), dtype=bool)
    return MapEstimates(
        users=ratio(mapped & found, mapped),
        producers=ratio(mapped & found, found),
        overall=ratio(mapped == found, everywhere),
        landslide=ratio(found, everywhere),
    )


def stratified_ratio(
    numerator: NDArray[np.float64],
    denominator: NDArray[np.float64],
    stratum: NDArray[np.int64],
    sizes_px: NDArray[np.int64],
) -> Estimate | None:
    """Ratio of two totals over all ground: Stehman 2014; with a denominator of 1 it is a mean.

    The points of a stratum are drawn without replacement, so a stratum that was looked at pixel by pixel has no error.
    The interval is the usual one of a normal distribution. It is too narrow where the sample met hardly any error:
    a stratum whose points are all alike adds nothing to it (see `unseen_share`).

    Args:
        numerator, denominator: (n,) values at the points.
        stratum: (n,) number of each point's stratum; each has two points, or all its pixels (see `points_missing`).
        sizes_px: (s,) pixels of each stratum, at least 1.

    Returns:
        The ratio, or None if the denominator is 0 at every point.
    """
    n = np.bincount(stratum, minlength=len(sizes_px))
    weight = (sizes_px / n)[stratum]
    total = float((weight * denominator).sum())
    if total == 0:
        return None
    ratio = float((weight * numerator).sum()) / total
    residual = numerator - ratio * denominator
    mean = np.bincount(stratum, residual, minlength=len(sizes_px)) / n
    scatter = np.bincount(stratum, (residual - mean[stratum]) ** 2, minlength=len(sizes_px)) / np.maximum(n - 1, 1)
    variance = float((sizes_px.astype(float) ** 2 * (1 - n / sizes_px) * scatter / n).sum()) / total**2
    error = float(np.sqrt(variance))
    return Estimate(ratio, error, max(ratio - Z_95 * error, 0.0), min(ratio + Z_95 * error, 1.0))


def points_missing(stratum: NDArray[np.int64], sizes_px: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many more points each stratum (s,) needs before anything can be estimated: two, or all its pixels."""
    n = np.bincount(stratum, minlength=len(sizes_px))
    missing: NDArray[np.int64] = np.maximum(np.minimum(sizes_px, 2) - n, 0)
    return missing


def unseen_share(n: int) -> float:
    """Largest share that `n` random points all miss with a chance of 5 %: exact binomial, about 3 / n."""
    return float(1 - 0.05 ** (1 / n))
