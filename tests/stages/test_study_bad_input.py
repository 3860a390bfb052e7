"""A study tells everything that is wrong with its input at once, before anything is begun; a quiet year is not wrong."""

import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from model_core.contract.errors import InputError, UsageError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.stages import study as study_stage
from model_core.stages.shared.studying.steps import Steps

from .conftest import QUICK, do

SETTINGS = {**QUICK, "patch_size_px": 32, "stride_px": 48, "fine_tuning_epochs": 1, "folds": 3, "min_landslides": 1, "guard_px": 8,
            "layout": "compact"}


@pytest.fixture
def two(study, series, epochs, tmp_path, monkeypatch):
    """Begins a study of the two dates with changes; returns its problems after a look at whether it began anything."""
    def begun(self, name, *_):
        pytest.fail(f"{name} was begun")

    monkeypatch.setattr(Steps, "run", begun)

    def begin(*, area=None, **values):
        write(tmp_path / "series.json", epochs, area)
        given = {"series": str(tmp_path / "series.json"), "training": series, **SETTINGS, **values}
        if "model" in values:
            del given["training"]
        with pytest.raises(InputError) as caught:
            study_stage.run(make_job("study", {**given, "out": str(tmp_path / "study")}).params, Recorder())
        assert not (tmp_path / "study").exists(), "something was begun"
        assert caught.value.code == "study.problems", caught.value.message
        problems = caught.value.details["problems"]
        assert all(problem.endswith(".") and problem in caught.value.message for problem in problems)
        return problems

    return begin


def write(path, epochs, area=None):
    path.write_text(json.dumps({"epochs": epochs, **({"area": area} if area else {})}))


def polygons(path, *shapes, crs="EPSG:32645", columns=()):
    gpd.GeoDataFrame(dict.fromkeys(columns, 0), geometry=list(shapes), crs=crs).to_file(path, layer="polygons")
    return str(path)


def rgb_copy(source, target):
    """An image of three bands of an image of five, which names them."""
    with rasterio.open(source) as scene:
        profile = {**scene.profile, "count": 3}
        pixels = scene.read((1, 2, 3))
    with rasterio.open(target, "w", **profile) as copy:
        copy.write(pixels)
        copy.descriptions = ("blue", "green", "red")
    return str(target)


# -- what is wrong -------------------------------------------------------------------------------------------------

def test_a_date_without_an_image(two, epochs, tmp_path):
    epochs[0]["scenes"] = [str(tmp_path / "missing.tif")]
    assert [problem for problem in two() if "missing.tif" in problem and epochs[0]["name"] in problem]


def test_a_date_that_names_no_image(epochs, series, tmp_path):
    epochs[0]["scenes"] = []
    write(tmp_path / "series.json", epochs)
    job = make_job("study", {"series": str(tmp_path / "series.json"), "training": series, "out": str(tmp_path / "study")})
    with pytest.raises(InputError, match=r"epoch 2014 has no image"):
        study_stage.run(job.params, Recorder())
    assert not (tmp_path / "study").exists()


def test_images_of_one_date_with_different_bands(two, epochs, tmp_path):
    epochs[1]["scenes"].append(rgb_copy(epochs[1]["scenes"][0], tmp_path / "three_bands.tif"))
    assert [problem for problem in two() if "2015" in problem and "band" in problem]


def test_an_inventory_of_another_place(two, epochs, slides, tmp_path):
    moved = gpd.read_file(slides)
    moved.geometry = moved.geometry.translate(100_000, 0)
    moved.to_file(tmp_path / "far.gpkg", layer="landslides")
    epochs[1]["landslides"] = str(tmp_path / "far.gpkg")
    assert [problem for problem in two() if "2015" in problem and "landslide" in problem]


def test_dates_that_cannot_be_read(two, epochs):
    epochs[0]["date"], epochs[1]["date"] = "2014-13-45", "autumn"
    problems = two()
    assert [problem for problem in problems if "2014-13-45" in problem] and [p for p in problems if "autumn" in p]


def test_an_area_that_is_too_small_to_be_cut_into_blocks(two, epochs, slides, tmp_path):
    x, y, *_ = gpd.read_file(slides).total_bounds
    assert two(area=polygons(tmp_path / "area.gpkg", box(x, y, x + 60, y + 60)))


def test_an_area_elsewhere(two, slides, tmp_path):
    x, y, *_ = gpd.read_file(slides).total_bounds + 100_000
    assert [problem for problem in two(area=polygons(tmp_path / "area.gpkg", box(x, y, x + 900, y + 900)))
            if "area" in problem]


def test_blocks_of_which_some_have_no_landslides(two, epochs, slides, tmp_path):
    gpd.read_file(slides).iloc[:1].to_file(tmp_path / "one.gpkg", layer="landslides")
    epochs[1]["landslides"] = str(tmp_path / "one.gpkg")
    assert [problem for problem in two(layout="strips") if "landslide" in problem]


def test_folds_that_the_blocks_do_not_allow(two):
    assert [problem for problem in two(n_blocks=3, folds=2) if "3 blocks cannot be tested in 2 folds" in problem]


def test_a_training_series_without_landslides(two, epochs, tmp_path):
    write(tmp_path / "quiet.json", epochs[:1])
    assert [problem for problem in two(training=str(tmp_path / "quiet.json")) if problem.startswith("training")]


def test_a_model_of_other_bands(two, epochs, model, tmp_path):
    for epoch in epochs:
        epoch["scenes"] = [rgb_copy(epoch["scenes"][0], tmp_path / f"{epoch['name']}.tif")]
    problems = two(model=str(model))
    assert [problem for problem in problems if "has no band" in problem]


def test_all_that_is_wrong_is_told_at_once(two, epochs, tmp_path):
    epochs[0]["scenes"] = [str(tmp_path / "missing.tif")]
    epochs[1]["landslides"] = str(tmp_path / "missing.gpkg")
    write(tmp_path / "quiet.json", epochs[:1])
    problems = " ".join(two(training=str(tmp_path / "quiet.json")))
    assert "missing.tif" in problems and "missing.gpkg" in problems and "no date has landslides" in problems


def test_folds_and_blocks_that_never_fit_are_refused_as_options(series, tmp_path):
    with pytest.raises(UsageError, match="does not fit 3 blocks"):
        make_job("study", {"series": series, "training": series, "n_blocks": 3, "folds": 4, "out": str(tmp_path / "study")})


# -- what is not wrong ---------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def quiet(study, model, tmp_path_factory):
    """Folder, result and report of a study of a searched year without landslides, one with a single one, one with many."""
    folder = tmp_path_factory.mktemp("quiet")
    data = json.loads((study / "series.json").read_text())["epochs"]
    drawn = gpd.read_file(study / "landslides.gpkg")
    one = drawn.loc[[drawn.area.idxmax()]]
    one.to_file(folder / "one.gpkg", layer="landslides")
    drawn.iloc[:0].to_file(folder / "none.gpkg", layer="landslides")
    before, after = ({**epoch, "scenes": [str(study / scene) for scene in epoch["scenes"]],
                      "searched": str(study / epoch["searched"])} for epoch in data)
    write(folder / "series.json", [
        {**before, "name": "none", "landslides": str(folder / "none.gpkg")},
        {**before, "name": "one", "landslides": str(folder / "one.gpkg"), "date": "2014-12-01"},
        {**after, "name": "many", "landslides": str(study / "landslides.gpkg")},
    ], str(study / "searched.gpkg"))
    result, report = do("study", series=str(folder / "series.json"), model=str(model), out=str(folder / "study"), **SETTINGS)
    return folder / "study", result, report


def test_a_study_with_quiet_years_is_whole(quiet):
    out, result, _ = quiet
    assert "left out" not in result.summary
    rows = json.loads((out / "study.json").read_text())["accuracy"]
    assert {(row["date"], row["map"]) for row in rows} == {
        (date, kind) for date in ("none", "one", "many") for kind in ("zero-shot", "pooled")}


def test_a_searched_year_without_landslides_counts_as_zero(quiet):
    out, _, _ = quiet
    rows = {(row["date"], row["map"]): row for row in json.loads((out / "study.json").read_text())["accuracy"]}
    for kind in ("zero-shot", "pooled"):
        assert rows["none", kind]["recall"] is None and rows["none", kind]["drawn"] == 0
        assert rows["none", kind]["mapped"] >= 0
    sizes = {row["name"]: row for row in json.loads((out / "statistics" / "statistics.json").read_text())["layers"]}
    assert (sizes["none drawn"]["TL"], sizes["none drawn"]["TAL_m2"]) == (0, 0)
    densities = {row["layer"]: row for row in
                 json.loads((out / "density" / "drawn" / "density.json").read_text())["densities"]}
    assert (densities["none"]["n"], densities["none"]["peak"]) == (0, 0)
    with rasterio.open(out / "density" / "drawn" / "density_none.tif") as raster:
        assert not np.nan_to_num(raster.read()).any()


def test_a_single_landslide_in_a_year_is_counted_and_has_no_fit(quiet):
    out, _, report = quiet
    sizes = {row["name"]: row for row in json.loads((out / "statistics" / "statistics.json").read_text())["layers"]}
    assert sizes["one drawn"]["TL"] == 1 and sizes["one drawn"]["alpha"] is None
    assert sizes["one drawn"]["power_law"] != "fitted"
    densities = {row["layer"]: row for row in
                 json.loads((out / "density" / "drawn" / "density.json").read_text())["densities"]}
    assert densities["one"]["n"] == 1 and densities["one"]["radius_m"] == densities["many"]["radius_m"]
    told = " ".join(event["message"] for event in report.events if event["event"] == "log")
    assert "one (1)" in told or "one: 1 landslide" in told
