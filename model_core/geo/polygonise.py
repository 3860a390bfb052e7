"""From a binary map to landslide polygons with their attributes."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize, shapes
from rasterio.windows import Window

from ..arrays.codes import LANDSLIDE
from ..contract.errors import InputError
from .areas import measure, reaches
from .rasters import open_raster
from .smoothing import smooth_outlines
from .vectors import in_crs, write_layers

_BATCH = 10_000  # polygons held before the small ones among them are removed
_WINDOW_PX = 2048


@dataclass(frozen=True)
class Polygonised:
    """How many objects were kept and removed, with their ellipsoidal areas."""

    n: int
    area_m2: float
    n_removed: int
    removed_m2: float


def polygonise(
    binary_path: Path,
    probability_path: Path,
    out: Path,
    *,
    layer: str = "predicted",
    min_area_m2: float = 200.0,
    min_pixels: int = 8,
    connectivity: int = 8,
    date: datetime.date | None = None,
    model_id: str | None = None,
    training_ground: gpd.GeoSeries | None = None,
    smooth: bool = False,
) -> Polygonised:
    """Writes the objects of a binary map as a GeoPackage layer; memory grows with the objects, not with the scene.

    Outlines follow the pixel edges and keep their holes. An object below `min_area_m2` or below `min_pixels` is
    removed whole: the bound is on objects, never on pixels.

    Args:
        binary_path: uint8 raster, 1 = landslide.
        probability_path: float raster on the same grid, NaN = no data.
        out: GeoPackage to write. Its columns: id, area_m2, perimeter_m (both ellipsoidal; holes subtracted from the
            area, their outlines added to the perimeter), prob_mean and prob_min over the object's pixels, date,
            model_id, in_training, n_pixels.
        layer: Name of the layer.
        min_area_m2: Smallest ellipsoidal area kept.
        min_pixels: Smallest number of pixels kept; it matters where pixels are coarse.
        connectivity: 8 joins pixels that touch at a corner, 4 does not.
        date: Of the image.
        model_id: Of the model that made the map.
        training_ground: Ground that the model was trained on; an object that shares ground with it is marked
            `in_training`, since it says nothing about the model's quality.
        smooth: Takes the staircase out of the outlines; each object keeps its area.

    Raises:
        InputError: A raster cannot be read, or the two are not on one grid.
        OutputError: `out` cannot be written.
    """
    with open_raster(binary_path) as binary, open_raster(probability_path) as probability:
        if binary.shape != probability.shape or not binary.transform.almost_equals(probability.transform):
            raise InputError(
                "polygonise.grids-differ",
                f"{binary_path.name} and {probability_path.name} are not on the same grid.",
                "Use the two rasters of one prediction.",
            )
        objects, removed = _objects(binary, connectivity, min_area_m2, min_pixels)
        geometry, transform = np.asarray(objects.geometry, dtype=object), binary.transform
        objects["prob_mean"], objects["prob_min"] = _over_pixels(probability, geometry)
    objects["in_training"] = _shares_ground(objects, training_ground)
    if smooth and len(objects):
        objects = objects.set_geometry(gpd.GeoSeries(smooth_outlines(geometry, transform), crs=objects.crs))
        objects["area_m2"], objects["perimeter_m"] = measure(objects.geometry, objects.crs)
    objects["id"] = np.arange(1, len(objects) + 1, dtype=np.int64)
    objects["date"] = pd.Series([date] * len(objects), dtype="datetime64[s]")
    objects["model_id"] = pd.Series([model_id] * len(objects), dtype=object)
    columns = ["id", "area_m2", "perimeter_m", "prob_mean", "prob_min", "date", "model_id", "in_training", "n_pixels"]
    write_layers(out, {layer: objects[[*columns, "geometry"]]})
    return Polygonised(len(objects), float(objects["area_m2"].sum()), *removed)


def _objects(
    binary: Any, connectivity: int, min_area_m2: float, min_pixels: int
) -> tuple[gpd.GeoDataFrame, tuple[int, float]]:
    """Objects with geometry, n_pixels, area_m2, perimeter_m; number and area of the removed ones."""
    pixel_area = abs(binary.transform.determinant)
    kept, n_removed, removed_m2 = [_frame([], [], [], [], binary.crs)], 0, 0.0
    outlines = _outlines(binary, connectivity)
    while batch := list(islice(outlines, _BATCH)):
        geometry = np.array(batch, dtype=object)
        n_pixels = np.rint(shapely.area(geometry) / pixel_area).astype(np.int64)
        area, perimeter = measure(geometry, binary.crs)
        large = reaches(area, min_area_m2) & (n_pixels >= min_pixels)
        n_removed += int((~large).sum())
        removed_m2 += float(area[~large].sum())
        kept.append(_frame(geometry[large], n_pixels[large], area[large], perimeter[large], binary.crs))
    objects = gpd.GeoDataFrame(pd.concat(kept, ignore_index=True), crs=binary.crs)
    touching = ~objects.is_valid.to_numpy()  # rings that touch themselves where pixels meet at a corner
    valid = np.asarray(objects.geometry, dtype=object).copy()
    valid[touching] = shapely.make_valid(valid[touching], method="structure", keep_collapsed=False)
    return objects.set_geometry(gpd.GeoSeries(valid, crs=binary.crs)), (n_removed, removed_m2)


def _outlines(binary: Any, connectivity: int) -> Iterator[Any]:
    # The band is its own mask: pixels of 0 are never gathered into one vast polygon with every object as a hole.
    band = rasterio.band(binary, 1)
    for outline, value in shapes(band, mask=band, connectivity=connectivity, transform=binary.transform):
        if value == LANDSLIDE:
            yield shapely.geometry.shape(outline)


def _frame(geometry: Any, n_pixels: Any, area: Any, perimeter: Any, crs: Any) -> gpd.GeoDataFrame:
    columns = {
        "n_pixels": np.asarray(n_pixels, dtype=np.int64),
        "area_m2": np.asarray(area, dtype=float),
        "perimeter_m": np.asarray(perimeter, dtype=float),
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(geometry, crs=crs))


def _over_pixels(probability: Any, geometry: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and minimum of the valid probabilities on each object, NaN where there are none; read by windows."""
    total, count = np.zeros(len(geometry) + 1), np.zeros(len(geometry) + 1)
    lowest = np.full(len(geometry) + 1, np.inf)
    tree = shapely.STRtree(geometry)
    for row in range(0, probability.height, _WINDOW_PX):
        for col in range(0, probability.width, _WINDOW_PX):
            window = Window(
                col, row, min(_WINDOW_PX, probability.width - col), min(_WINDOW_PX, probability.height - row)
            )
            here = np.sort(tree.query(shapely.box(*probability.window_bounds(window))))
            if not len(here):
                continue
            ids = rasterize(
                zip(geometry[here], (here + 1).tolist(), strict=True),
                out_shape=(window.height, window.width),
                transform=probability.window_transform(window),
                dtype="int32",
            )
            values = probability.read(1, window=window, masked=True).filled(np.nan)
            used = (ids > 0) & np.isfinite(values)
            ids, values = ids[used], values[used]
            total += np.bincount(ids, values, minlength=len(total))
            count += np.bincount(ids, minlength=len(count))
            np.minimum.at(lowest, ids, values)
    with np.errstate(invalid="ignore"):
        mean = total / count
    return mean[1:], np.where(np.isfinite(lowest), lowest, np.nan)[1:]


def _shares_ground(objects: gpd.GeoDataFrame, ground: gpd.GeoSeries | None) -> NDArray[np.bool_]:
    """True where more than an edge is shared: the neighbour of a training block is not training ground."""
    if ground is None or objects.empty:
        return np.zeros(len(objects), dtype=bool)
    union = in_crs(gpd.GeoDataFrame(geometry=ground), objects.crs).geometry.union_all()
    shapely.prepare(union)
    geometry = np.asarray(objects.geometry, dtype=object)
    shares: NDArray[np.bool_] = shapely.intersects(union, geometry) & ~shapely.touches(union, geometry)
    return shares
