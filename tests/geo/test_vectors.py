import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from pyogrio.errors import DataSourceError

from model_core.contract.errors import InputError, OutputError
from model_core.geo.vectors import clean, in_crs, read_polygons, write_layers

CRS = "EPSG:32645"
SQUARE = shapely.box(320000, 3100000, 320100, 3100100)


def frame(*geometries, crs=CRS, **columns):
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(list(geometries), crs=crs))


def saved(path, layers):
    for name, data in layers.items():
        pyogrio.write_dataframe(data, path, layer=name)
    return path


def geojson(path, *geometries):
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture
def two_years(tmp_path):
    other = shapely.box(0, 0, 10, 10)
    return saved(tmp_path / "slides.gpkg", {"2014": frame(SQUARE, other, name=["a", "b"]), "2015": frame(SQUARE)})


def test_layers_are_chosen_in_qgis_way_and_by_option(two_years):
    assert len(read_polygons(two_years, layer="2014").frame) == 2
    assert len(read_polygons(f"{two_years}|layername=2015").frame) == 1
    assert len(read_polygons(f"{two_years}|layerid=1").frame) == 1
    assert len(read_polygons(f"{two_years}|layername=2014|subset=\"name\" = 'b'").frame) == 1


def test_an_unnamed_layer_is_the_first_of_polygons_and_said(two_years):
    layer = read_polygons(two_years)
    assert len(layer.frame) == 2
    assert "2014 is used" in layer.report.messages[0]


def test_the_layer_called_like_the_role_comes_first(tmp_path):
    path = saved(tmp_path / "a.gpkg", {"roads": frame(shapely.LineString([(0, 0), (1, 1)])), "extent": frame(SQUARE),
                                       "landslides": frame(SQUARE, SQUARE)})
    assert len(read_polygons(path).frame) == 2
    assert len(read_polygons(path, role="extent").frame) == 1


def test_a_missing_layer_names_the_layers_there_are(two_years):
    with pytest.raises(InputError, match="no layer named 2020") as caught:
        read_polygons(two_years, layer="2020")
    assert "2014, 2015" in caught.value.hint


@pytest.mark.parametrize("name", ["absent.gpkg", "notes.txt"])
def test_what_cannot_be_read_is_refused_in_plain_words(tmp_path, name):
    (tmp_path / "notes.txt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(InputError) as caught:
        read_polygons(tmp_path / name)
    assert name in caught.value.message
    assert caught.value.hint


def test_lines_are_not_polygons(tmp_path):
    path = saved(tmp_path / "roads.gpkg", {"roads": frame(shapely.LineString([(0, 0), (1, 1)]))})
    with pytest.raises(InputError, match="no polygons") as caught:
        read_polygons(path)
    assert caught.value.code == "vector.not-polygons"


def test_points_in_a_layer_of_unknown_type_are_not_polygons(tmp_path):
    with pytest.raises(InputError) as caught:
        read_polygons(geojson(tmp_path / "p.geojson", {"type": "Point", "coordinates": [1, 2]}, None))
    assert caught.value.code == "vector.not-polygons"


@pytest.mark.parametrize("crs", [None, 'LOCAL_CS["site",UNIT["metre",1]]'])
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_layer_without_crs_is_refused(tmp_path, crs):
    path = saved(tmp_path / "a.gpkg", {"a": frame(SQUARE, crs=crs)})
    with pytest.raises(InputError) as caught:
        read_polygons(path)
    assert caught.value.code == "vector.no-crs"
    assert "CRS" in caught.value.hint


def test_an_empty_layer_is_an_empty_frame(tmp_path):
    path = tmp_path / "a.gpkg"
    write_layers(path, {"a": frame(name=[])})
    layer = read_polygons(path)
    assert layer.frame.empty
    assert layer.frame.crs == CRS
    assert layer.report.n_read == 0


def test_unusable_features_are_counted_and_rows_remembered(tmp_path):
    collection = {"type": "GeometryCollection", "geometries": [
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[2, 0], [3, 0], [3, 1], [2, 1], [2, 0]]]},
    ]}
    path = geojson(
        tmp_path / "mixed.geojson",
        None,
        {"type": "Polygon", "coordinates": []},
        {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        collection,
        {"type": "Polygon", "coordinates": [[[0, 0, 9], [1, 0, 9], [1, 1, 9], [0, 1, 9], [0, 0, 9]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]},
    )
    layer = read_polygons(path)
    report = layer.report
    assert (report.n_read, report.n_empty, report.n_not_polygon, report.n_repaired) == (6, 3, 1, 1)
    assert layer.frame["source_row"].tolist() == [3, 4]
    assert shapely.area(layer.frame.geometry).tolist() == [2.0, 1.0]
    assert not layer.frame.has_z.any()
    assert any("points or lines" in text for text in report.messages)


def test_a_repair_that_changes_the_area_names_the_row():
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    layer = clean(frame(SQUARE, bow_tie))
    assert layer.frame.area.tolist() == [10000.0, 2.0]
    assert layer.frame.is_valid.all()
    assert layer.report.rows_repaired == (1,)
    assert "(rows 1)" in " ".join(layer.report.messages)


def test_a_self_touching_ring_is_repaired_without_remark():
    touching = shapely.Polygon([(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (1, 2), (1, 1), (0, 1)])
    layer = clean(frame(touching))
    assert layer.frame.area.tolist() == [2.0]
    assert layer.report.messages == ("1 invalid polygon repaired.",)


def test_parts_that_overlap_count_once_and_holes_stay():
    parts = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])
    ring = shapely.box(0, 0, 10, 10).difference(shapely.box(4, 4, 6, 6))
    assert clean(frame(parts, ring)).frame.area.tolist() == [7.0, 96.0]


@pytest.mark.filterwarnings("ignore:invalid value")
def test_coordinates_that_are_no_numbers_are_left_out():
    broken = shapely.Polygon([(0, 0), (1, np.nan), (1, 1)])
    layer = clean(frame(broken, SQUARE))
    assert layer.frame["source_row"].tolist() == [1]
    assert layer.report.n_empty == 1


def test_a_zipped_shapefile_is_read_whatever_the_folder_in_it(tmp_path):
    for year in ("2014", "2015"):
        pyogrio.write_dataframe(frame(SQUARE, year=[year]), tmp_path / f"{year}.shp")
    one, many = tmp_path / "one.zip", tmp_path / "many.zip"
    for archive, years in ((one, ["2014"]), (many, ["2014", "2015"])):
        with zipfile.ZipFile(archive, "w") as opened:
            for file in sorted(tmp_path.glob("201*")):
                if file.stem in years:
                    opened.write(file, f"Nepal/{file.name}")
    assert len(read_polygons(one).frame) == 1
    assert len(read_polygons(f"/vsizip/{one}/Nepal/2014.shp").frame) == 1
    assert read_polygons(f"{many}|layername=2015").frame["year"].tolist() == ["2015"]


def test_an_archive_of_several_kinds_asks_which(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("x/a.geojson", "{}")
        opened.writestr("x/b.gpkg", "")
    with pytest.raises(InputError, match="several vector files"):
        read_polygons(tmp_path / "a.zip")


def test_straight_sides_stay_where_they_are_in_another_crs():
    # The north side of this rectangle in degrees is an arc in UTM; its middle lies 25 m from the straight line.
    moved = in_crs(frame(shapely.box(86.0, 28.0, 86.4, 28.1), crs="EPSG:4326"), CRS)
    middle = gpd.GeoSeries([shapely.Point(86.2, 28.1)], crs="EPSG:4326").to_crs(CRS)[0]
    assert moved.geometry[0].boundary.distance(middle) < 0.1


def test_polygons_outside_the_domain_of_a_crs_are_dropped():
    assert len(in_crs(frame(shapely.box(85, 28, 85.1, 28.1), shapely.box(0, 89.9, 1, 95), crs="EPSG:4326"), CRS)) == 1


def test_written_layers_come_back_with_types_and_metadata(tmp_path):
    data = frame(
        SQUARE, shapely.MultiPolygon([SQUARE]),
        day=pd.to_datetime(["2018-09-06", None]), hour=pd.to_datetime(["2018-09-06 10:30", None]),
        n=pd.array([1, None], dtype="Int64"), share=[0.5, np.nan], seen=[True, False], text=["ü", None], fid=[7, 7],
        Text=["a", "b"],
    )
    path = tmp_path / "a.gpkg"
    write_layers(path, {"a": data, "empty": data.iloc[:0]}, {"made by": "test"})
    info = pyogrio.read_info(path, layer="a")
    kinds = dict(zip(info["fields"], info["ogr_types"], strict=True))
    assert kinds == {"day": "OFTDate", "hour": "OFTDateTime", "n": "OFTInteger64", "share": "OFTReal",
                     "seen": "OFTInteger", "text": "OFTString", "fid_": "OFTInteger64", "Text_": "OFTString"}
    assert info["geometry_type"] == "MultiPolygon"
    assert info["dataset_metadata"] == {"made by": "test"}
    back = pyogrio.read_dataframe(path, layer="a")
    assert back["n"].isna().tolist() == [False, True]
    assert back["text"][0] == "ü"
    assert back["share"].isna().tolist() == [False, True]
    assert back["day"].isna().tolist() == [False, True]
    empty = pyogrio.read_info(path, layer="empty")
    assert empty["fields"].tolist() == info["fields"].tolist()
    assert (empty["features"], empty["geometry_type"]) == (0, "MultiPolygon")


def test_reading_leaves_nothing_beside(tmp_path):
    frame = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:32645")
    write_layers(tmp_path / "a.gpkg", {"a": frame}, {"simulated": "yes"})
    read_polygons(tmp_path / "a.gpkg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gpkg"]


def test_writing_leaves_nothing_beside_and_replaces_whole_files(tmp_path):
    path = tmp_path / "a.gpkg"
    write_layers(path, {"old": frame(SQUARE)})
    write_layers(path, {"new": frame(SQUARE)})
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.gpkg"
    write_layers(path, {"old": frame(SQUARE)})
    write = pyogrio.raw.write

    def full_at_the_second(file, *args, layer, **options):
        if layer == "second":
            raise DataSourceError("disk full")
        write(file, *args, layer=layer, **options)

    monkeypatch.setattr(pyogrio.raw, "write", full_at_the_second)
    with pytest.raises(OutputError, match="could not be written"):
        write_layers(path, {"first": frame(SQUARE), "second": frame(SQUARE)})
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_folder_that_does_not_exist_is_an_output_error(tmp_path):
    with pytest.raises(OutputError):
        write_layers(tmp_path / "absent" / "a.gpkg", {"a": frame(SQUARE)})


# domain.md of the released inventories: n, total, min, max in planar m², holes, invalid rings.
NEPAL = {
    2013: (35, 452992.3, 250.2, 186958.0, 4, 0),
    2014: (21, 59788.7, 253.2, 20810.8, 0, 0),
    2015: (98, 1123609.5, 263.7, 205380.2, 18, 1),
    2016: (28, 60344.3, 430.0, 9359.3, 0, 0),
    2017: (18, 63188.5, 267.6, 29694.1, 0, 0),
    2018: (12, 13910.2, 314.0, 3150.7, 0, 0),
    2019: (24, 87207.3, 359.2, 20308.7, 1, 0),
}
OTHERS = {
    "China": {2009: 10335, 2011: 1552, 2013: 370, 2014: 560, 2017: 140, 2018: 198, 2019: 349, 2021: 414},
    "PNG": {2017: 95, 2018: 1557, 2019: 75, 2020: 5},
}


@pytest.mark.realdata
@pytest.mark.parametrize("year", NEPAL)
def test_released_nepal_inventories_are_read_exactly(shared_data: Path, year):
    n, total, smallest, largest, holes, invalid = NEPAL[year]
    layer = read_polygons(f"{shared_data}/inventories/Nepal.zip|layername={year}")
    planar = layer.frame.area
    assert (layer.report.n_read, len(layer.frame), layer.report.n_repaired) == (n, n, invalid)
    assert [round(v, 1) for v in (planar.sum(), planar.min(), planar.max())] == [total, smallest, largest]
    parts = shapely.get_parts(np.asarray(layer.frame.geometry))
    # The one invalid ring encloses two more holes by touching itself.
    assert shapely.get_num_interior_rings(parts).sum() == holes + 2 * invalid
    if year == 2015:
        assert layer.report.rows_repaired == (57,)
        assert len(layer.report.messages) == 1  # the repair changes no area


@pytest.mark.realdata
@pytest.mark.parametrize(("region", "invalid"), [("China", 49), ("PNG", 6)])
def test_released_inventories_elsewhere_have_the_known_counts(shared_data: Path, region, invalid):
    archive = shared_data / "inventories" / f"{region}.zip"
    layers = {year: read_polygons(archive, layer=str(year)) for year in OTHERS[region]}
    assert {year: len(layer.frame) for year, layer in layers.items()} == OTHERS[region]
    assert sum(layer.report.n_repaired for layer in layers.values()) == invalid
    assert all(layer.frame.is_valid.all() for layer in layers.values())
