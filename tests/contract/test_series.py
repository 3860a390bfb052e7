import json

import pytest

from model_core.contract.errors import MtlError
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


@pytest.mark.parametrize("data", [
    {}, {"epochs": []}, {"epochs": [{"name": "x"}]}, {"epochs": "x"}, [],
    {"epochs": [{"name": "x", "scenes": ["a"], "colour": 1}]},
    {"epochs": [{"name": "x", "scenes": ["a"]}, {"name": "x", "scenes": ["b"]}]},
    {"epochs": [{"name": "x", "scenes": ["a"]}], "unknown": 1},
])
def test_a_bad_series_is_refused_in_plain_words(tmp_path, data):
    path = tmp_path / "series.json"
    path.write_text(json.dumps(data))
    with pytest.raises(MtlError) as caught:
        read_series(path)
    assert caught.value.hint
