"""How the density changes from one date to another, on the ground that both show."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from ....arrays.density import FieldSummary
from ....arrays.windows import Window
from ....contract.events import Report
from ....contract.params.density import DensityParams
from .layers import DensityLayer
from .maps import DensityMap


class Change:
    """Later minus earlier density of two dates on one grid.

    Where the dates show different ground both are computed anew on the ground that they share: a landslide beside it
    would count at one date only, and raise or lower the change on the ground around it.

    Args:
        earlier, later: The dates, their edges corrected if they are to be.
        params: Whether edges are corrected.
        report: Asked whether to stop.

    Attributes:
        earlier, later: The dates on the common ground.
        n_beside: Landslides of the earlier and of the later date that lie beside it and do not count.
        before, after, change: What the fields hold there.
    """

    def __init__(self, earlier: DensityMap, later: DensityMap, params: DensityParams, report: Report) -> None:
        self.earlier, self.later = earlier, later
        self._differ = not _same_ground(earlier.layer, later.layer)
        if self._differ:
            self.earlier, self.later = earlier.on_ground_of(later), later.on_ground_of(earlier)
            for one in (self.earlier, self.later) if params.edge_correction else ():
                one.correct_edges(report)
        self.n_beside = (len(earlier.points_px) - len(self.earlier.points_px),
                         len(later.points_px) - len(self.later.points_px))
        self.before, self.after, self.change = FieldSummary(), FieldSummary(), FieldSummary()

    def values(self, window: Window, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """(h, w) change; NaN on ground that one of the dates does not show.

        Args:
            window: Part of the grid.
            earlier, later: What the maps that were given say there.
        """
        if self._differ:
            hidden = np.isnan(earlier) | np.isnan(later)
            earlier, later = (np.where(hidden, np.nan, one.spread(window)) for one in (self.earlier, self.later))
        change: np.ndarray = later - earlier
        for summary, field in ((self.before, earlier), (self.after, later), (self.change, change)):
            summary.add(field, window)
        return change


def _same_ground(a: DensityLayer, b: DensityLayer) -> bool:
    return _same(a.observed, b.observed) and _same(a.unusable, b.unusable)


def _same(a: gpd.GeoDataFrame | None, b: gpd.GeoDataFrame | None) -> bool:
    """Whether two layers hold the same polygons, whichever vertex they begin with."""
    if a is b:
        return True
    if a is None or b is None or len(a) != len(b):
        return False
    one, other = (shapely.normalize(np.asarray(frame.geometry, dtype=object)) for frame in (a, b))
    return bool(shapely.equals_exact(one, other).all())
