from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from model_core.geo.areas import area_m2
from model_core.geo.label_faults import outline_faults, share_within
from model_core.geo.vectors import clean, read_polygons

CRS = "EPSG:32645"


def box(left, bottom, right, top):
    return shapely.box(320000 + left, 3100000 + bottom, 320000 + right, 3100000 + top)


def faults(*geometries, min_area_m2=200):
    frame = clean(gpd.GeoDataFrame(geometry=list(geometries), crs=CRS)).frame
    return outline_faults(frame, pixel_size_m=5, min_area_m2=min_area_m2)


def test_duplicates_point_to_the_first_drawing():
    again = shapely.Polygon(box(0, 0, 50, 50).exterior.coords[::-1])
    checked, overlapping = faults(box(0, 0, 50, 50), box(200, 0, 250, 50), again, box(0.05, 0, 50.05, 50))
    assert checked["duplicate"].tolist() == [False, False, True, True]
    assert checked["duplicate_of"].tolist()[2:] == [0, 0]
    assert not checked["overlapping"].any()  # said once, not twice
    assert overlapping.n_pairs == 3
    assert overlapping.area_m2 - overlapping.union_m2 == pytest.approx(5000, rel=0.01)


def test_overlaps_are_measured_and_common_edges_are_none():
    checked, overlapping = faults(box(0, 0, 50, 50), box(40, 0, 90, 50), box(90, 0, 140, 50))
    assert checked["overlapping"].tolist() == [True, True, False]
    assert checked["overlap_m2"].tolist() == pytest.approx([500, 500, 0], rel=1e-3)
    assert overlapping.union_m2 == pytest.approx(50 * 140, rel=1e-3)


def test_slivers_are_narrow_and_long():
    thin, tiny, long = box(0, 0, 100, 4.5), box(200, 0, 204, 4), box(300, 0, 400, 6)
    narrowing = shapely.Polygon([(320500, 3100000), (320600, 3100000), (320600, 3100020)])
    checked, _ = faults(thin, tiny, long, narrowing)
    assert checked["sliver"].tolist() == [True, False, False, False]
    assert checked["too_small"].tolist() == [False, True, False, False]
    assert checked["compactness"].tolist() == pytest.approx(
        [4 * np.pi * 450 / 209**2, np.pi / 4, 4 * np.pi * 600 / 212**2, checked["compactness"][3]], rel=1e-3
    )


def test_single_and_no_polygons_have_no_faults():
    assert faults(box(0, 0, 50, 50))[0]["duplicate"].tolist() == [False]
    empty, overlapping = faults()
    assert len(empty) == 0
    assert overlapping.union_m2 == 0


def test_share_within_is_by_area():
    ground = gpd.GeoDataFrame(geometry=[box(0, 0, 60, 60), box(60, 0, 100, 60)], crs=CRS)
    inner, partly, outer = box(50, 10, 70, 20), box(90, 0, 130, 10), box(200, 0, 210, 10)
    frame = gpd.GeoDataFrame(geometry=[inner, partly, outer], crs=CRS)
    assert share_within(frame, ground).tolist() == pytest.approx([1, 0.25, 0])
    assert share_within(frame, ground[:0]).tolist() == [0, 0, 0]


@pytest.mark.realdata
def test_china_2009_counts_274917_m2_twice_and_nepal_nothing(shared_data: Path):
    frame = read_polygons(f"{shared_data}/inventories/China.zip|layername=2009").frame
    checked, overlapping = outline_faults(frame, 5, 200)
    touching = gpd.sjoin(frame[["geometry"]], frame[["geometry"]])
    in_contact = touching.index[touching.index != touching["index_right"]].unique()
    geometry = np.asarray(frame.geometry[in_contact])  # the others cannot share ground
    planar = shapely.area(geometry).sum() - shapely.area(shapely.union_all(geometry))
    assert round(planar) == 274917
    twice = overlapping.area_m2 - overlapping.union_m2
    # The CRS is 2.9e-4 off the ellipsoid here.
    assert twice == pytest.approx(planar, rel=4e-4)
    assert overlapping.area_m2 == pytest.approx(area_m2(frame.geometry, frame.crs).sum())
    assert checked["duplicate"].sum() == 1
    for year in range(2013, 2020):
        nepal = read_polygons(f"{shared_data}/inventories/Nepal.zip|layername={year}").frame
        assert outline_faults(nepal, 5, 200)[1].n_pairs == 0
