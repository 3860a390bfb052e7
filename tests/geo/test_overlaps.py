import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, box

from model_core.geo.areas import area_m2
from model_core.geo.overlaps import overlap_pairs

CRS = "EPSG:32645"


def frame(*geometries, crs=CRS):
    return gpd.GeoDataFrame(geometry=list(geometries), crs=crs)


def circles(seed, n=60):
    rng = np.random.default_rng(seed)
    centres = np.array([320_000, 3_108_000]) + rng.uniform(0, 2000, (n, 2))
    return frame(*(Point(*c).buffer(r) for c, r in zip(centres, rng.uniform(20, 150, n), strict=True)))


def test_pairs_and_areas_are_those_of_trying_every_pair():
    left, right = circles(1), circles(2)
    expected = {}
    for i, a in enumerate(left.geometry):
        for j, b in enumerate(right.geometry):
            shared = a.intersection(b)
            if shared.area > 0:
                expected[i, j] = area_m2([shared], CRS)[0]
    i, j, shared = overlap_pairs(left, right)
    assert dict(zip(zip(i.tolist(), j.tolist(), strict=True), shared, strict=True)) == pytest.approx(expected)
    assert len(expected) > 50
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == sorted(expected)


def test_a_polygon_with_itself_shares_its_own_area():
    layer = circles(3, 20)
    i, j, shared = overlap_pairs(layer, layer)
    same = i == j
    np.testing.assert_allclose(shared[same], area_m2(layer.geometry, CRS), rtol=1e-9)


def test_neighbours_that_share_an_edge_share_no_ground():
    left = frame(box(500_000, 3_000_000, 500_010, 3_000_010))
    right = frame(box(500_010, 3_000_000, 500_020, 3_000_010))
    assert [len(column) for column in overlap_pairs(left, right)] == [0, 0, 0]


def test_another_crs_gives_the_same_overlaps():
    left, right = circles(1), circles(2)
    i, j, shared = overlap_pairs(left, right)
    i2, j2, shared2 = overlap_pairs(left, right.to_crs("EPSG:4326"))
    large = shared > 1  # a sliver may come or go by rounding
    found = dict(zip(zip(i2.tolist(), j2.tolist(), strict=True), shared2, strict=True))
    for a, b, m2 in zip(i[large].tolist(), j[large].tolist(), shared[large], strict=True):
        assert found[a, b] == pytest.approx(m2, rel=1e-3)


def test_parts_and_holes_count_once_and_not():
    ring = box(500_000, 3_000_000, 500_100, 3_000_100).difference(box(500_020, 3_000_020, 500_080, 3_000_080))
    two = MultiPolygon([box(500_000, 3_000_000, 500_010, 3_000_100), box(500_040, 3_000_040, 500_060, 3_000_060)])
    i, j, shared = overlap_pairs(frame(ring), frame(two))
    assert (i.tolist(), j.tolist()) == ([0], [0])
    assert shared[0] == pytest.approx(1000, rel=1e-3)


def test_empty_layers_have_no_pairs():
    empty = gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=CRS))
    for left, right in ((empty, circles(1)), (circles(1), empty), (empty, empty)):
        assert [len(column) for column in overlap_pairs(left, right)] == [0, 0, 0]


def test_positions_are_rows_whatever_the_index():
    left, right = circles(1), circles(2)
    i, j, _ = overlap_pairs(left, right)
    odd_left, odd_right = left.set_index(np.arange(60) * 7 + 3), right.set_index(np.arange(60)[::-1])
    odd_i, odd_j, _ = overlap_pairs(odd_left, odd_right)
    assert (i.tolist(), j.tolist()) == (odd_i.tolist(), odd_j.tolist())
    assert shapely.intersects(left.geometry.to_numpy()[i], right.geometry.to_numpy()[j]).all()
