"""Compact blocks of some ground, and what lies in each: the units that intervals are drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from ..contract.errors import UsageError
from .areas import area_m2
from .clipping import disjoint

N_BLOCKS = 40  # about so many where no side is given
MOST_BLOCKS = 5000
_SMALLEST_M = 50.0


@dataclass(frozen=True)
class Blocks:
    """Square tiles of some ground; one with less than half of the ground of a whole tile goes to its nearest neighbour.

    Attributes:
        crs: Metric.
        left, bottom: Corner of the tiles.
        side_m: Of a tile.
        number: (rows, columns) int, the block of each tile, counted from the bottom.
        ground_m2: (n,) ground of each block, ellipsoidal.
    """

    crs: str
    left: float
    bottom: float
    side_m: float
    number: NDArray[np.int64]
    ground_m2: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ground_m2)

    def counts(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) how many points (m, 2) lie in each block; those beside all tiles count in the next one."""
        rows, cols = self.number.shape
        col = np.clip((points[:, 0] - self.left) // self.side_m, 0, cols - 1).astype(int)
        row = np.clip((points[:, 1] - self.bottom) // self.side_m, 0, rows - 1).astype(int)
        return np.bincount(self.number[row, col], minlength=len(self)).astype(np.float64)

    def areas_m2(self, geometries: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) m² of each block that valid polygons in `crs` cover; what several cover counts once."""
        by_tile = _areas_by_tile(disjoint(geometries), self.left, self.bottom, self.side_m, self.number.shape, self.crs)
        return np.bincount(self.number.ravel(), by_tile.ravel(), minlength=len(self)).astype(np.float64)

    def frame(self) -> gpd.GeoDataFrame:
        """A row a block with its tiles."""
        rows, cols = np.indices(self.number.shape).reshape(2, -1)
        x, y = self.left + cols * self.side_m, self.bottom + rows * self.side_m
        tiles = shapely.box(x, y, x + self.side_m, y + self.side_m)
        joined = [shapely.union_all(tiles[self.number.ravel() == block]) for block in range(len(self))]
        return gpd.GeoDataFrame({"block": np.arange(len(self)), "ground_m2": self.ground_m2}, geometry=joined,
                                crs=self.crs)


def cut_blocks(ground: gpd.GeoDataFrame, side_m: float | None = None) -> Blocks:
    """Cuts ground into blocks.

    Args:
        ground: Polygons in a metric CRS that do not overlap; not empty.
        side_m: Of a tile; None: such that there are about `N_BLOCKS`.

    Raises:
        UsageError: There would be too many.
    """
    left, bottom, right, top = (float(v) for v in ground.total_bounds)
    whole_m2 = float(area_m2(ground.geometry, ground.crs).sum())
    side = side_m or max(10 * math.floor(math.sqrt(whole_m2 / N_BLOCKS) / 10), _SMALLEST_M)
    shape = max(1, math.ceil((top - bottom) / side)), max(1, math.ceil((right - left) / side))
    if whole_m2 / side**2 > MOST_BLOCKS or shape[0] * shape[1] > 100 * MOST_BLOCKS:
        raise UsageError("blocks.too-many", f"Blocks of {side:g} m are too small for {whole_m2 / 1e6:,.0f} km².",
                         "Give larger blocks, or leave their size out.", side_m=side)
    by_tile = _areas_by_tile(np.asarray(ground.geometry, dtype=object), left, bottom, side, shape, ground.crs)
    number = _joined(by_tile)
    ground_m2 = np.bincount(number.ravel(), by_tile.ravel()).astype(np.float64)
    return Blocks(str(ground.crs), left, bottom, side, number, ground_m2)


def _joined(ground: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers the tiles with at least half of the fullest one's ground, and gives all others the nearest number."""
    full = ground >= 0.5 * ground.max()
    number = np.full(ground.shape, -1)
    number[full] = np.arange(full.sum())
    centres = np.argwhere(full)
    for row, col in np.argwhere(~full):
        number[row, col] = np.argmin(((centres - (row, col)) ** 2).sum(axis=1))
    return number


def _areas_by_tile(
    polygons: NDArray[Any], left: float, bottom: float, side: float, shape: tuple[int, ...], crs: Any
) -> NDArray[np.float64]:
    """(rows, columns) m² of polygons that do not overlap in each tile."""
    parts = shapely.get_parts(polygons)
    rows, cols = shape
    corner = np.array([left, bottom])
    bounds = (shapely.bounds(parts).reshape(-1, 2, 2) - corner) / side
    first = np.clip(np.floor(bounds[:, 0]), 0, (cols - 1, rows - 1)).astype(int)
    last = np.clip(np.floor(bounds[:, 1]), 0, (cols - 1, rows - 1)).astype(int)
    whole = (first == last).all(axis=1)
    pieces, tiles = [parts[whole]], [first[whole, 1] * cols + first[whole, 0]]
    for part, (c0, r0), (c1, r1) in zip(parts[~whole], first[~whole], last[~whole], strict=True):
        shapely.prepare(part)
        c, r = (index.ravel() for index in np.meshgrid(np.arange(c0, c1 + 1), np.arange(r0, r1 + 1)))
        x, y = left + c * side, bottom + r * side
        pieces.append(shapely.intersection(part, shapely.box(x, y, x + side, y + side)))
        tiles.append(r * cols + c)
    areas = area_m2(np.concatenate(pieces), crs)
    return np.bincount(np.concatenate(tiles), areas, minlength=rows * cols).reshape(shape).astype(np.float64)
