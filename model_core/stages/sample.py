"""Makes a simulated study of two dates: the same mountains before and after landslides."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
from affine import Affine

from ..contract.bands import BANDS
from ..contract.events import Report, Result
from ..contract.params.sample import SampleParams
from ..contract.series import Epoch, Series, write_series
from ..geo.areas import area_m2
from ..geo.grid import Grid
from ..geo.outlines import outlines
from ..geo.rasters import RasterWriter
from ..geo.vectors import write_layers
from ..simulate.landslides import place_landslides
from ..simulate.metadata import l3a_metadata
from ..simulate.sensor import COVERS, Sky, cover_ground, photograph, to_counts
from ..simulate.terrain import Terrain, make_terrain
from .shared.runs import new_run

PIXEL_SIZE_M = 5.0
EPSG = 32645
# Upper left corner somewhere in the Himalaya; the mountains are invented.
CORNER_M = (320_000.0, 3_115_000.0)
# Dates and sun of the paper's images of 2014 and 2015; the haze of the second is part of the task.
BEFORE = (date(2014, 11, 30), Sky(sun_elevation_deg=40.2, greenness=0.92))
AFTER = (date(2015, 11, 9), Sky(sun_elevation_deg=44.8, haze=0.02, gain=1.08))
TAGS = {"simulated": "yes", "note": "Simulated image: invented mountains, no real place."}


def run(params: SampleParams, report: Report) -> Result:
    """Writes two simulated images, the landslides between them, the searched ground and a series file."""
    rng = np.random.default_rng(params.seed)
    grid = Grid(f"EPSG:{EPSG}", Affine(PIXEL_SIZE_M, 0, CORNER_M[0], 0, -PIXEL_SIZE_M, CORNER_M[1]), params.size_px,
                params.size_px)
    report.stage("Making a simulated scene")
    terrain = make_terrain(params.size_px, PIXEL_SIZE_M, rng)
    before = cover_ground(terrain, rng)
    slides = place_landslides(terrain, params.n_landslides, rng, before != COVERS.index("water"))
    after = np.where(slides > 0, COVERS.index("landslide"), before).astype(np.uint8)
    report.progress(0.4)
    with new_run("sample", params) as folder:
        scenes = []
        for number, ((day, sky), cover) in enumerate(((BEFORE, before), (AFTER, after))):
            scenes.append(_write_scene(folder, grid, terrain, cover, day, sky, rng))
            report.progress(0.6 + 0.2 * number, scenes[-1])
        landslides = _landslides(slides, grid)
        write_layers(folder / "landslides.gpkg", {"landslides": landslides}, TAGS)
        ground = outlines(np.ones(grid.shape, np.uint8), grid, without=0).drop(columns="value")
        write_layers(folder / "searched.gpkg", {"searched": ground}, TAGS)
        series = Series((
            Epoch(str(BEFORE[0].year), (str(folder / scenes[0]),), searched=str(folder / "searched.gpkg")),
            Epoch(str(AFTER[0].year), (str(folder / scenes[1]),), landslides=str(folder / "landslides.gpkg"),
                  searched=str(folder / "searched.gpkg")),
        ))
        write_series(series, folder / "series.json")
    out = Path(params.out)
    return Result(
        {"series": str(out / "series.json"), "before": str(out / scenes[0]), "after": str(out / scenes[1]),
         "landslides": str(out / "landslides.gpkg"), "searched": str(out / "searched.gpkg")},
        {"simulated landslides": len(landslides), "landslide area [m²]": float(landslides["area_m2"].sum()),
         "ground [km²]": params.size_px**2 * PIXEL_SIZE_M**2 / 1e6},
    )


def _write_scene(
    folder: Path, grid: Grid, terrain: Terrain, cover: np.ndarray, day: date, sky: Sky, rng: np.random.Generator
) -> str:
    """Writes image, unusable-data mask and metadata under the names that the sensor's ground segment gives."""
    counts = to_counts(photograph(terrain, cover, sky, rng), sky.sun_elevation_deg, day)
    # The swath ends inside the tile: a slanting edge of fill, as in real tiles.
    rows, cols = np.mgrid[: grid.height, : grid.width]
    fill = cols + 0.2 * rows < 0.03 * grid.width
    counts[fill] = 0
    stem = f"4520613_{day.isoformat()}_RE1_3A_simulated"
    image, mask = f"{stem}.tif", f"{stem}_udm.tif"
    with RasterWriter(folder / image, grid, "uint16", None, len(BANDS), tags=TAGS) as writer:
        writer.write(np.moveaxis(counts, -1, 0), 0, 0)
    with RasterWriter(folder / mask, grid, "uint8", None, tags=TAGS) as writer:
        writer.write(fill.astype(np.uint8), 0, 0)
    xml = l3a_metadata(image, mask, day, sky, EPSG, grid.width, len(BANDS))
    (folder / f"{stem}_metadata.xml").write_text(xml, encoding="utf-8")
    return image


def _landslides(slides: np.ndarray, grid: Grid) -> gpd.GeoDataFrame:
    frame = outlines(slides, grid, without=0, connectivity=8).rename(columns={"value": "id"})
    frame["area_m2"] = area_m2(frame.geometry, frame.crs)
    frame["date"] = AFTER[0].isoformat()
    return frame
