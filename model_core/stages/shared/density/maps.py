"""Densities window by window, on the observed ground of each date."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Self

import geopandas as gpd
import numpy as np

from ....arrays.density import density, observed_mass, reaching
from ....arrays.windows import Window, tiles
from ....contract.events import Report
from ....geo.grid import Grid
from ....geo.points import within
from ..judging.reference import BurnedLayer
from .layers import DensityLayer

BLOCK_PX = 1024


class DensityMap:
    """The density of one date on a grid.

    Args:
        layer: The date.
        area: Outside it the map shows nothing; None: it shows all observed ground.
        grid: Of the map.

    Attributes:
        points_px: (n, 2) row and column of each landslide.
        n_lost: Landslides without any observed pixel in reach: the edge correction leaves them out.
    """

    def __init__(self, layer: DensityLayer, area: gpd.GeoDataFrame | None, grid: Grid) -> None:
        self.layer = layer
        self.grid = grid
        self.points_px = np.column_stack([grid.transform.f - layer.points[:, 1],
                                          layer.points[:, 0] - grid.transform.c]) / grid.pixel_size_m
        self.n_lost = 0
        self._radius_px = 1.0 if layer.radius_m is None else layer.radius_m / grid.pixel_size_m
        self._weights = layer.weights
        self._area, self._observed, self._unusable = (
            None if frame is None else BurnedLayer(frame, grid) for frame in (area, layer.observed, layer.unusable)
        )
        self._beyond_area = area is not None and layer.observed is not area
        self._other: DensityMap | None = None

    def on_ground_of(self, other: DensityMap) -> Self:
        """The same date on the part of its ground that another date shows too, its edges not yet corrected."""
        kept = np.ones(len(self.points_px), bool)
        if other.layer.observed is not None:
            kept &= within(self.layer.points, other.layer.observed)
        if other.layer.unusable is not None:
            kept &= ~within(self.layer.points, other.layer.unusable)
        common, layer = copy.copy(self), self.layer
        common.layer = dataclasses.replace(
            layer, points=layer.points[kept], weights=layer.weights[kept], inside=layer.inside[kept])
        common.points_px, common._weights = self.points_px[kept], common.layer.weights
        common._other, common.n_lost = other, 0
        return common


    def correct_edges(self, report: Report) -> None:
        """Divides each landslide by the share of its kernel that lies on observed ground."""
        if not len(self.points_px) or self._sees_all:
            return
        mass = self._observed_mass(self.points_px, report)
        self.n_lost = int((mass == 0).sum())
        self._weights = np.divide(self.layer.weights, mass, out=np.zeros_like(mass), where=mass > 0)

    def observed_around(self, row: int, col: int, report: Report) -> float:
        """The share of the ground around a pixel, weighted by the kernel, on which a landslide would have been seen."""
        if self._sees_all:
            return 1.0
        return float(self._observed_mass(np.array([[row + 0.5, col + 0.5]]), report)[0])

    def values(self, window: Window) -> np.ndarray:
        """(h, w) float64, weight per km²; NaN outside the area and where nothing was observed."""
        values = self.spread(window)
        shown = self._seen(window)
        if self._area is not None and self._beyond_area:
            shown &= self._area.covers(self.grid.window(*window))
        values[~shown] = np.nan
        return values

    def spread(self, window: Window) -> np.ndarray:
        """The same, also where nothing was observed."""
        pixel_km2 = self.grid.pixel_area_m2 / 1e6
        return density(self.points_px, self._weights, self._radius_px, window) / pixel_km2

    @property
    def _sees_all(self) -> bool:
        return self._observed is None and self._unusable is None and (self._other is None or self._other._sees_all)

    def _observed_mass(self, points_px: np.ndarray, report: Report) -> np.ndarray:
        # A landslide at the end of the radius around the area reaches as far again.
        margin = math.ceil(2 * self._radius_px) if self._beyond_area else 0
        mass = np.zeros(len(points_px))
        windows = tiles(self.grid.height + 2 * margin, self.grid.width + 2 * margin, BLOCK_PX)
        for window in (_moved(window, -margin) for window in windows):
            report.check()
            if reaching(points_px, self._radius_px, window).size:
                mass += observed_mass(points_px, self._radius_px, window, self._seen(window))
        return mass

    def _seen(self, window: Window) -> np.ndarray:
        """(h, w) bool: ground on which a landslide would have been seen."""
        here = self.grid.window(*window)
        seen = np.ones(here.shape, bool) if self._observed is None else self._observed.covers(here)
        if self._unusable is not None:
            seen &= ~self._unusable.covers(here)
        if self._other is not None:
            seen &= self._other._seen(window)
        return seen


def _moved(window: Window, by_px: int) -> Window:
    return Window(*(slice(side.start + by_px, side.stop + by_px) for side in window))
