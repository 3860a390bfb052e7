"""From a binary map to landslide polygons with their attributes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes
from rasterio.windows import Window

from ..arrays.codes import LANDSLIDE
from ..arrays.runs import RunFinder
from ..contract.errors import InputError
from .areas import measure, reaches
from .dating import COLUMNS as DATE_COLUMNS
from .dating import Sources, day_column, object_dates
from .grid import Grid
from .rasters import crs_name, open_raster, readable
from .smoothing import smooth_outlines
from .terrain import COLUMNS as TERRAIN_COLUMNS
from .terrain import terrain_columns
from .vectors import in_crs, write_layers

_READ_ROWS = 512  # as the blocks of our own rasters
_OUTLINED_PX = 2**20  # outlined at a time
_AT_A_TIME = 500  # outlines; as Python's numbers they take ten times their memory
# How much larger on the ground a pixel may be than the largest of those that were measured over the map.
_LARGER = 1.05


@dataclass(frozen=True)
class Polygonised:
    """How many objects were kept, their ellipsoidal area, and how many were too small."""

    n: int
    area_m2: float
    n_removed: int


def polygonise(binary_path: Path, probability_path: Path, out: Path, *, connectivity: int = 8,
               **options: Any) -> Polygonised:
    """Writes the objects of a binary map as a GeoPackage layer, see `write_objects`.

    Args:
        binary_path: uint8 raster, 1 = landslide.
        probability_path: float raster on the same grid, NaN = no data.
        out: GeoPackage to write.
        connectivity: 8 joins pixels that touch at a corner, 4 does not.
        options: Of `write_objects`.

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
        grid = Grid(crs_name(binary, binary_path), binary.transform, binary.width, binary.height)
        finder = RunFinder(grid.width, connectivity)
        for row in range(0, grid.height, _READ_ROWS):
            window = Window(0, row, grid.width, min(_READ_ROWS, grid.height - row))
            with readable(binary_path):
                inside = binary.read(1, window=window) == LANDSLIDE
            with readable(probability_path):
                values = probability.read(1, window=window) if inside.any() else np.zeros(inside.shape, np.float32)
            if probability.nodata is not None:
                values[values == probability.nodata] = np.nan
            finder.feed(inside, values)
    return write_objects(finder, grid, out, **options)


def write_objects(
    finder: RunFinder,
    grid: Grid,
    out: Path,
    *,
    layer: str = "predicted",
    min_area_m2: float = 200.0,
    min_pixels: int = 8,
    date: datetime.date | None = None,
    model_id: str | None = None,
    training_ground: gpd.GeoSeries | None = None,
    smooth: bool = False,
    sources: Sources | None = None,
    dem: Path | None = None,
    min_slope_deg: float | None = None,
) -> Polygonised:
    """Writes the objects of a map as a GeoPackage layer; memory grows with the objects, not with the map.

    Outlines follow the pixel edges and keep their holes. An object below `min_area_m2` or below `min_pixels` is
    removed whole: the bound is on objects, never on pixels.

    Args:
        finder: Was fed the whole map.
        grid: Of the map.
        out: GeoPackage to write. Its columns: id, area_m2, perimeter_m (both ellipsoidal; holes subtracted from the
            area, their outlines added to the perimeter), prob_mean and prob_min over the object's pixels, date,
            model_id, in_training, n_pixels; with `sources` also date_from and date_to; with `dem` those of
            `terrain.terrain_columns`.
        layer: Name of the layer.
        min_area_m2: Smallest ellipsoidal area kept.
        min_pixels: Smallest number of pixels kept; it matters where pixels are coarse.
        date: Of the image.
        model_id: Of the model that made the map.
        training_ground: Ground that the model was trained on; an object that shares ground with it is marked
            `in_training`, since it says nothing about the model's quality.
        smooth: Takes the staircase out of the outlines; each object keeps its area.
        sources: Which image each pixel came from: every object then has the date of its own image.
        dem: Raster of elevations in metres.
        min_slope_deg: Below this mean slope an object is marked for review; it is not removed.

    Raises:
        InputError: The elevation model cannot be used.
        OutputError: `out` cannot be written.
    """
    objects, n_found = _large_enough(finder, grid, min_area_m2, min_pixels)
    objects["in_training"] = _shares_ground(objects, training_ground)
    if smooth and len(objects):
        geometry = smooth_outlines(np.asarray(objects.geometry, dtype=object), grid.transform)
        objects = objects.set_geometry(gpd.GeoSeries(geometry, crs=objects.crs))
        objects["area_m2"], objects["perimeter_m"] = measure(objects.geometry, objects.crs)
    objects["id"] = np.arange(1, len(objects) + 1, dtype=np.int64)
    objects["date"] = day_column([date] * len(objects))
    objects["model_id"] = np.full(len(objects), model_id, dtype=object)
    columns = ["id", "area_m2", "perimeter_m", "prob_mean", "prob_min", "date", "model_id", "in_training", "n_pixels"]
    if sources is not None:
        dates = object_dates(finder, objects["object"].to_numpy(), n_found, grid, sources)
        objects[list(DATE_COLUMNS)] = dates
        columns[columns.index("date") : columns.index("date") + 1] = DATE_COLUMNS
    if dem is not None:
        objects[list(TERRAIN_COLUMNS)] = terrain_columns(objects, dem, min_slope_deg)
        columns += TERRAIN_COLUMNS
    write_layers(out, {layer: objects[[*columns, "geometry"]]})
    return Polygonised(len(objects), float(objects["area_m2"].sum()), n_found - len(objects))


def _large_enough(
    finder: RunFinder, grid: Grid, min_area_m2: float, min_pixels: int
) -> tuple[gpd.GeoDataFrame, int]:
    """The objects that are kept, and how many there are.

    Columns: n_pixels, area_m2, perimeter_m, prob_mean, prob_min, and their number in the map (object).
    Only what may be large enough is outlined: of the specks of a poor map there can be millions.
    """
    found = finder.objects()
    at_most_m2 = found.n_pixels.astype(np.float64) * (_LARGER * _largest_pixel_m2(grid))
    candidates = np.flatnonzero((found.n_pixels >= min_pixels) & reaches(at_most_m2, min_area_m2))
    geometry = _outlines(finder, candidates, len(found.n_pixels), grid)
    area, perimeter = measure(geometry, grid.crs)
    columns = {
        "n_pixels": found.n_pixels[candidates], "area_m2": area, "perimeter_m": perimeter,
        "prob_mean": found.mean[candidates], "prob_min": found.lowest[candidates], "object": candidates,
    }
    objects = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(geometry, crs=grid.crs))
    return objects[reaches(area, min_area_m2)].reset_index(drop=True), len(found.n_pixels)


def _largest_pixel_m2(grid: Grid) -> float:
    """Ground area of the largest among pixels all over a map: a projection stretches some more than others."""
    pixels = [
        shapely.box(*grid.window(slice(row, row + 1), slice(col, col + 1)).bounds)
        for row in np.linspace(0, grid.height - 1, 5, dtype=int) for col in np.linspace(0, grid.width - 1, 5, dtype=int)
    ]
    return float(measure(pixels, grid.crs)[0].max())


def _outlines(finder: RunFinder, wanted: NDArray[np.int64], n: int, grid: Grid) -> NDArray[Any]:
    """Valid polygons and multipolygons of some of the `n` objects, along the pixel edges."""
    numbers = np.zeros(n, np.int32)
    numbers[wanted] = np.arange(1, len(wanted) + 1)
    pieces, owners = [np.zeros(0, object)], [np.zeros(0, np.int64)]
    rows = max(1, _OUTLINED_PX // grid.width)
    for top in range(0, grid.height, rows):
        part = grid.window(slice(top, min(top + rows, grid.height)), slice(0, grid.width))
        image = finder.rows(top, top + part.height, numbers)
        found = shapes(image, image > 0, finder.connectivity, part.transform)
        while some := list(islice(found, _AT_A_TIME)):
            pieces.append(_polygons([outline["coordinates"] for outline, _ in some]))
            owners.append(np.array([number for _, number in some], np.int64) - 1)
    valid, owner = np.concatenate(pieces), np.concatenate(owners)
    touching = ~shapely.is_valid(valid)  # rings that touch themselves where pixels meet at a corner
    valid[touching] = shapely.make_valid(valid[touching], method="structure", keep_collapsed=False)
    geometry = np.empty(len(wanted), dtype=object)
    geometry[owner] = valid
    # What was cut between two parts of the map becomes one again.
    for k in np.flatnonzero(np.bincount(owner, minlength=len(wanted)) > 1):
        geometry[k] = shapely.simplify(shapely.union_all(valid[owner == k]), 0)
    return geometry


def _polygons(outlines: Sequence[Any]) -> NDArray[Any]:
    """Polygons from lists of rings, each a list of (x, y); all at once, because one by one takes four times as long."""
    rings = [ring for outline in outlines for ring in outline]
    if not rings:
        return np.zeros(0, object)
    ring_ends = np.cumsum([0, *map(len, rings)])
    polygon_ends = np.cumsum([0, *map(len, outlines)])
    corners = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), np.float64, 2 * ring_ends[-1]).reshape(-1, 2)
    made: NDArray[Any] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, corners, (ring_ends, polygon_ends))
    return made


def _shares_ground(objects: gpd.GeoDataFrame, ground: gpd.GeoSeries | None) -> NDArray[np.bool_]:
    """True where more than an edge is shared: the neighbour of a training block is not training ground."""
    if ground is None or objects.empty:
        return np.zeros(len(objects), dtype=bool)
    union = in_crs(gpd.GeoDataFrame(geometry=ground), objects.crs).geometry.union_all()
    shapely.prepare(union)
    geometry = np.asarray(objects.geometry, dtype=object)
    shares: NDArray[np.bool_] = shapely.intersects(union, geometry) & ~shapely.touches(union, geometry)
    return shares
