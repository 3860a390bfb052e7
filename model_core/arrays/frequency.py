"""Frequency densities of landslide areas in bins, for figures, and the magnitude of an event that is read from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

PER_DECADE = 5

# Tanyas, Allstadt and van Westen 2018 (Earth Surf. Process. Landforms 43:1836) and their script (USGS landslides-mLS,
# public domain): a point on the Northridge inventory of 11,111 landslides, whose mLS is log10(11,111) by definition.
_NORTHRIDGE_M2, _NORTHRIDGE_DENSITY, _NORTHRIDGE_COUNT = 48765.99623713225, 8.364725347860417e-4, 11111
_FIRST_EDGE_M2, _EDGE_RATIO, _N_EDGES = 2.0, 1.2, 120


def log_bins(areas_m2: Values) -> tuple[Values, Values]:
    """Probability density by area, for display only; fits never see it.

    Args:
        areas_m2: (n,) above 0.

    Returns:
        (k,) geometric centres in m² of the bins that hold something, and (k,) densities in 1/m². The bins are evenly
        wide in the logarithm, `PER_DECADE` to a decade, and begin at the smallest area: a bin that reached below it
        would look like a rollover.
    """
    if areas_m2.size == 0:
        return np.zeros(0), np.zeros(0)
    smallest = areas_m2.min()
    bins = np.floor(np.log10(areas_m2 / smallest) * PER_DECADE).astype(int)
    counts = np.bincount(bins)
    edges = smallest * 10 ** (np.arange(len(counts) + 1) / PER_DECADE)
    some = counts > 0
    return np.sqrt(edges[1:] * edges[:-1])[some], (counts / np.diff(edges) / areas_m2.size)[some]


def magnitude_mls(areas_m2: Values, xmin_m2: float, alpha: float) -> float | None:
    """Landslide-event magnitude mLS by Tanyas et al. 2018, from the level of the power-law tail.

    The published script divides the count of a bin by the width of the bin below it, here too: the constants of its
    reference inventory were made the same way, and magnitudes must stay comparable with the published ones.

    Args:
        areas_m2: (n,) of all landslides of the event.
        xmin_m2, alpha: The fitted tail (cutoff and beta of the publication).

    Returns:
        The magnitude; None where no landslide lies in the bin at xmin.
    """
    edges = _FIRST_EDGE_M2 * _EDGE_RATIO ** np.arange(_N_EDGES)
    at = int(np.abs(edges - xmin_m2).argmin())
    count = int(((areas_m2 >= edges[at]) & (areas_m2 < edges[at] * _EDGE_RATIO)).sum())
    if count == 0:
        return None
    width = edges[at] - edges[at] / _EDGE_RATIO if at else _FIRST_EDGE_M2
    level = np.log10(count / width) + alpha * np.log10(xmin_m2)
    reference = np.log10(_NORTHRIDGE_DENSITY / _NORTHRIDGE_COUNT) + alpha * np.log10(_NORTHRIDGE_M2)
    return float(level - reference)
