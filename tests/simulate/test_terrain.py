import numpy as np
import pytest
from scipy import ndimage

from model_core.contract.errors import UsageError
from model_core.simulate.ground import COVERS, plain_ground
from model_core.simulate.landslides import LARGEST_M2, SMALLEST_M2, draw_areas, place_landslides
from model_core.simulate.sensor import Sky, photograph
from model_core.simulate.terrain import Terrain, illumination, make_terrain


@pytest.fixture(scope="module")
def terrain():
    return make_terrain(256, 5.0, np.random.default_rng(3))


def test_slopes_are_those_of_mountains(terrain):
    assert np.median(terrain.slope_deg) == pytest.approx(31, abs=0.5)
    assert np.percentile(terrain.slope_deg, 95) < 65
    assert terrain.relative_height.min() >= 0
    assert terrain.relative_height.max() <= 1


def test_a_slope_that_faces_the_sun_is_brighter_than_flat_ground_and_one_that_turns_away_is_darker():
    rows = np.arange(100, dtype=np.float32)[:, None] * np.ones(100, np.float32)
    to_south = Terrain(-rows * 2.5, np.full(rows.shape, 26.6), np.full(rows.shape, np.pi), rows, 5.0)
    to_north = Terrain(rows * 2.5, np.full(rows.shape, 26.6), np.zeros(rows.shape), rows, 5.0)
    # The sun stands in the south, 45 degrees high: cos(45 - 26.6) / cos(45) and cos(45 + 26.6) / cos(45).
    assert illumination(to_south, 45, 180)[50, 50] == pytest.approx(1.342, abs=0.01)
    assert illumination(to_north, 45, 180)[50, 50] == pytest.approx(0.447, abs=0.01)


def test_aspect_points_down_the_slope(terrain):
    drop_row, drop_col = -np.cos(terrain.aspect_rad), np.sin(terrain.aspect_rad)
    south, east = np.gradient(ndimage.gaussian_filter(terrain.elevation_m, 2.0), 5.0)
    along = (south * drop_row + east * drop_col)[20:-20, 20:-20]
    assert (along < 0).mean() > 0.99


def test_landslides_start_high_and_end_low(terrain):
    labels = place_landslides(terrain, 20, np.random.default_rng(0), np.ones(terrain.slope_deg.shape, bool))
    numbers = np.unique(labels)[1:]
    assert len(numbers) >= 10
    height = terrain.elevation_m
    spans = ndimage.maximum(height, labels, numbers) - ndimage.minimum(height, labels, numbers)
    areas = ndimage.sum_labels(np.ones_like(labels), labels, numbers) * 25
    # A long body that ran along a contour line would have next to no drop.
    assert np.median(spans / np.sqrt(areas)) > 0.5
    assert areas.min() >= SMALLEST_M2


def test_areas_follow_malamuds_law_between_the_bounds():
    areas = draw_areas(20_000, np.random.default_rng(1))
    assert areas.min() >= SMALLEST_M2
    assert areas.max() <= LARGEST_M2
    tail = np.log(areas[areas > 3000])
    counts, edges = np.histogram(tail, np.log([3000, 6000, 12_000, 24_000]))
    slope = np.polyfit((edges[:-1] + edges[1:]) / 2, np.log(counts), 1)[0]
    # Cumulative exponent of the tail is rho = 1.4: frequency in logarithmic bins falls with -1.4.
    assert slope == pytest.approx(-1.4, abs=0.25)


def test_fresh_landslides_are_brighter_than_forest_in_every_band(terrain):
    rng = np.random.default_rng(0)
    ground = plain_ground(terrain, rng)
    ground.cover[100:120, 100:120] = COVERS.index("landslide")
    image = photograph(terrain, ground, Sky(60.0), rng)
    forest = image[ground.cover == COVERS.index("forest")].mean(axis=0)
    slide = image[104:116, 104:116].reshape(-1, 5).mean(axis=0)
    assert np.all(slide[:3] > forest[:3])


def test_too_small_a_terrain_is_refused():
    with pytest.raises(UsageError):
        make_terrain(32, 5.0, np.random.default_rng(0))
