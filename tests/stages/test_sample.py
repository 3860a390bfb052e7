import datetime
import json
import sqlite3

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize
from scipy import ndimage

from model_core.contract.errors import Cancelled, OutputError, UsageError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.contract.series import read_series
from model_core.geo.scenes import SceneStack, describe
from model_core.stages import sample
from model_core.stages.shared.series_check import check_study

from .conftest import do

SAME = {"kind": "pair", "size_px": 256, "n_landslides": 40, "seed": 1}


def image(study, year):
    return next(study.glob(f"*{year}*_simulated.tif"))


@pytest.mark.parametrize(("year", "date"), [("2014", datetime.date(2014, 11, 30)), ("2015", datetime.date(2015, 11, 9))])
def test_the_images_are_read_as_rapideye_reflectance(study, year, date):
    info = describe(image(study, year))
    assert (info.sensor, info.quantity, info.date) == ("RapidEye", "toa_reflectance", date)
    assert info.bands == ("blue", "green", "red", "red_edge", "nir")
    assert (info.mask_kind, info.crs) == ("udm", "EPSG:32645")
    with rasterio.open(image(study, year)) as source:
        assert (source.count, source.dtypes[0], source.res, source.nodata) == (5, "uint16", (5.0, 5.0), None)


def test_reflectances_are_those_of_mountains(study):
    info = describe(image(study, "2015"))
    with rasterio.open(info.path) as source:
        grid = sample.Grid("EPSG:32645", source.transform, source.width, source.height)
    with SceneStack([info], grid, info.bands) as stack:
        values, valid = stack.read(slice(0, 256), slice(0, 256))
    middle = np.median(values[valid], axis=0)
    assert ((middle > 0.03) & (middle < 0.35)).all()
    assert middle[4] > 2 * middle[2]  # vegetation
    assert 0 < (~valid).mean() < 0.2


def test_every_file_says_that_it_is_simulated(study):
    for path in study.glob("*.tif"):
        with rasterio.open(path) as source:
            assert source.tags()["simulated"] == "yes"
            assert "simulated" in path.name
    for path in study.glob("*_metadata.xml"):
        assert "simulated" in path.read_text()
    for path in study.glob("*.gpkg"):
        with sqlite3.connect(path) as database:
            assert "invented mountains" in str(database.execute("SELECT metadata FROM gpkg_metadata").fetchall())


def test_landslides_lie_where_the_ground_changed_and_nowhere_else(study):
    slides = gpd.read_file(study / "landslides.gpkg")
    ratios = []
    for year in ("2014", "2015"):
        with rasterio.open(image(study, year)) as source:
            red, nir = source.read([3, 5]).astype(float)
            ratios.append(ndimage.gaussian_filter(red / nir.clip(1), 0.7))
            seen = red > 0
    inside = rasterize(slides.geometry, seen.shape, transform=source.transform) == 1
    # Soil is redder than forest: the ratio of red to NIR rises.
    rise = ratios[1] / ratios[0].clip(0.01)
    core = seen & ndimage.binary_erosion(inside)
    around = seen & ~ndimage.binary_dilation(inside, iterations=3)
    assert np.median(rise[core]) > 1.5
    assert (rise[core] > 1.3).mean() > 0.85
    assert (rise[around] > 1.3).mean() < 0.1


def test_the_layer_says_area_and_date_of_each_landslide(study):
    slides = gpd.read_file(study / "landslides.gpkg")
    assert slides["id"].tolist() == list(range(1, len(slides) + 1)) and 20 < len(slides) <= 40
    assert slides["area_m2"].to_numpy() == pytest.approx(slides.area.to_numpy(), rel=2e-3)
    assert slides["area_m2"].min() >= 200
    assert set(slides["date"].astype(str).str[:10]) == {"2015-11-09"}


def test_the_series_file_can_be_moved_with_its_folder(study):
    assert not json.dumps(json.loads((study / "series.json").read_text())).count(str(study))
    before, after = read_series(study / "series.json").epochs
    assert (before.landslides, after.name) == (None, "2015")
    assert after.landslides == str(study / "landslides.gpkg")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ground(study, tmp_path):
    for name, seed in (("again", 1), ("other", 2)):
        do("sample", out=str(tmp_path / name), **{**SAME, "seed": seed})
    for path in (*study.glob("*.tif"), *study.glob("*.xml"), study / "series.json"):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert gpd.read_file(tmp_path / "again" / "landslides.gpkg").equals(gpd.read_file(study / "landslides.gpkg"))
    with rasterio.open(image(study, "2014")) as one, rasterio.open(image(tmp_path / "other", "2014")) as other:
        assert (one.read() != other.read()).mean() > 0.9


def test_nothing_is_overwritten(study):
    with pytest.raises(OutputError):
        do("sample", out=str(study), **SAME)


def test_a_stopped_sample_leaves_nothing(tmp_path):
    class Stopping(Recorder):
        def cancelled(self):
            return any(event["event"] == "progress" and event["fraction"] > 0.5 for event in self.events)

    with pytest.raises(Cancelled):
        sample.run(make_job("sample", {"out": str(tmp_path / "s"), **SAME}).params, Stopping())
    assert list(tmp_path.iterdir()) == []


def test_too_small_a_scene_is_refused(tmp_path):
    with pytest.raises(UsageError):
        do("sample", out=str(tmp_path / "s"), kind="pair", size_px=64)


@pytest.fixture(scope="module")
def years(tmp_path_factory):
    out = tmp_path_factory.mktemp("years") / "study"
    result = sample.run(make_job("sample", {"out": str(out), "kind": "years", "small": True}).params, Recorder())
    return out, result


def test_seven_years_have_the_life_cycle_of_the_paper(years):
    rows = years[1].summary["simulated landslides in the area"]
    counts = {int(row["year"]): row["landslides"] for row in rows}
    assert list(counts) == list(range(2013, 2020))
    assert counts[2013] < counts[2015] / 3 and counts[2015] == max(counts.values())
    assert counts[2015] > counts[2016] > counts[2017] >= counts[2019]


def test_training_landslides_lie_outside_the_area(years):
    (epoch,) = read_series(years[0] / "training.json").epochs
    area = gpd.read_file(years[0] / "area.gpkg").geometry.union_all()
    training, ground = gpd.read_file(epoch.landslides), gpd.read_file(epoch.searched).geometry.union_all()
    assert epoch.name == "2016" and len(training) >= 5
    assert training.geometry.intersection(area).area.sum() == 0
    assert ground.intersection(area).area == 0
    assert training.geometry.within(ground).all()


def test_a_study_of_the_small_sample_can_begin_with_the_defaults(years, tmp_path):
    words = {"series": years[0] / "series.json", "training": years[0] / "training.json", "out": tmp_path / "study"}
    check_study(make_job("study", {name: str(path) for name, path in words.items()}).params, Recorder())
    assert len(gpd.read_file(years[0] / "training_2016.gpkg")) < 30


def test_what_is_drawn_is_brighter_in_red_than_the_forest_beside_it(years):
    for epoch in read_series(years[0] / "series.json").epochs:
        with rasterio.open(epoch.scenes[0]) as image:
            red, nir = image.read(3).astype(float), image.read(5).astype(float)
            drawn = gpd.read_file(epoch.landslides)
            here = rasterize(drawn.geometry, red.shape, transform=image.transform).astype(bool)
        seen = red > 0
        assert np.median((nir / np.maximum(red, 1))[here & seen]) < 0.8 * np.median((nir / np.maximum(red, 1))[~here & seen])


def test_clouds_are_flagged_in_the_mask(years):
    (year,) = (epoch for epoch in read_series(years[0] / "series.json").epochs if epoch.name == "2018")
    with rasterio.open(year.scenes[0]) as image, rasterio.open(year.scenes[0].replace(".tif", "_udm.tif")) as mask:
        blue, flags = image.read(1).astype(float), mask.read(1)
    cloudy = (flags & 2) > 0
    assert 0.002 < cloudy.mean() < 0.1
    assert np.median(blue[cloudy]) > 2 * np.median(blue[flags == 0])
