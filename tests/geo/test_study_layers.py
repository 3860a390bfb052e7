import datetime

import geopandas as gpd
import pyogrio
import pytest
from shapely.geometry import Point, box

from model_core.contract.errors import OutputError
from model_core.geo.stamp import stamp
from model_core.geo.study_layers import Part, StudyLayer, write_study_layers

CRS = "EPSG:32645"
SQUARE = box(320_000, 3_108_000, 320_100, 3_108_100)
DAY = datetime.date(2015, 11, 9)


def part(*geometries, epoch="2015", date=DAY, year=2015, crs=CRS, own=None, **columns):
    frame = gpd.GeoDataFrame(own or {}, geometry=list(geometries), crs=CRS).to_crs(crs)
    return Part(frame, epoch, date, year, columns)


def written(tmp_path, **layers):
    path = tmp_path / "study.gpkg"
    write_study_layers(path, CRS, layers)
    return {name: gpd.read_file(path, layer=name) for name, _ in pyogrio.list_layers(path)}


def test_each_feature_has_its_date_as_a_date_and_its_year(tmp_path):
    layer = StudyLayer("Areas in m².", {"area_m2": "Float64"}, [part(SQUARE), part(SQUARE, epoch="late", date=None, year=2016)])
    frame = written(tmp_path, inventory=layer)["inventory"]
    assert list(frame.columns[:4]) == ["date", "year", "epoch", "area_m2"]
    assert frame["date"].dt.date.tolist()[0] == DAY and frame["date"].isna().tolist() == [False, True]
    assert frame["year"].tolist() == [2015, 2016] and frame["epoch"].tolist() == ["2015", "late"]
    info = pyogrio.read_info(tmp_path / "study.gpkg", layer="inventory")
    assert list(info["dtypes"][:2]) == ["datetime64[D]", "int64"]


def test_all_layers_lie_in_one_coordinate_system(tmp_path):
    frames = written(tmp_path, a=StudyLayer("", {"area_m2": "Float64"}, [part(SQUARE, crs="EPSG:4326")]),
                     b=StudyLayer("", {}, [part(Point(320_000, 3_108_000))]))
    assert {frame.crs.to_epsg() for frame in frames.values()} == {32645}
    assert frames["a"].area.iloc[0] == pytest.approx(10_000, rel=1e-6)
    assert frames["b"].geom_type.tolist() == ["Point"]


def test_a_layer_has_its_columns_and_others_only_where_wanted(tmp_path):
    own = {"note": ["x"], "n": [3], "source_row": [0]}
    parts = [part(SQUARE, own=own, map="pooled"), part(SQUARE, map="zero-shot")]
    columns = {"map": "object", "n": "Int64"}
    frames = written(tmp_path, plain=StudyLayer("", columns, parts), whole=StudyLayer("", columns, parts, keep_others=True))
    assert list(frames["plain"].columns) == ["date", "year", "epoch", "map", "n", "geometry"]
    assert list(frames["whole"].columns) == ["date", "year", "epoch", "map", "n", "note", "geometry"]
    assert frames["plain"]["map"].tolist() == ["pooled", "zero-shot"]
    assert frames["plain"]["n"].tolist()[0] == 3 and frames["plain"]["n"].isna().tolist() == [False, True]


@pytest.mark.parametrize("parts", [[], [part()]])
def test_an_empty_layer_keeps_its_columns(tmp_path, parts):
    layer = StudyLayer("", {"area_m2": "Float64", "few": "boolean"}, parts)
    frame = written(tmp_path, inventory=layer)["inventory"]
    assert len(frame) == 0 and list(frame.columns) == ["date", "year", "epoch", "area_m2", "few", "geometry"]


def test_days_that_somebody_wrote_as_text_are_days_or_missing(tmp_path):
    layer = StudyLayer("", {"date_from": "datetime64[s]"},
                       [part(SQUARE, SQUARE, own={"date_from": ["2015-11-02", "last autumn"]})])
    frame = written(tmp_path, inventory=layer)["inventory"]
    assert frame["date_from"].dt.date.tolist()[0] == datetime.date(2015, 11, 2) and frame["date_from"].isna()[1]


def test_the_file_says_what_stands_in_it_and_what_made_it(tmp_path):
    with stamp({"stage": "study", "remark": "Simulated: no real place."}):
        written(tmp_path, inventory=StudyLayer("Areas in m².", {}, [part(SQUARE)]))
    info = pyogrio.read_info(tmp_path / "study.gpkg", layer="inventory")
    assert info["layer_metadata"]["DESCRIPTION"] == "Areas in m²."
    assert info["dataset_metadata"] == {"stage": "study", "remark": "Simulated: no real place."}


def test_a_folder_that_is_not_there_is_told_and_nothing_is_left(tmp_path):
    with pytest.raises(OutputError):
        write_study_layers(tmp_path / "missing" / "study.gpkg", CRS, {"a": StudyLayer("", {}, [part(SQUARE)])})
    assert not list(tmp_path.iterdir())
