import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from model_core.contract.errors import UsageError
from model_core.geo.points import metric_crs, positions, within

UTM = "EPSG:32645"
HORSESHOE = shapely.Point(0, 0).buffer(100).difference(shapely.Point(30, 0).buffer(90))


def frame(*geometries, crs=UTM):
    return gpd.GeoDataFrame(geometry=[shapely.affinity.translate(g, 325000, 3109000) for g in geometries], crs=crs)


def test_the_centroid_of_a_bent_polygon_lies_beside_it_and_the_point_on_it_does_not():
    bent = frame(HORSESHOE)
    (centroid,), (point,) = positions(bent, inside=False), positions(bent, inside=True)
    assert centroid.tolist() == list(bent.geometry.centroid.iloc[0].coords[0])
    assert not bent.covers(shapely.Point(centroid)).any() and bent.covers(shapely.Point(point)).all()


def test_no_polygon_has_no_position():
    assert positions(frame(), inside=False).shape == positions(frame(), inside=True).shape == (0, 2)


def test_points_within_a_distance_of_polygons():
    boxes = frame(shapely.box(0, 0, 10, 10), shapely.box(5, 5, 20, 10))
    points = np.array([[325005, 3109005], [325025, 3109010], [325030.1, 3109010]])
    assert within(points, boxes).tolist() == [True, False, False]
    assert within(points, boxes, 10.0).tolist() == [True, True, False]
    assert not within(points, frame()).any()


@pytest.mark.parametrize("own", [UTM, "EPSG:4326", "EPSG:3857"])
def test_the_results_are_metric_whatever_the_polygons_are_in(own):
    assert metric_crs(frame(HORSESHOE).to_crs(own)) == UTM


def test_feet_and_web_mercator_are_no_ground_metres_and_a_neighbouring_zone_is():
    slides = frame(HORSESHOE)
    assert metric_crs(slides, "EPSG:32644") == "EPSG:32644"
    for wanted, said in (("EPSG:3857", "does not measure"), ("EPSG:4326", "does not measure"), ("x", "not a known")):
        with pytest.raises(UsageError, match=said):
            metric_crs(slides, wanted)


def test_a_system_without_a_code_is_kept():
    own = pyproj.CRS.from_proj4("+proj=laea +lat_0=28 +lon_0=85 +units=m +ellps=WGS84")
    assert pyproj.CRS(metric_crs(frame(HORSESHOE).to_crs(own))) == own
