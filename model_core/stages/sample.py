"""Makes a simulated study: the same mountains before and after landslides, or through seven years of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from ..arrays import folds
from ..arrays.codes import TEST, TRAIN, VALIDATION
from ..contract.events import Report, Result
from ..contract.params.fitting import SplitInputs
from ..contract.params.sample import SampleParams
from ..contract.series import Epoch, Series, write_series
from ..geo.areas import area_m2
from ..geo.grid import Grid
from ..geo.outlines import outlines
from ..geo.rasters import RasterWriter
from ..geo.vectors import write_layers
from ..simulate.ground import COVERS, plain_ground
from ..simulate.landslides import place_landslides
from ..simulate.sensor import Sky, photograph
from ..simulate.terrain import make_terrain
from ..simulate.years import TRAINING_YEAR, Picture, picture_years
from .shared.runs import new_run
from .shared.simulated import PIXEL_SIZE_M, REMARK, TAGS, invented_grid, write_scene

# Dates and sun of the paper's images of 2014 and 2015; the haze of the second is part of the task.
BEFORE = (date(2014, 11, 30), Sky(sun_elevation_deg=40.2, greenness=0.92))
AFTER = (date(2015, 11, 9), Sky(sun_elevation_deg=44.8, haze=0.02, gain=1.08))
# Side of the scene and of the area of interest in its middle. The paper's is 33 km².
YEARS_PX, SMALL_YEARS_PX = (1700, 1149), (640, 434)
SMALLEST_M2 = 200.0  # what an analyst draws
# The narrow ground outside the small area has so few landslides that a block of it may have none. So each role of the
# default split gets some: landslides to train on, to validate with, to test with.
SMALL_TRAINING = {TRAIN: 12, VALIDATION: 4, TEST: 4}


def run(params: SampleParams, report: Report) -> Result:
    """Writes simulated images, the landslides in them, the searched ground and a series file."""
    report.stage("Making simulated images")
    with new_run("sample", params) as folder:
        make = _pair if params.kind == "pair" else _years
        outputs, summary = make(params, folder, np.random.default_rng(params.seed), report)
    return Result({role: str(Path(params.out) / name) for role, name in outputs.items()}, summary)


def _pair(
    params: SampleParams, folder: Path, rng: np.random.Generator, report: Report
) -> tuple[dict[str, str], dict[str, Any]]:
    """Two dates; all landslides lie between them."""
    grid = invented_grid(params.size_px)
    terrain = make_terrain(params.size_px, PIXEL_SIZE_M, rng)
    before = plain_ground(terrain, rng)
    slides = place_landslides(terrain, params.n_landslides, rng, before.cover != COVERS.index("water"))
    after = replace(before, cover=np.where(slides > 0, COVERS.index("landslide"), before.cover).astype(np.uint8))
    report.progress(0.4)
    scenes = []
    for number, ((day, sky), ground) in enumerate(((BEFORE, before), (AFTER, after))):
        scenes.append(write_scene(folder, grid, photograph(terrain, ground, sky, rng), day, sky))
        report.progress(0.6 + 0.2 * number, scenes[-1])
    landslides = _landslides(slides, grid, AFTER[0])
    write_layers(folder / "landslides.gpkg", {"landslides": landslides}, TAGS)
    write_layers(folder / "searched.gpkg", {"searched": _ground(np.ones(grid.shape, bool), grid)}, TAGS)
    searched = str(folder / "searched.gpkg")
    series = Series((
        Epoch(str(BEFORE[0].year), (str(folder / scenes[0]),), searched=searched),
        Epoch(str(AFTER[0].year), (str(folder / scenes[1]),), landslides=str(folder / "landslides.gpkg"),
              searched=searched),
    ), remark=REMARK)
    write_series(series, folder / "series.json")
    return (
        {"series": "series.json", "before": scenes[0], "after": scenes[1], "landslides": "landslides.gpkg",
         "searched": "searched.gpkg"},
        {"simulated landslides": len(landslides), "landslide area [m²]": float(landslides["area_m2"].sum()),
         "ground [km²]": params.size_px**2 * PIXEL_SIZE_M**2 / 1e6},
    )


def _years(
    params: SampleParams, folder: Path, rng: np.random.Generator, report: Report
) -> tuple[dict[str, str], dict[str, Any]]:
    """Seven years of one valley; the landslides to train on lie outside the area of interest."""
    size_px, area_px = SMALL_YEARS_PX if params.small else YEARS_PX
    grid = invented_grid(size_px)
    terrain = make_terrain(size_px, PIXEL_SIZE_M, rng)
    inside = np.zeros(grid.shape, bool)
    margin = (size_px - area_px) // 2
    inside[margin : margin + area_px, margin : margin + area_px] = True
    with RasterWriter(folder / "dem.tif", grid, "float32", None, 1, ["elevation"], TAGS, unit="m") as writer:
        writer.write(terrain.elevation_m, 0, 0)
    for name, where in (("area", inside), ("outside", ~inside)):
        write_layers(folder / f"{name}.gpkg", {name: _ground(where, grid)}, TAGS)
    epochs: list[Epoch] = []
    training: list[Epoch] = []
    rows = []
    beside = _by_role(~inside) if params.small else []
    for number, picture in enumerate(picture_years(terrain, inside, rng, beside), start=1):
        year = str(picture.year.day.year)
        scene = write_scene(folder, grid, picture.reflectance, picture.year.day, picture.year.sky, picture.cloudy)
        landslides = _inventory(folder, f"landslides_{year}", picture, inside, grid)
        epochs.append(_epoch(folder, year, scene, f"landslides_{year}", "area"))
        if picture.year.day.year == TRAINING_YEAR:
            _inventory(folder, f"training_{year}", picture, ~inside, grid)
            training.append(_epoch(folder, year, scene, f"training_{year}", "outside"))
        areas = landslides["area_m2"]
        rows.append({"year": year, "landslides": len(areas), "area [m²]": float(areas.sum()),
                     "smallest [m²]": float(areas.min()), "largest [m²]": float(areas.max()),
                     "clouds [%]": 100 * float(picture.cloudy[inside].mean())})
        report.progress(number / 7, year)
    write_series(Series(tuple(epochs), area=str(folder / "area.gpkg"), dem=str(folder / "dem.tif"), remark=REMARK),
                 folder / "series.json")
    write_series(Series(tuple(training), remark=REMARK), folder / "training.json")
    return (
        {"series": "series.json", "training": "training.json", "area": "area.gpkg", "dem": "dem.tif"},
        {"simulated landslides in the area": rows, "area [km²]": area_px**2 * PIXEL_SIZE_M**2 / 1e6},
    )


def _by_role(outside: np.ndarray) -> list[tuple[np.ndarray, int]]:
    """The ground of each role when a study splits the ground outside by default, with its landslides."""
    split = SplitInputs()
    blocks = folds.split_ground(outside, np.zeros_like(outside), split.n_blocks)
    roles = folds.assign_roles(blocks, {split.fold}, {split.fold + 1})
    role_map = folds.role_map(blocks, roles, split.guard_px)
    return [(role_map == role, n) for role, n in SMALL_TRAINING.items()]


def _epoch(folder: Path, name: str, scene: str, landslides: str, searched: str) -> Epoch:
    return Epoch(name, (str(folder / scene),), landslides=str(folder / f"{landslides}.gpkg"),
                 searched=str(folder / f"{searched}.gpkg"))


def _inventory(folder: Path, name: str, picture: Picture, where: np.ndarray, grid: Grid) -> gpd.GeoDataFrame:
    """Writes what an analyst would have drawn in a year."""
    frame = _landslides(np.where(where, picture.slides, 0), grid, picture.year.day)
    frame = frame[frame["area_m2"] >= SMALLEST_M2].reset_index(drop=True)
    write_layers(folder / f"{name}.gpkg", {"landslides": frame}, TAGS)
    return frame


def _landslides(slides: np.ndarray, grid: Grid, day: date) -> gpd.GeoDataFrame:
    frame = outlines(slides, grid, without=0, connectivity=8).rename(columns={"value": "id"})
    frame["area_m2"] = area_m2(frame.geometry, frame.crs)
    frame["date"] = day.isoformat()
    return frame


def _ground(where: np.ndarray, grid: Grid) -> gpd.GeoDataFrame:
    return outlines(where.astype(np.uint8), grid, without=0).drop(columns="value")
