"""Polygons as pixels, window by window: what judging needs of the reference, the map and the blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from ....arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from ....arrays.windows import Window
from ....contract.errors import InputError
from ....contract.events import Report
from ....contract.params.evaluate import JudgeInputs
from ....geo.areas import apply_minimum
from ....geo.burn import burn_ids
from ....geo.grid import Grid
from ....geo.vectors import in_crs, read_polygons


class BurnedLayer:
    """Polygons that are burned in windows of a grid; a window only touches the polygons near it."""

    def __init__(self, frame: gpd.GeoDataFrame, grid: Grid) -> None:
        self.n = len(frame)
        # Positions in `frame` become the index, which survives the loss of polygons that have no place in the CRS.
        self._frame = in_crs(gpd.GeoDataFrame(geometry=frame.geometry.to_numpy(), crs=frame.crs), grid.crs)
        self._tree = shapely.STRtree(np.asarray(self._frame.geometry, dtype=object))

    def ids(self, window: Grid) -> np.ndarray:
        """(h, w) int32: 0 for none, else 1 + position of the polygon in the frame; the later one wins."""
        near = np.sort(self._tree.query(shapely.box(*window.bounds)))
        if near.size == 0:
            return np.zeros(window.shape, np.int32)
        number = np.concatenate([[0], self._frame.index.to_numpy()[near] + 1]).astype(np.int32)
        ids: np.ndarray = number[burn_ids(window, self._frame.iloc[near])]
        return ids

    def pixel_inside(self, position: int, grid: Grid) -> Window | None:
        """The pixel under a point inside a polygon; None if it lies outside the grid."""
        if position not in self._frame.index:
            return None
        point = self._frame.geometry.loc[position].representative_point()
        col, row = (math.floor(v) for v in ~grid.transform * (point.x, point.y))
        if not (0 <= row < grid.height and 0 <= col < grid.width):
            return None
        return Window(slice(row, row + 1), slice(col, col + 1))

    def covers(self, window: Grid) -> np.ndarray:
        """(h, w) bool."""
        covered: np.ndarray = self.ids(window) > 0
        return covered


@dataclass(frozen=True)
class Reference:
    """The landslides that a map is judged against, and the ground on which they are known.

    Attributes:
        name: What it is called in all texts.
        landslides: Those of at least the minimum area, in their own CRS.
        small: The others; their ground does not count.
        searched: Outside it nothing counts; None: all counts.
        ignore: Ground that does not count.
    """

    name: str
    landslides: gpd.GeoDataFrame
    small: gpd.GeoDataFrame
    searched: gpd.GeoDataFrame | None
    ignore: gpd.GeoDataFrame | None


def read_reference(params: JudgeInputs, report: Report) -> Reference:
    """Reads the polygons that the parameters of evaluate or compare name.

    Raises:
        InputError: A layer cannot be read.
    """
    source = params.reference
    large, small = apply_minimum(read_layer(source, "landslides", report), params.min_area_m2)
    if len(small):
        report.log(f"{len(small)} reference landslides below {params.min_area_m2:g} m² are left out.")
    return Reference(
        params.reference_name or layer_stem(source), large, small,
        read_layer(params.searched, "searched", report) if params.searched else None,
        read_layer(params.ignore, "ignore", report) if params.ignore else None,
    )


def read_layer(source: str, role: str, report: Report) -> gpd.GeoDataFrame:
    """The polygons of a layer; what reading them met goes to the log."""
    layer = read_polygons(source, role=role)
    for message in layer.report.messages:
        report.log(message)
    return layer.frame


class BurnedReference:
    """A reference on a grid, in windows."""

    def __init__(self, reference: Reference, grid: Grid) -> None:
        self.landslides = BurnedLayer(reference.landslides, grid)
        self._small = BurnedLayer(reference.small, grid)
        self._searched = None if reference.searched is None else BurnedLayer(reference.searched, grid)
        self._ignore = None if reference.ignore is None else BurnedLayer(reference.ignore, grid)

    def codes(self, window: Grid) -> tuple[np.ndarray, np.ndarray]:
        """(h, w) uint8 label codes by the rules of `geo.burn.burn_labels`, and the landslides' numbers."""
        ids = self.landslides.ids(window)
        codes = np.full(window.shape, BACKGROUND, np.uint8)
        codes[self._small.covers(window)] = IGNORE
        codes[ids > 0] = LANDSLIDE
        if self._ignore is not None:
            codes[self._ignore.covers(window)] = IGNORE
        if self._searched is not None:
            codes[~self._searched.covers(window)] = IGNORE
        return codes, ids


@dataclass(frozen=True)
class Blocks:
    """The blocks of a training, as it wrote them.

    Attributes:
        frame: A polygon a block and role.
        block: (n,) number of each polygon's block; -1 for a split without blocks.
        role: (n,) "train", "validation", "test" or "guard".
    """

    frame: gpd.GeoDataFrame
    block: np.ndarray
    role: np.ndarray

    @property
    def leak(self) -> bool:
        """Test ground touches training ground, because landslides and not blocks were split."""
        return bool((self.block < 0).any())


def read_blocks(source: str, report: Report) -> Blocks:
    """Reads the layer of blocks.

    Raises:
        InputError: It is not one that a training wrote.
    """
    frame = read_layer(source, "blocks", report)
    if not {"block", "role"} <= set(frame.columns) or not frame["role"].isin(
        ["train", "validation", "test", "guard"]
    ).all():
        raise InputError(
            "evaluate.blocks", f"{source} holds no blocks of a training.",
            "Choose the layer 'blocks' that train wrote, with the columns block and role.", path=source,
        )
    return Blocks(frame, frame["block"].to_numpy(np.int64), frame["role"].to_numpy(str))


def layer_stem(source: str) -> str:
    """What people call a layer: the name after `layername=`, else that of its file."""
    path, _, options = source.partition("|")
    name = next((o.removeprefix("layername=") for o in options.split("|") if o.startswith("layername=")), "")
    return name or path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
