import json

import pytest

from model_core.contract.errors import InputError
from model_core.contract.series import Epoch, Series, examine_series, read_series, write_series


def test_a_series_survives_a_move_of_its_folder(tmp_path):
    first = tmp_path / "first"
    first.mkdir()
    series = Series((Epoch("2015", (str(first / "a.tif"),), landslides=f"{first / 'all.gpkg'}|layername=2015"),
                     Epoch("2016", (str(first / "b.tif"),), ("blue", "green"), role="predict")), crs="EPSG:32645",
                    dem=str(first / "dem.tif"))
    write_series(series, first / "series.json")
    assert str(tmp_path) not in (first / "series.json").read_text()
    second = first.rename(tmp_path / "second")
    moved = read_series(second / "series.json")
    assert moved.epochs[0].scenes == (str(second / "a.tif"),)
    assert moved.epochs[0].landslides == f"{second / 'all.gpkg'}|layername=2015"
    assert moved.epochs[1].bands == ("blue", "green")
    assert (moved.epochs[1].role, moved.crs, moved.dem) == ("predict", "EPSG:32645", str(second / "dem.tif"))


ROW = {"name": "2015", "scenes": ["a.tif"]}


@pytest.mark.parametrize(("data", "said"), [
    ("not json", "it is no JSON"),
    ("[" * 100_000, "it is no JSON"),
    ([], "it has no list of epochs"),
    ({}, "it has no list of epochs"),
    ({"epochs": []}, "it has no list of epochs"),
    ({"epochs": "x"}, "it has no list of epochs"),
    ({"epochs": ["a.tif"]}, "its epoch 1 is 'a.tif'"),
    ({"epochs": [{"name": "2015"}]}, "epoch 2015: Missing parameter: scenes"),
    ({"epochs": [{"name": "2015", "scenes": []}]}, "epoch 2015 has no image"),
    ({"epochs": [{"name": " ", "scenes": ["a.tif"]}]}, "epoch 1 has no name"),
    ({"epochs": [{**ROW, "scenes": "a.tif"}]}, "epoch 2015: Scenes (scenes) cannot be 'a.tif'"),
    ({"epochs": [{**ROW, "scenes": [5]}]}, "epoch 2015: Scenes (scenes) cannot be 5"),
    ({"epochs": [{**ROW, "date": "2015-13-01"}]}, "epoch 2015: '2015-13-01' is not a date"),
    ({"epochs": [{**ROW, "date": "2015-11-09/2015-11-01"}]}, "epoch 2015: '2015-11-09/2015-11-01' ends before"),
    ({"epochs": [{**ROW, "role": "test"}]}, "epoch 2015: Role (role) cannot be 'test'"),
    ({"epochs": [{**ROW, "role": "judge"}]}, "epoch 2015: Its role is judge, but it has neither"),
    ({"epochs": [ROW], "dem": 5}, "Elevation (dem) cannot be 5"),
    ({"epochs": [{**ROW, "colour": 1}]}, "epoch 2015: Unknown parameter: colour"),
    ({"epochs": [ROW, {**ROW, "scenes": ["b.tif"]}]}, "are named 2015"),
    ({"epochs": [ROW], "colour": 1}, "Unknown parameter: colour"),
    ({"epochs": [ROW], "pixel_size_m": "5"}, "Pixel size [m] (pixel_size_m) cannot be '5'"),
    ({"epochs": [ROW], "pixel_size_m": -5}, "cannot be -5"),
    ({"epochs": [ROW], "area": ["a.gpkg"]}, "Area of interest (area) cannot be"),
    ({"epochs": [ROW], "version": 99}, "another version (99)"),
])
def test_a_bad_series_is_refused_with_its_place_and_in_plain_words(tmp_path, data, said):
    path = tmp_path / "series.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(InputError) as caught:
        read_series(path)
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_an_absent_series_is_said_to_be_absent(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        read_series(tmp_path / "series.json")


def test_a_series_written_by_notepad_is_read(tmp_path):
    (tmp_path / "series.json").write_text(json.dumps({"epochs": [{**ROW, "landslides": "slides\\2015.shp"}]}),
                                          encoding="utf-8-sig")
    epoch = read_series(tmp_path / "series.json").epochs[0]
    assert epoch.landslides == str(tmp_path / "slides" / "2015.shp")


def test_everything_that_is_wrong_is_told_at_once_and_the_rest_can_be_used(tmp_path):
    path = tmp_path / "series.json"
    path.write_text(json.dumps({"epochs": [{**ROW, "date": "soon"}, {"name": "2016"}, {**ROW, "name": "2017"}], "x": 1}))
    with pytest.raises(InputError) as caught:
        read_series(path)
    assert len(caught.value.details["problems"]) == 3
    for said in ("epoch 2015: 'soon' is not a date", "epoch 2016: Missing", "Unknown parameter: x"):
        assert said in caught.value.message
    series, faults = examine_series(path)
    assert [epoch.name for epoch in series.epochs] == ["2017"] and len(faults) == 3


@pytest.mark.parametrize(("known", "use"), [
    ({}, "predict"), ({"landslides": "a.gpkg"}, "train"), ({"searched": "a.gpkg"}, "train"),
    ({"landslides": "a.gpkg", "role": "judge"}, "judge"), ({"landslides": "a.gpkg", "role": "predict"}, "predict"),
])
def test_what_a_date_is_for_goes_without_saying(known, use):
    assert Epoch("2015", ("a.tif",), **known).use == use
