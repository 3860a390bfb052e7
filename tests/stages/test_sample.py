import datetime

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from model_core.contract.errors import OutputError, UsageError
from model_core.geo.scenes import describe

from .conftest import do


def test_the_images_are_read_as_rapideye_reflectance(study):
    info = describe(next(study.glob("*2015*_simulated.tif")))
    assert (info.sensor, info.quantity, info.date) == ("RapidEye", "toa_reflectance", datetime.date(2015, 11, 9))
    assert info.bands == ("blue", "green", "red", "red_edge", "nir")
    assert info.mask_kind == "udm"


def test_every_file_says_that_it_is_simulated(study):
    for path in study.glob("*.tif"):
        with rasterio.open(path) as source:
            assert source.tags()["simulated"] == "yes"
            assert source.nodata is None  # as the sensor delivers it
    assert "simulated" in next(study.glob("*_metadata.xml")).read_text()


def test_landslides_are_where_the_ground_turned_bright(study):
    slides = gpd.read_file(study / "landslides.gpkg")
    red = []
    for year in ("2014", "2015"):
        with rasterio.open(next(study.glob(f"*{year}*_simulated.tif"))) as source:
            bands = source.read([3, 5]).astype(float)
            inside = rasterio.features.geometry_mask(slides.geometry, source.shape, source.transform, invert=True)
            red.append(np.median((bands[0] / bands[1].clip(1))[inside]))
    # Soil is redder than forest: the ratio of red to NIR rises.
    assert red[1] > 1.5 * red[0]


def test_the_same_seed_gives_the_same_study(study, tmp_path):
    do("sample", out=str(tmp_path / "again"), size_px=256, n_landslides=40, seed=1)
    for path in study.glob("*_simulated.tif"):
        with rasterio.open(path) as one, rasterio.open(tmp_path / "again" / path.name) as other:
            np.testing.assert_array_equal(one.read(), other.read())


def test_nothing_is_overwritten(study):
    with pytest.raises(OutputError):
        do("sample", out=str(study))


def test_too_small_a_scene_is_refused(tmp_path):
    with pytest.raises(UsageError):
        do("sample", out=str(tmp_path / "s"), size_px=64)
