"""The map that is judged: a raster or polygons, read in windows as label codes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine

from ....arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from ....arrays.windows import Window, tiles
from ....contract.errors import InputError
from ....contract.events import Report
from ....geo.areas import area_m2
from ....geo.grid import Grid
from ....geo.observed import observed_ground
from ....geo.polygonise import polygonise
from ....geo.rasters import RasterWriter, open_raster, read_grid, read_window
from ..map_files import DEFAULT_THRESHOLD
from .reference import BurnedLayer, read_layer

READ_PX = 1024


class LandslideMap(Protocol):
    """What can be judged."""

    grid: Grid

    def codes(self, window: Window) -> np.ndarray:
        """(h, w) uint8 label codes: what the map says, IGNORE where it says nothing."""


class PolygonMap:
    """A map of polygons: all ground outside them is mapped as no landslide."""

    def __init__(self, frame: gpd.GeoDataFrame, grid: Grid) -> None:
        self.grid = grid
        self._layer = BurnedLayer(frame, grid)

    def codes(self, window: Window) -> np.ndarray:
        """See `LandslideMap`."""
        return np.where(self._layer.covers(self.grid.window(*window)), LANDSLIDE, BACKGROUND).astype(np.uint8)


class RasterMap:
    """A map as raster: probabilities (floating point, no data = NaN) or classes (integers, 1 = landslide).

    A file of classes may declare 0 as no data; 0 is then still taken for ground without landslide, because a map
    without any such ground could make no false alarm.

    Args:
        path: The raster.
        threshold: Probability from which a pixel counts as landslide; None: what the raster says of itself, else 0.5.

    Raises:
        InputError: The file cannot be read, or its ground has several thresholds and none is given; on reading also:
            it holds other values.
    """

    def __init__(self, path: Path, threshold: float | None = None) -> None:
        self.path = path
        self.grid = read_grid(path)
        with open_raster(path) as source:
            self.is_probability = np.dtype(source.dtypes[0]).kind == "f"
            self.threshold = DEFAULT_THRESHOLD if threshold is None else threshold
            if self.is_probability and threshold is None:
                self.threshold = _own_threshold(path, source.tags())
            self._nodata = source.nodata

    def codes(self, window: Window) -> np.ndarray:
        """See `LandslideMap`."""
        values = read_window(self.path, *window)
        if self.is_probability:
            known = np.isfinite(values)
            plausible = (values[known] >= 0) & (values[known] <= 1)
            classes = values >= self.threshold
        else:
            known = values != IGNORE
            if self._nodata is not None and self._nodata != BACKGROUND:
                known &= values != self._nodata
            plausible = (values[known] == BACKGROUND) | (values[known] == LANDSLIDE)
            classes = values == LANDSLIDE
        if not plausible.all():
            raise InputError(
                "evaluate.not-a-map",
                f"{self.path} holds neither probabilities from 0 to 1 nor classes 0 and 1.",
                "Choose the probability or binary raster that predict wrote.", path=str(self.path),
            )
        return np.where(known, np.where(classes, LANDSLIDE, BACKGROUND), IGNORE).astype(np.uint8)


def _own_threshold(path: Path, tags: Mapping[str, str]) -> float:
    """The threshold that a raster of probabilities was cut at, as its tags tell it."""
    said = tags.get("threshold", str(DEFAULT_THRESHOLD))
    try:
        return float(said)
    except ValueError:
        several = f" ({tags['thresholds']})" if "thresholds" in tags else ""
        classes = path.with_name(f"{path.stem.removesuffix('_probability')}_binary.tif")
        instead = f"Choose {classes}, which was cut so" if classes.exists() else "Choose its binary raster"
        raise InputError(
            "evaluate.no-one-threshold",
            f"{path} has no single threshold: it was cut at a threshold {said}{several}.",
            f"{instead}, or give one threshold for all ground (--threshold).", path=str(path),
        ) from None


def observed_by(path: Path) -> gpd.GeoDataFrame:
    """The ground that a raster map shows, as one multipolygon.

    Raises:
        InputError: It cannot be read, or is no map.
    """
    mapped = RasterMap(path, DEFAULT_THRESHOLD)  # any: what it shows does not depend on it
    return observed_ground(mapped.grid, lambda window: mapped.codes(window) != IGNORE)


def outlined(mapped: LandslideMap, folder: Path, min_area_m2: float, report: Report) -> gpd.GeoDataFrame:
    """The objects of a raster map as polygons, without the small ones.

    Args:
        mapped: The map.
        folder: For files on the way; they are gone afterwards.
        min_area_m2: Smallest object to keep.
        report: Told the progress.
    """
    report.stage("Outlining the map")
    binary, probability, polygons = (folder / name for name in ("map.tif", "probability.tif", "map.gpkg"))
    with (
        RasterWriter(binary, mapped.grid, "uint8", IGNORE) as classes,
        RasterWriter(probability, mapped.grid, "float32", np.nan) as values,
    ):
        windows = tiles(*mapped.grid.shape, READ_PX)
        for number, window in enumerate(windows):
            codes = mapped.codes(window)
            classes.write(codes, window.rows.start, window.cols.start)
            values.write(np.where(codes == IGNORE, np.nan, codes), window.rows.start, window.cols.start)
            report.progress((number + 1) / len(windows))
    polygonise(binary, probability, polygons, min_area_m2=min_area_m2, min_pixels=1)
    frame = read_layer(str(polygons), "predicted", report)
    for path in (binary, probability, polygons):
        path.unlink()
    return frame[["source_row", "geometry"]]


def grid_over(frames: Sequence[gpd.GeoDataFrame], pixel_size_m: float) -> Grid:
    """A grid in the UTM zone of some polygons that holds all of them, with a margin of a pixel.

    Raises:
        InputError: There is no polygon.
    """
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        raise InputError("evaluate.empty", "There is no polygon in any layer.",
                         "Check that the right layers are given, and the minimum area.")
    crs = filled[0].estimate_utm_crs()
    bounds = np.array([frame.to_crs(crs).total_bounds for frame in filled])
    left, bottom = (math.floor(v / pixel_size_m) - 1 for v in bounds[:, :2].min(axis=0))
    right, top = (math.ceil(v / pixel_size_m) + 1 for v in bounds[:, 2:].max(axis=0))
    transform = Affine(pixel_size_m, 0, left * pixel_size_m, 0, -pixel_size_m, top * pixel_size_m)
    return Grid(f"EPSG:{crs.to_epsg()}", transform, right - left, top - bottom)


def ground_pixel_m2(grid: Grid) -> float:
    """Ellipsoidal area of the pixel in the middle of a grid, whatever its CRS."""
    row, col = grid.height // 2, grid.width // 2
    middle = grid.window(slice(row, row + 1), slice(col, col + 1))
    return float(area_m2([shapely.box(*middle.bounds)], grid.crs)[0])
