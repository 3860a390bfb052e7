"""Densities of a study whose searched ground is not its area, without its trainings."""

import json
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.contract.series import read_series
from model_core.geo.grid import Grid
from model_core.geo.rasters import RasterWriter
from model_core.stages.shared.studying.differences import write_differences
from model_core.stages.shared.studying.findings import Findings
from model_core.stages.shared.studying.folder import ZERO_SHOT
from model_core.stages.shared.studying.steps import Steps

CRS = "EPSG:32645"
LEFT, BOTTOM = 320000, 3100000
INSIDE, AROUND = [(200, 500), (500, 300), (600, 700), (900, 500)], [(1100, 500), (1150, 600)]


def saved(path, *shapes):
    gpd.GeoDataFrame(geometry=list(shapes), crs=CRS).to_file(path)
    return str(path)


def ground(left, right):
    return box(LEFT + left, BOTTOM, LEFT + right, BOTTOM + 1000)


def squares(points):
    return [box(LEFT + x - 20, BOTTOM + y - 20, LEFT + x + 20, BOTTOM + y + 20) for x, y in points]


@pytest.fixture
def spread(tmp_path):
    """Spreads one date over the area of 1 km²; searched from the west to here [m]; gives the folder of densities."""
    def run(searched_m, mapped):
        folder = tmp_path / f"study-{searched_m}"
        binary = tmp_path / "binary.tif"
        grid = Grid(CRS, rasterio.transform.from_origin(LEFT, BOTTOM + 1000, 10, 10), 100, 100)
        with RasterWriter(binary, grid, "uint8", 255, tags={}, descriptions=["class"]) as writer:
            writer.write(np.zeros(grid.shape, np.uint8), 0, 0)
        series = tmp_path / "series.json"
        series.write_text(json.dumps({"area": saved(tmp_path / "area.gpkg", ground(0, 1000)), "epochs": [
            {"name": "2015", "scenes": ["x.tif"], "searched": saved(tmp_path / "searched.gpkg", ground(0, searched_m)),
             "landslides": saved(tmp_path / "drawn.gpkg", *squares(INSIDE + AROUND))}]}))
        maps = {(ZERO_SHOT, "2015"): {"binary": str(binary),
                                      "polygons": saved(tmp_path / "mapped.gpkg", *squares(mapped))}}
        params = make_job("study", {"series": str(series), "model": "any", "out": str(folder)}).params
        known = read_series(series)
        folder.mkdir()
        findings = Findings(SimpleNamespace(params=params, steps=Steps(folder, Recorder()), maps=maps), known,
                            known.epochs, Recorder())
        findings.outline()
        findings.spread()
        findings.contrast()
        return folder / "density"

    return run


def row(folder, kind):
    return json.loads((folder / kind / "density.json").read_text())["densities"][0]


def values(path):
    with rasterio.open(path) as source:
        return source.read(1), source.transform


def test_drawn_landslides_around_the_area_count_where_that_ground_was_searched(spread):
    wide, narrow = spread(1500, INSIDE), spread(1000, INSIDE)
    assert [row(folder, "drawn")["n_around"] for folder in (wide, narrow)] == [2, 0]
    assert [row(folder, "drawn")["n"] for folder in (wide, narrow)] == [4, 4]
    (more, place), (less, other) = (values(folder / "drawn" / "density_2015.tif") for folder in (wide, narrow))
    assert place == other and more.shape == less.shape and place.c == LEFT  # the grid stays that of the area
    assert np.isfinite(more).all() and more[:, -1].max() > less[:, -1].max() + 1
    # No map tells what lies beyond: the difference is that of the area, where drawn and mapped are the same.
    for folder in (wide, narrow):
        np.testing.assert_allclose(values(folder / "difference_2015.tif")[0], 0, atol=1e-4)


def test_what_is_mapped_on_unsearched_ground_is_no_difference_beside_it(spread):
    folder = spread(700, [*INSIDE[:3], *((710 + 5 * i, 500) for i in range(8))])
    change, place = values(folder / "difference_2015.tif")
    searched = int(700 / place.a)
    np.testing.assert_allclose(change[:, :searched], 0, atol=1e-4)
    assert np.isnan(change[:, searched + 1:]).all()


def test_a_difference_of_densities_that_are_gone_does_not_stay(spread):
    folder = spread(1000, INSIDE)
    write_differences(folder, None, None, None, Recorder())
    assert not list(folder.glob("*.tif"))
