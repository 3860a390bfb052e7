import geopandas as gpd
import numpy as np
import shapely
from affine import Affine

from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from model_core.geo.burn import burn_ids, burn_labels
from model_core.geo.grid import Grid
from model_core.geo.vectors import clean

GRID = Grid("EPSG:32645", Affine(5, 0, 320000, 0, -5, 3100100), 20, 20)


def pixels(left, top, right, bottom):
    """A box in columns and rows of GRID."""
    return shapely.box(320000 + 5 * left, 3100100 - 5 * bottom, 320000 + 5 * right, 3100100 - 5 * top)


def layer(*geometries, crs=None):
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(geometries), crs=GRID.crs))
    return clean(frame.to_crs(crs) if crs else frame)


def test_a_pixel_belongs_to_the_polygon_that_holds_its_centre():
    labels = burn_labels(GRID, layer(pixels(2.4, 2.4, 5.6, 5.6), pixels(10.6, 10.6, 11.4, 11.4)))
    expected = np.zeros((20, 20), np.uint8)
    expected[2:6, 2:6] = LANDSLIDE
    assert (labels == expected).all()


def test_the_burned_area_is_the_polygons_area_on_average():
    rng = np.random.default_rng(0)
    grid = Grid(GRID.crs, GRID.transform, 400, 400)
    centres = rng.uniform(15, 385, (60, 2))
    circles = [shapely.Point(320000 + 5 * x, 3100100 - 5 * y).buffer(5 * r) for (x, y), r in
               zip(centres, rng.uniform(3, 12, 60), strict=True)]
    burned = sum((burn_ids(grid, layer(circle).frame) > 0).sum() for circle in circles) * 25
    assert abs(burned / sum(circle.area for circle in circles) - 1) < 0.01


def test_holes_stay_open_and_other_crs_are_reprojected():
    ring = pixels(2, 2, 12, 12).difference(pixels(5, 5, 9, 9))
    labels = burn_labels(GRID, layer(ring))
    assert (labels[5:9, 5:9] == BACKGROUND).all()
    assert (labels == LANDSLIDE).sum() == 100 - 16
    assert (burn_labels(GRID, layer(ring, crs="EPSG:4326")) == labels).all()


def test_what_each_layer_means():
    slides = layer(pixels(2, 2, 6, 6), pixels(12, 2, 16, 6))
    searched, doubtful = layer(pixels(0, 0, 10, 20)), layer(pixels(5, 5, 8, 8))
    labels = burn_labels(GRID, slides, searched, doubtful)
    assert (labels[:, 10:] == IGNORE).all()  # unsearched, the landslide in it too
    assert (labels[5:8, 5:8] == IGNORE).all()
    assert (labels == LANDSLIDE).sum() == 15
    assert (labels[10:, :10] == BACKGROUND).all()


def test_small_landslides_are_neither_landslide_nor_background():
    labels = burn_labels(GRID, layer(pixels(2, 2, 4, 5), pixels(8, 8, 12, 10)), min_area_m2=200)
    assert (labels[2:5, 2:4] == IGNORE).all()
    assert (labels[8:10, 8:12] == LANDSLIDE).all()  # 8 pixels of 25 m²


def test_a_small_polygon_inside_a_large_one_takes_nothing_away():
    labels = burn_labels(GRID, layer(pixels(0, 0, 10, 10), pixels(2, 2, 3, 3)), min_area_m2=200)
    assert (labels[:10, :10] == LANDSLIDE).all()


def test_no_landslides_on_searched_ground_is_background_and_nothing_given_is_unknown():
    assert (burn_labels(GRID, None, layer(pixels(0, 0, 20, 10)))[:10] == BACKGROUND).all()
    assert (burn_labels(GRID, None) == IGNORE).all()
    assert (burn_labels(GRID, layer()) == BACKGROUND).all()


def test_ids_follow_the_rows_and_later_rows_win():
    far = shapely.box(0, 0, 10, 10)
    ids = burn_ids(GRID, layer(pixels(0, 0, 4, 4), far, pixels(2, 2, 6, 6)).frame)
    assert ids.dtype == np.int32
    assert set(np.unique(ids)) == {0, 1, 3}
    assert (ids[2:6, 2:6] == 3).all()
    assert (ids == 1).sum() == 12


def test_windows_burn_what_the_whole_grid_burns():
    rng = np.random.default_rng(1)
    circles = layer(*[shapely.Point(320000 + x, 3100000 + y).buffer(12) for x, y in rng.uniform(0, 100, (10, 2))])
    whole = burn_ids(GRID, circles.frame)
    part = burn_ids(GRID.window(slice(3, 17), slice(5, 20)), circles.frame)
    assert (part == whole[3:17, 5:20]).all()
