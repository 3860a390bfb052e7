from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from model_core.geo.areas import apply_minimum, area_m2, measure, perimeter_m, reaches
from model_core.geo.vectors import read_polygons

GEOD = pyproj.Geod(ellps="WGS84")


def band_area_m2(west, east, south, north):
    """Closed form of the area between two meridians and two parallels of an ellipsoid of revolution."""
    e = np.sqrt(GEOD.es)

    def q(latitude):
        s = np.sin(np.radians(latitude))
        return s / (1 - GEOD.es * s**2) + np.log((1 + e * s) / (1 - e * s)) / (2 * e)

    return GEOD.b**2 / 2 * np.radians(east - west) * (q(north) - q(south))


@pytest.mark.parametrize("box", [(141, 42.7, 142, 43), (-5, -1, 5, 1), (179.9, 60, 180.1, 60.1)])
def test_area_between_parallels_matches_the_closed_form(box):
    # Without vertices along the parallels a geodesic side would take 1e-5 of the area off at 1 degree.
    west, south, east, north = box
    exact = band_area_m2(west, east, south, north)
    assert area_m2([shapely.box(*box)], "EPSG:4326")[0] == pytest.approx(exact, rel=1e-8)


def test_area_is_the_same_in_every_crs():
    field = gpd.GeoSeries([shapely.Point(500000 + i * 30000, 3100000).buffer(400) for i in range(4)], crs="EPSG:32645")
    ours = area_m2(field, field.crs)
    for crs in ("EPSG:4326", "EPSG:3857", "EPSG:32644"):
        assert area_m2(field.to_crs(crs), crs) == pytest.approx(ours, rel=1e-7)


def test_holes_are_subtracted_and_add_to_the_perimeter():
    outer, inner = shapely.box(500000, 0, 501000, 1000), shapely.box(500400, 400, 500600, 600)
    area, perimeter = measure([outer.difference(inner), outer, inner], "EPSG:32645")
    assert area[0] == pytest.approx(area[1] - area[2], rel=1e-12)
    assert perimeter[0] == pytest.approx(perimeter[1] + perimeter[2], rel=1e-12)
    assert perimeter[1] == pytest.approx(4000 / 0.9996, rel=1e-6)  # the scale of UTM on its central meridian


def test_orientation_parts_and_missing_geometries():
    clockwise = shapely.Polygon([(0, 0), (0, 10), (10, 10), (10, 0)])
    parts = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)])
    area = area_m2([clockwise, clockwise.reverse(), parts, None, shapely.Polygon()], "EPSG:32645")
    assert area[0] == area[1]
    assert area[2] == pytest.approx(2 * area[0], rel=1e-6)
    assert area[3:].tolist() == [0, 0]
    assert area_m2([], "EPSG:32645").shape == perimeter_m([], "EPSG:32645").shape == (0,)


def test_eight_pixels_of_5_m_reach_200_m2_whatever_the_map_scale():
    eight = shapely.box(300000, 3110000, 300020, 3110010)
    assert area_m2([eight], "EPSG:32645")[0] < 199.98  # the map is larger than the ground here
    frame = gpd.GeoDataFrame(geometry=[eight], crs="EPSG:32645")
    for crs in ("EPSG:32645", "EPSG:4326"):
        assert len(apply_minimum(frame.to_crs(crs), 200)[0]) == 1
    assert reaches(np.array([199.85, 199.0]), 200).tolist() == [True, False]


def test_minimum_splits_without_loss():
    squares = [shapely.box(0, 0, side, side) for side in (10, 20, 30)]
    frame = gpd.GeoDataFrame({"a": [1, 2, 3]}, geometry=squares, crs="EPSG:32645")
    kept, smaller = apply_minimum(frame, 350)
    assert (kept["a"].tolist(), smaller["a"].tolist()) == ([2, 3], [1])


@pytest.mark.realdata
def test_ellipsoidal_and_planar_area_of_the_released_nepal_inventories_differ_by_less_than_1e_4(shared_data: Path):
    for year in range(2013, 2020):
        frame = read_polygons(f"{shared_data}/inventories/Nepal.zip|layername={year}").frame
        ratio = area_m2(frame.geometry, frame.crs) / frame.area
        assert np.abs(ratio - 1).max() < 1e-4
        assert np.abs(ratio - 1).min() > 2e-5  # and they do differ: the areas are not planar ones
