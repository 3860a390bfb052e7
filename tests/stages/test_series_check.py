"""A series is looked at as a whole before any work: all that is wrong is told at once, with what to do."""

import json
import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely.geometry import box

from model_core.contract.errors import InputError, ModelError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.stages.shared.series_check import check_study

from .conftest import QUICK, do

SETTINGS = {**QUICK, "min_landslides": 1, "guard_px": 8, "n_blocks": 3, "folds": 3}


@pytest.fixture
def dem(tmp_path, after):
    """An elevation model that covers the sample."""
    with rasterio.open(after) as scene:
        transform, crs, bounds = scene.transform, scene.crs, scene.bounds
    path = tmp_path / "dem.tif"
    with rasterio.open(path, "w", driver="GTiff", width=30, height=30, count=1, dtype="float32", crs=crs,
                       transform=Affine(60, 0, transform.c - 60, 0, -60, transform.f + 60)) as out:
        assert bounds.right - bounds.left < 28 * 60
        out.write(np.add.outer(np.arange(30.0), np.arange(30.0)).astype(np.float32), 1)
    return path


@pytest.fixture
def checked(tmp_path, epochs, model):
    """Checks a study of the changed epochs; gives the problems and the report."""
    def check(rows=None, top=None, **settings):
        path = tmp_path / "series.json"
        path.write_text(json.dumps({"epochs": epochs if rows is None else rows, **(top or {})}))
        values = {**SETTINGS, "series": str(path), "model": str(model), "out": str(tmp_path / "out"), **settings}
        report = Recorder()
        try:
            check_study(make_job("study", values).params, report)
        except InputError as error:
            assert error.code == "study.problems"
            assert all(problem in error.message and problem.endswith((".", "?")) for problem in error.details["problems"])
            return error.details["problems"], report
        finally:
            assert not (tmp_path / "out").exists()
        return [], report

    return check


def moved(frame):
    return frame.set_geometry(frame.translate(100_000, 0))


def told(report):
    return [event["message"] for event in report.events if event.get("level") == "warning"]


def test_a_good_series_has_no_problem_and_no_warning_of_its_own(checked, dem):
    problems, report = checked(top={"dem": str(dem)})
    assert problems == []
    assert not [text for text in told(report) if "elevation" in text or "2014" in text]


def test_everything_is_told_at_once(checked, epochs, tmp_path):
    epochs[0]["scenes"] = [str(tmp_path / "gone.tif")]
    epochs[1]["landslides"] = str(tmp_path / "gone.gpkg")
    epochs += [{"name": "2016", "scenes": []}, {"name": "2017", "scenes": ["a.tif"], "date": "soon"}]
    problems, _ = checked(top={"dem": str(tmp_path / "gone_dem.tif")}, folds=2)
    text = " ".join(problems)
    assert len(problems) == 6, problems
    for said in ("gone.tif", "gone.gpkg", "2016 has no image", "'soon' is not a date", "gone_dem.tif",
                 "3 blocks cannot be tested in 2 folds"):
        assert said in text


def test_each_problem_names_its_date(checked, epochs, tmp_path):
    epochs[1]["ignore"] = str(tmp_path / "gone.gpkg")
    (problem,), _ = checked()
    assert problem.startswith("2015: ")


def test_images_of_one_date_with_other_bands(checked, epochs, after, tmp_path):
    path = tmp_path / "other.tif"
    with rasterio.open(after) as source:
        profile = {**source.profile, "count": 2, "driver": "GTiff"}
        with rasterio.open(path, "w", **profile) as out:
            out.write(source.read([1, 2]))
            out.descriptions = ("red", "nir")
    epochs[1]["scenes"].append(str(path))
    problems, _ = checked()
    assert any("cannot be joined: their bands differ" in problem for problem in problems)


@pytest.mark.parametrize("role", ["landslides", "searched"])
def test_layers_of_another_place(checked, epochs, study, tmp_path, role):
    path = tmp_path / "moved.gpkg"
    moved(gpd.read_file(study / f"{role}.gpkg")).to_file(path)
    epochs[1][role] = str(path)
    (problem,), _ = checked()
    assert problem.startswith("2015: none of its") and "touches its images" in problem


@pytest.mark.parametrize("way", ["on the image", "beside the image", "all around"])
def test_a_regional_inventory_without_landslides_in_the_area_is_a_zero(checked, epochs, study, tmp_path, way):
    slides, ground = gpd.read_file(study / "landslides.gpkg"), gpd.read_file(study / "searched.gpkg")
    left, bottom, right, top = ground.total_bounds
    middle = box(left + 200, bottom + 100, right - 300, top)
    gpd.GeoDataFrame(geometry=[middle], crs=ground.crs).to_file(tmp_path / "area.gpkg")
    inside = slides[slides.intersects(middle)]
    around = {
        "on the image": slides[~slides.intersects(middle)],
        "beside the image": slides.set_geometry(slides.translate(right - left + 500, 0)),
        "all around": slides.set_geometry([box(x, bottom, x + 50, top) for x in
                                           np.linspace(left - 9_000, left - 8_000, len(slides) - 1)]
                                          + [box(right + 8_000, bottom, right + 8_050, top)]),
    }[way]
    assert len(around) and len(inside)
    inside.to_file(tmp_path / "inside.gpkg")
    around.to_file(tmp_path / "around.gpkg")
    epochs[0]["landslides"], epochs[1]["landslides"] = str(tmp_path / "around.gpkg"), str(tmp_path / "inside.gpkg")
    settings = {"top": {"area": str(tmp_path / "area.gpkg")}, "guard_px": 0}
    problems, report = checked(**settings)
    assert problems == []
    assert any(f"2014: all of its {len(around)} landslides lie outside the study area" in text for text in told(report))
    del epochs[0]["searched"]
    (problem,), _ = checked(**settings)
    assert problem.startswith("2014: none of its") and "give the searched ground" in problem


def test_dates_in_the_wrong_order_and_twice(checked, epochs):
    (problem,), _ = checked(epochs[::-1])
    assert "2014 (2014-11-30) stands after 2015 (2015-11-09), but is older" in problem
    problems, _ = checked([*epochs, {**epochs[1], "name": "again"}])
    assert ["2015 and again have the same date (2015-11-09)" in problem for problem in problems] == [True]


def undated(source, target):
    """An image without the metadata that tell its day."""
    with rasterio.open(source) as scene, rasterio.open(target, "w", **{**scene.profile, "driver": "GTiff"}) as out:
        out.write(scene.read())
        out.descriptions = ("blue", "green", "red", "red_edge", "nir")
    return str(target)


def test_every_date_that_nothing_tells_is_a_problem(checked, epochs, after, tmp_path):
    for epoch, name in zip(epochs, "ab", strict=True):
        epoch.update(name=name, scenes=[undated(after, tmp_path / f"{name}.tif")])
    problems, _ = checked()
    assert [problem[:3] for problem in problems] == ["a: ", "b: "]
    assert all("date" in problem and "series file" in problem for problem in problems)
    problems, _ = checked(min_slope_deg=10)
    assert len(problems) == 3
    epochs[0]["date"], epochs[1]["date"] = "2014-11-30", "2015-11-01/2015-11-20"
    assert checked()[0] == []


def test_an_undated_image_is_mapped_by_itself(after, model, tmp_path):
    result, _ = do("predict", scene=[undated(after, tmp_path / "a.tif")], model=str(model), out=str(tmp_path / "out"))
    assert result.outputs


def test_a_single_landslide_is_a_warning(checked, epochs, study, tmp_path):
    slides = gpd.read_file(study / "landslides.gpkg")
    slides.iloc[[slides.area.argmax()]].to_file(tmp_path / "one.gpkg")
    epochs.append({**epochs[1], "name": "more", "date": "2016-11-09"})
    epochs[1]["landslides"] = str(tmp_path / "one.gpkg")
    problems, report = checked()
    assert problems == []
    assert any("2015 has a single landslide" in text for text in told(report))


@pytest.mark.parametrize("way", ["no layer", "empty layer"])
def test_a_searched_year_without_landslides_is_an_answer(checked, epochs, study, tmp_path, way):
    if way == "empty layer":
        gpd.read_file(study / "landslides.gpkg").iloc[:0].to_file(tmp_path / "none.gpkg")
        epochs[0]["landslides"] = str(tmp_path / "none.gpkg")
    problems, report = checked()
    assert problems == []
    assert not [text for text in told(report) if "2014" in text]


def test_an_area_that_no_image_covers(checked, study, tmp_path):
    moved(gpd.read_file(study / "searched.gpkg")).to_file(tmp_path / "area.gpkg")
    problems, _ = checked(top={"area": str(tmp_path / "area.gpkg")})
    assert any("area of interest lies outside all images" in problem for problem in problems)


def test_an_image_beside_the_area_names_its_date(checked, epochs, after, study, tmp_path):
    path = tmp_path / "away.tif"
    with rasterio.open(after) as source, rasterio.open(path, "w", **{**source.profile, "driver": "GTiff",
                                     "transform": source.transform @ Affine.translation(20_000, 0)}) as out:
        out.write(source.read())
        out.descriptions = ("blue", "green", "red", "red_edge", "nir")
    epochs.append({"name": "2016", "scenes": [str(path)], "date": "2016-11-04"})
    (problem,), _ = checked(top={"area": str(study / "searched.gpkg")})
    assert problem.startswith("2016: no part of its images lies in the area")
    problems, _ = checked()
    assert any("2016 show other ground" in problem for problem in problems)


def test_an_area_too_small_for_the_blocks(checked, study, tmp_path):
    ground = gpd.read_file(study / "searched.gpkg")
    middle = ground.union_all().centroid
    gpd.GeoDataFrame(geometry=[middle.buffer(150)], crs=ground.crs).to_file(tmp_path / "area.gpkg")
    problems, _ = checked(top={"area": str(tmp_path / "area.gpkg")}, guard_px=64)
    assert problems and any("fold 1 of all dates together" in problem or "too small" in problem for problem in problems)


def test_a_date_that_only_judges_gives_no_training_ground(checked, epochs):
    epochs[1]["role"] = "judge"
    problems, report = checked()
    assert not problems
    assert any("No date has landslides to learn from" in event.get("message", "") for event in report.events)


def test_the_training_series_is_looked_at_too(checked, epochs, tmp_path):
    rows = [{**epochs[0], "scenes": [str(tmp_path / "gone.tif")]}, {**epochs[1], "role": "judge"}]
    (tmp_path / "training.json").write_text(json.dumps({"epochs": rows}))
    problems, _ = checked(model=None, training=str(tmp_path / "training.json"))
    assert [problem for problem in problems if problem.startswith("training 2014: ") and "gone.tif" in problem]
    rows[0] = epochs[0]
    (tmp_path / "training.json").write_text(json.dumps({"epochs": rows}))
    (problem,), _ = checked(model=None, training=str(tmp_path / "training.json"))
    assert problem.startswith("training: no date has landslides to learn from")


def test_a_base_model_that_is_missing_keeps_its_own_error(checked, tmp_path):
    with pytest.raises(ModelError):
        checked(model=str(tmp_path / "none"))


def test_an_elevation_model_of_another_place(checked, dem, tmp_path):
    other = tmp_path / "far.tif"
    with rasterio.open(dem) as source, rasterio.open(
            other, "w", **{**source.profile, "transform": source.transform @ Affine.translation(900, 0)}) as out:
        out.write(source.read())
    (problem,), _ = checked(top={"dem": str(other)})
    assert "shows another place" in problem
    near = tmp_path / "near.tif"
    with rasterio.open(dem) as source, rasterio.open(
            near, "w", **{**source.profile, "transform": source.transform @ Affine.translation(10, 0)}) as out:
        out.write(source.read())
    problems, report = checked(top={"dem": str(near)})
    assert problems == [] and any("does not cover the whole" in text for text in told(report))


def test_a_least_slope_needs_elevations(checked):
    (problem,), _ = checked(min_slope_deg=10)
    assert "the series has no elevation" in problem


@pytest.mark.parametrize("stage", ["predict", "train", "fine-tune"])
def test_other_stages_tell_all_at_once_too(stage, epochs, write_series, model, tmp_path):
    for epoch in epochs:
        epoch["scenes"] = [str(tmp_path / f"gone_{epoch['name']}.tif")]
    values = {} if stage == "train" else {"model": str(model)}
    with pytest.raises(InputError) as error:
        do(stage, series=write_series(epochs), out=str(tmp_path / "out"), **values)
    assert error.value.code == "series.problems"
    assert ["gone_2014" in error.value.details["problems"][0], "gone_2015" in error.value.details["problems"][1]] == [True] * 2


def test_a_scene_dated_outside_the_given_days_is_a_warning(checked, epochs):
    epochs[1]["date"] = "2015-11-10/2015-11-30"
    problems, report = checked()
    assert problems == []
    assert any("2015-11-09" in text and "outside the days that are given for 2015" in text for text in told(report))


def test_each_date_without_a_band_of_the_model_is_told(checked, epochs, after, tmp_path):
    for epoch in epochs:
        path = tmp_path / f"{epoch['name']}.tif"
        with rasterio.open(after) as source, rasterio.open(
                path, "w", **{**source.profile, "count": 2, "driver": "GTiff"}) as out:
            out.write(source.read([1, 2]))
            out.descriptions = ("red", "nir")
        epoch.update(scenes=[str(path)], date=f"{epoch['name']}-11-10")
    problems, _ = checked()
    assert [problem[:6] for problem in problems] == ["2014: ", "2015: "]
    assert all("has no band" in problem for problem in problems)


@pytest.fixture
def damage(study, tmp_path):
    """Epochs of a copy of the sample, of which the images of these days end in the middle."""
    def make(*days):
        copied = shutil.copytree(study, tmp_path / "sample")
        for day in days:
            scene = next(copied.glob(f"*{day}*simulated.tif"))
            scene.write_bytes(scene.read_bytes()[: scene.stat().st_size // 2])
        rows = json.loads((copied / "series.json").read_text())["epochs"]
        for row in rows:
            row.update({key: str(copied / row[key]) for key in ("landslides", "searched") if key in row},
                       scenes=[str(copied / name) for name in row["scenes"]])
        return rows

    return make


def test_a_damaged_image_is_found_before_anything_is_trained(checked, damage):
    (problem,), _ = checked(damage("2015-11-09"))
    assert problem.startswith("2015: ") and "damaged" in problem


def test_each_damaged_image_is_told_with_its_date(checked, damage, tmp_path):
    rows = damage("2014-11-30", "2015-11-09")
    problems, _ = checked(rows)
    assert [problem[:6] for problem in problems] == ["2014: ", "2015: "]
    (tmp_path / "training.json").write_text(json.dumps({"epochs": rows}))
    problems, _ = checked(rows, model=None, training=str(tmp_path / "training.json"))
    assert {problem.split(":")[0] for problem in problems} == {"2014", "2015", "training 2014", "training 2015"}
