import json

import pytest

from model_core.contract.errors import InputError
from model_core.contract.series import Epoch, Series, read_series, write_series


def test_a_series_survives_a_move_of_its_folder(tmp_path):
    first = tmp_path / "first"
    first.mkdir()
    series = Series((Epoch("2015", (str(first / "a.tif"),), landslides=f"{first / 'all.gpkg'}|layername=2015"),
                     Epoch("2016", (str(first / "b.tif"),), ("blue", "green"))), crs="EPSG:32645")
    write_series(series, first / "series.json")
    assert str(tmp_path) not in (first / "series.json").read_text()
    second = first.rename(tmp_path / "second")
    moved = read_series(second / "series.json")
    assert moved.epochs[0].scenes == (str(second / "a.tif"),)
    assert moved.epochs[0].landslides == f"{second / 'all.gpkg'}|layername=2015"
    assert moved.epochs[1].bands == ("blue", "green")
    assert moved.crs == "EPSG:32645"


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
