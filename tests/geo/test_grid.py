from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyproj
import pytest
from affine import Affine

from model_core.contract.errors import InputError, UsageError
from model_core.geo.grid import Grid, choose_grid, outline, reproject_points

UTM = "EPSG:32645"


def scene(crs=UTM, transform=None, width=60, height=40, name="a.tif"):
    """What choose_grid needs of a SceneInfo."""
    transform = transform or Affine(5, 0, 300002, 0, -5, 3105003)
    return SimpleNamespace(crs=crs, transform=transform, width=width, height=height, path=Path(name))


def degrees(dx=9e-5, dy=9e-5, lon=85.0, lat=28.1, width=500, height=400):
    return scene("EPSG:4326", Affine(dx, 0, lon, 0, -dy, lat), width, height)


def test_a_grid_knows_its_measures():
    grid = Grid(UTM, Affine(5, 0, 100, 0, -5, 900), 30, 20)
    assert (grid.shape, grid.pixel_size_m, grid.pixel_area_m2) == ((20, 30), 5.0, 25.0)
    assert grid.bounds == (100, 800, 250, 900)
    assert grid == Grid(UTM, Affine(5, 0, 100, 0, -5, 900), 30, 20)


def test_a_window_keeps_its_place():
    grid = Grid(UTM, Affine(5, 0, 100, 0, -5, 900), 30, 20)
    window = grid.window(slice(-2, 8), slice(10, 25))
    assert (window.shape, window.bounds) == ((10, 15), (150, 860, 225, 910))


def test_one_metric_scene_is_its_own_grid():
    grid = choose_grid([scene()])
    assert grid == Grid(UTM, Affine(5, 0, 300002, 0, -5, 3105003), 60, 40)


def test_several_scenes_share_the_pixels_of_the_first():
    same, finer = Affine(5, 0, 300152, 0, -5, 3105053), Affine(3, 0, 299990, 0, -3, 3105000)
    grid = choose_grid([scene(), scene(transform=same), scene(transform=finer)])
    assert grid.pixel_size_m == 5
    assert ((grid.transform.c - 300002) / 5).is_integer() and ((grid.transform.f - 3105003) / 5).is_integer()
    left, bottom, right, top = grid.bounds
    assert 299985 < left <= 299990 and right == 300152 + 300 and top == 3105053 and 3104799 < bottom <= 3104803


def test_a_later_scene_with_the_wanted_pixels_sets_the_corner():
    fine = scene(transform=Affine(3, 0, 300000.5, 0, -3, 3105000.5))
    grid = choose_grid([fine, scene()], pixel_size_m=5)
    assert ((grid.transform.c - 300002) / 5).is_integer() and ((grid.transform.f - 3105003) / 5).is_integer()


def test_degrees_go_to_the_utm_zone_at_the_north_south_size():
    grid = choose_grid([degrees(8.983152841195215e-05, 8.983152841195215e-05, 141.89, 42.77)])
    assert (grid.crs, grid.pixel_size_m) == ("EPSG:32654", 10.0)
    assert (grid.transform.c % 10, grid.transform.f % 10) == (0, 0)
    assert choose_grid([degrees(lat=-6.5, lon=147)]).crs == "EPSG:32755"
    assert choose_grid([degrees(lon=-179.99)]).crs == "EPSG:32601"
    assert choose_grid([degrees(lon=179.9)]).crs == "EPSG:32660"


def test_the_grid_covers_the_whole_image():
    image = degrees()
    grid = choose_grid([image])
    x, y = reproject_points(*outline(image.transform, image.width, image.height), image.crs, grid.crs)
    left, bottom, right, top = grid.bounds
    assert left <= x.min() < left + 10 and right - 10 < x.max() <= right
    assert bottom <= y.min() < bottom + 10 and top - 10 < y.max() <= top


@pytest.mark.parametrize(("transform", "size"), [
    (Affine(97.3828125, 0, 205503, 0, -45.92578125, 3280287), 72.0),  # the mean, in few digits
    (Affine.translation(300000, 3105000) @ Affine.rotation(30) @ Affine.scale(5, -5), 5.0),
    (Affine(5, 0, 300000, 0, 5, 3105000), 5.0),  # south up
])
def test_odd_pixels_become_square_and_north_up(transform, size):
    grid = choose_grid([scene("EPSG:32645", transform)])
    t = grid.transform
    assert (t.a, t.e, t.b, t.d) == (size, -size, 0, 0)


def test_web_mercator_is_not_metric_on_the_ground():
    x, y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(85.3, 28.1)
    grid = choose_grid([scene("EPSG:3857", Affine(5, 0, x, 0, -5, y))])
    assert grid.crs == "EPSG:32645"
    assert grid.pixel_size_m == pytest.approx(5 * np.cos(np.radians(28.1)), rel=0.02)


def test_feet_are_not_metres():
    assert choose_grid([scene("EPSG:2263", Affine(10, 0, 980000, 0, -10, 200000))]).crs == "EPSG:32618"


def test_a_given_crs_and_size_are_obeyed():
    grid = choose_grid([scene(transform=Affine(5, 0, 700000, 0, -5, 3105000))], crs="EPSG:32646", pixel_size_m=7.5)
    assert (grid.crs, grid.pixel_size_m) == ("EPSG:32646", 7.5)


@pytest.mark.parametrize(("crs", "message"), [
    ("EPSG:4326", "does not measure metres"), ("EPSG:3857", "does not measure metres"),
    ("EPSG:32618", "does not measure metres"),
    ("EPSG:2263", "does not measure metres"), ("nonsense", "not a known coordinate system")])
def test_a_crs_without_ground_metres_is_refused(crs, message):
    with pytest.raises(UsageError, match=message) as caught:
        choose_grid([scene()], crs=crs)
    assert "EPSG:32645" in caught.value.hint


@pytest.mark.parametrize("size", [0, -5, float("nan")])
def test_a_pixel_size_must_be_positive(size):
    with pytest.raises(UsageError, match="pixel size"):
        choose_grid([scene()], pixel_size_m=size)


def test_the_area_of_interest_decides_the_extent_but_not_the_pixels():
    grid = choose_grid([scene()], aoi_bounds=(300050, 3104850, 300103, 3104901))
    assert ((grid.transform.c - 300002) / 5).is_integer() and ((grid.transform.f - 3105003) / 5).is_integer()
    left, bottom, right, top = grid.bounds
    assert 300045 < left <= 300050 and 300103 <= right < 300108
    assert 3104845 < bottom <= 3104850 and 3104901 <= top < 3104906


def test_the_area_of_interest_may_be_in_degrees():
    box = pyproj.Transformer.from_crs(32645, 4326, always_xy=True).transform_bounds(300050, 3104850, 300100, 3104900)
    grid = choose_grid([scene()], aoi_bounds=box, aoi_crs="EPSG:4326")
    assert np.array(grid.bounds) == pytest.approx([300050, 3104850, 300100, 3104900], abs=10)


def test_an_area_of_interest_away_from_the_images_is_refused():
    with pytest.raises(InputError, match="outside all images"):
        choose_grid([scene()], aoi_bounds=(85.0, 28.0, 85.1, 28.1))
