"""Where the points of a check lie: zones around the mapped landslides, strata made of them, points per stratum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .codes import BACKGROUND, IGNORE, LANDSLIDE

# Zones: a stratum may hold both classes of the map, a zone holds one.
REST: Final = 0
INSIDE: Final = 1
EDGE_INSIDE: Final = 2
EDGE_OUTSIDE: Final = 3
EARLIER: Final = 4
MAPPED_ZONES: Final = (INSIDE, EDGE_INSIDE)

STRATA: Final[Mapping[str, tuple[int, ...]]] = {
    "landslide": (INSIDE,),
    "edge": (EDGE_INSIDE, EDGE_OUTSIDE),
    "earlier": (EARLIER,),
    "rest": (REST,),
}
STRATUM_OF_ZONE: Final = {zone: number for number, members in enumerate(STRATA.values()) for zone in members}


def zones(codes: NDArray[np.uint8], earlier: NDArray[np.bool_], edge_px: int) -> NDArray[np.uint8]:
    """The zone of every pixel; an edge is where the map changes its mind, not where it ends.

    Args:
        codes: (H, W) label codes of what the map says; the outer `edge_px` pixels see only half of their surroundings.
        earlier: (H, W) ground of earlier landslides.
        edge_px: The edge reaches this far to both sides.

    Returns:
        (H, W) uint8 zones, IGNORE where the map says nothing.
    """
    landslide, background = codes == LANDSLIDE, codes == BACKGROUND
    result = np.full(codes.shape, IGNORE, np.uint8)
    result[background] = REST
    result[background & earlier] = EARLIER
    result[landslide] = INSIDE
    result[landslide & _near(background, edge_px)] = EDGE_INSIDE
    result[background & _near(landslide, edge_px)] = EDGE_OUTSIDE
    return result


def allocate(
    sizes_px: NDArray[np.int64], n_points: int, n_min: int, wanted: Mapping[int, int] | None = None
) -> NDArray[np.int64]:
    """Points per stratum: in proportion to its size, yet never below a minimum, so that rare strata are not missed.

    As Olofsson et al. 2014 (Remote Sensing of Environment 148:42) advise, with 50 to 100 points for a rare stratum.

    Args:
        sizes_px: (s,) pixels of each stratum.
        n_points: Points altogether; more where the minimum asks for it.
        n_min: Least points of a stratum.
        wanted: Points of some strata, by number, which overrule the rule.

    Returns:
        (s,) int64; no stratum gets more points than it has pixels.
    """
    least = np.minimum(n_min, sizes_px)
    fixed = sizes_px == 0
    points = np.zeros(len(sizes_px), dtype=np.int64)
    for number, count in (wanted or {}).items():
        fixed[number], points[number] = True, count
    while not fixed.all():
        free = ~fixed
        share = max(n_points - points[fixed].sum(), 0) * sizes_px[free] / sizes_px[free].sum()
        points[free] = np.round(share)
        short = free & (points < least)
        if not short.any():
            break
        points[short] = least[short]
        fixed |= short
    return np.minimum(points, sizes_px)


def stratum_sizes(zone_px: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels of each stratum (s,), from those of each zone."""
    return np.array([sum(int(zone_px[zone]) for zone in members) for members in STRATA.values()], dtype=np.int64)


def _near(mask: NDArray[np.bool_], distance_px: int) -> NDArray[np.bool_]:
    """Which pixels have one of the mask within a distance, centre to centre."""
    if not mask.any():
        return np.zeros(mask.shape, dtype=bool)
    near: NDArray[np.bool_] = ndimage.distance_transform_edt(~mask) <= distance_px
    return near
