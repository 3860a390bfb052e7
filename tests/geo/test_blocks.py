import geopandas as gpd
import numpy as np
import pytest
import shapely

from model_core.contract.errors import UsageError
from model_core.geo.areas import area_m2
from model_core.geo.blocks import cut_blocks

CRS = "EPSG:32645"
X, Y = 320000, 3110000


def frame(*geometries):
    return gpd.GeoDataFrame(geometry=[shapely.affinity.translate(g, X, Y) for g in geometries], crs=CRS)


def moved(*geometries):
    return np.asarray(frame(*geometries).geometry, dtype=object)


def test_blocks_share_out_all_ground_and_all_area_of_landslides():
    ground = frame(shapely.Point(1000, 1000).buffer(1000).difference(shapely.box(300, 300, 700, 650)))
    blocks = cut_blocks(ground)
    assert 25 <= len(blocks) <= 55 and blocks.side_m == 270
    assert blocks.ground_m2.sum() == pytest.approx(area_m2(ground.geometry, CRS).sum())
    assert blocks.ground_m2.min() >= 0.5 * blocks.side_m**2 * 0.99
    slides = moved(shapely.box(900, 900, 1500, 1400), shapely.box(1400, 900, 1600, 1000), shapely.box(10, 990, 30, 1010))
    assert blocks.areas_m2(slides).sum() == pytest.approx(area_m2([shapely.union_all(slides)], CRS)[0])


def test_a_landslide_lies_in_the_tiles_that_it_covers():
    blocks = cut_blocks(frame(shapely.box(0, 0, 300, 200)), 100)
    assert blocks.number.tolist() == [[0, 1, 2], [3, 4, 5]]
    plane = blocks.areas_m2(moved(shapely.box(90, 10, 130, 20), shapely.box(250, 150, 260, 160)))
    assert plane == pytest.approx([100, 300, 0, 0, 0, 100], rel=2e-3)
    points = np.array([[X + 5, Y + 5], [X + 299, Y + 199], [X + 300, Y + 200], [X + 150, Y - 5]])
    assert blocks.counts(points).tolist() == [1, 1, 0, 0, 0, 2]


def test_a_remnant_joins_its_nearest_neighbour():
    blocks = cut_blocks(frame(shapely.box(0, 0, 240, 100)), 100)
    assert blocks.number.tolist() == [[0, 1, 1]]
    assert blocks.ground_m2 == pytest.approx([10000, 14000], rel=2e-3)
    outlines = blocks.frame()
    assert outlines.geometry.area.tolist() == [10000, 20000] and outlines["block"].tolist() == [0, 1]


def test_no_landslide_is_no_area():
    blocks = cut_blocks(frame(shapely.box(0, 0, 300, 300)), 100)
    assert blocks.areas_m2(np.zeros(0, object)).tolist() == [0] * 9
    assert blocks.counts(np.zeros((0, 2))).tolist() == [0] * 9


def test_too_many_blocks_are_refused():
    with pytest.raises(UsageError, match="too small"):
        cut_blocks(frame(shapely.box(0, 0, 10000, 10000)), 50)
