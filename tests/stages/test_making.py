"""What the files of a run say of how they were made."""

import json

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
from shapely.geometry import box

from model_core.contract.params.density import DensityParams
from model_core.geo.stamp import stamp
from model_core.geo.vectors import write_layers
from model_core.stages.shared.making import making

from .conftest import do


def layer(path, remark=None):
    frame = gpd.GeoDataFrame(geometry=[box(320_000, 3_108_000, 320_100, 3_108_100)], crs="EPSG:32645")
    with stamp({"remark": remark} if remark else {}):
        write_layers(path, {"landslides": frame})
    return str(path)


def params(**values):
    return DensityParams(out="somewhere", **values)


def test_parameters_are_told_without_where_they_were_run(tmp_path):
    tags = making("density", params(landslides=("a/b.gpkg|layername=x",), names=("2015",), radius_m=300.0))
    told = json.loads(tags["parameters"])
    assert (tags["stage"], told["landslides"], told["radius_m"]) == ("density", ["b.gpkg|layername=x"], 300.0)
    assert "out" not in told and "remark" not in tags


def test_the_remarks_of_all_sources_are_carried_on_once(tmp_path):
    layers = (layer(tmp_path / "a.gpkg", "Simulated."), layer(tmp_path / "b.gpkg", "Simulated."),
              layer(tmp_path / "c.gpkg", "By hand."), layer(tmp_path / "d.gpkg"))
    assert making("density", params(landslides=layers))["remark"] == "Simulated. By hand."


def test_a_series_gives_its_remark(series):
    assert making("density", params(series=series))["remark"].startswith("Simulated:")


def test_files_that_are_missing_have_no_remark(tmp_path):
    missing = str(tmp_path / "missing")
    assert "remark" not in making("density", params(series=f"{missing}.json", landslides=(f"{missing}.gpkg",)))


def test_a_simulated_image_alone_makes_a_simulated_map(mtl, after, model, tmp_path):
    code, _, err = mtl("predict", "--scene", after, "--model", model, "--precision", "float32")
    assert code == 0, err
    for path in (tmp_path / "out").glob("*.tif"):
        with rasterio.open(path) as source:
            assert source.tags()["remark"].startswith("Simulated:") and source.tags()["model_sha256"]
    polygons = next((tmp_path / "out").glob("*.gpkg"))
    assert pyogrio.read_info(polygons)["dataset_metadata"]["remark"].startswith("Simulated:")


@pytest.mark.parametrize("stage, figure, values", [
    ("statistics", "sizes.png", {}), ("density", "density_a.png", {"radius_m": 200.0})])
def test_figures_carry_the_remark_of_what_they_show(tmp_path, stage, figure, values):
    def red(remark):
        """Pixels of the colour that remarks have."""
        out = tmp_path / f"out{len(remark)}"
        do(stage, landslides=[layer(tmp_path / "a.gpkg", remark)], names=["a"], out=str(out), **values)
        with rasterio.open(out / figure) as image:
            return int((np.abs(image.read([1, 2, 3]).T - np.array([176.0, 0, 0])) < 3).all(axis=-1).sum())

    assert red("") == 0 < 50 < red("Simulated: no real place.")
