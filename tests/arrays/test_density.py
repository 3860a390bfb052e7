import math

import numpy as np
import pytest

from model_core.arrays.density import MIN_RADIUS_PX, FieldSummary, default_radius_m, density, observed_mass
from model_core.arrays.windows import Window, tiles


def whole(height, width):
    return Window(slice(0, height), slice(0, width))


def brute_force(points, weights, radius, height, width):
    """The definition, pixel by pixel and landslide by landslide."""
    rows, cols = np.mgrid[:height, :width] + 0.5
    total = np.zeros((height, width))
    for (row, col), weight in zip(points, weights, strict=True):
        u = np.sqrt((rows - row) ** 2 + (cols - col) ** 2) / radius
        total += weight * np.where(u < 1, 3 / (math.pi * radius**2) * (1 - u**2) ** 2, 0)
    return total


@pytest.fixture
def cluster():
    """60 landslides, some of them outside the image, and their weights."""
    rng = np.random.default_rng(0)
    return rng.uniform(-8, 108, (60, 2)), rng.uniform(0, 3, 60)


def test_one_landslide_peaks_at_0_954930_per_km2_within_1000_m():
    radius_px = 100.0  # pixels of 10 m: 1e-4 km²
    values = density(np.array([[100.5, 100.5]]), np.ones(1), radius_px, whole(201, 201)) / 1e-4
    assert values.max() == values[100, 100] == pytest.approx(0.954930, abs=5e-7)
    assert values.sum() * 1e-4 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("radius", [MIN_RADIUS_PX, 4.7, 20, 45.3])
def test_density_agrees_with_brute_force(cluster, radius):
    points, weights = cluster
    expected = brute_force(points, weights, radius, 100, 90)
    assert np.abs(density(points, weights, radius, whole(100, 90)) - expected).max() < 1e-9 * expected.max()


@pytest.mark.parametrize("radius", [MIN_RADIUS_PX, 5, 17.2])
def test_density_sums_to_the_number_of_landslides(radius):
    points = np.random.default_rng(1).uniform(40, 60, (50, 2))
    assert density(points, np.ones(50), radius, whole(100, 100)).sum() == pytest.approx(50, rel=0.005)


def test_blocks_give_the_same_density_as_the_whole(cluster):
    points, weights = cluster
    expected = density(points, weights, 12.5, whole(100, 90))
    for window in tiles(100, 90, 32):
        np.testing.assert_allclose(density(points, weights, 12.5, window), expected[window], rtol=0, atol=1e-15)


def test_no_landslide_has_density_0_everywhere():
    assert not density(np.zeros((0, 2)), np.zeros(0), 5.0, whole(7, 8)).any()


def test_landslides_far_away_change_nothing():
    assert not density(np.array([[-50.0, 4], [4, 300]]), np.ones(2), 20.0, whole(10, 10)).any()


# -- edge correction -----------------------------------------------------------------------------------------------

def test_a_landslide_on_a_straight_border_keeps_half_its_kernel():
    observed = np.ones((60, 60), bool)
    observed[:30] = False
    mass = observed_mass(np.array([[30.0, 30.0], [50.0, 30.0]]), 10.0, whole(60, 60), observed)
    np.testing.assert_allclose(mass, [0.5, 1], atol=1e-3)


def test_corrected_densities_sum_to_the_number_on_observed_ground():
    rng = np.random.default_rng(2)
    observed = np.zeros((80, 80), bool)
    observed[10:60, 5:70] = True
    observed[30:40, 20:50] = False
    points = rng.uniform((10, 5), (60, 70), (40, 2))
    mass = sum(observed_mass(points, 15.0, window, observed[window]) for window in tiles(80, 80, 24))
    values = density(points, 1 / mass, 15.0, whole(80, 80))
    assert values[observed].sum() == pytest.approx(40, abs=1e-9)
    assert density(points, np.ones(40), 15.0, whole(80, 80))[observed].sum() < 34


# -- radius --------------------------------------------------------------------------------------------------------

def test_default_radius_of_four_corners_is_that_of_the_formula():
    # Mean centre (0, 0), every distance 500: SD = Dm = 500, and 500 < sqrt(1 / ln 2) 500.
    points = np.array([[300.0, 400], [-300, 400], [300, -400], [-300, -400]])
    assert default_radius_m(points) == pytest.approx(0.9 * 500 * 4**-0.2)


def test_default_radius_takes_the_median_distance_where_one_landslide_lies_far_off():
    points = np.array([[x, y] for x in range(5) for y in range(5)] + [[1000.0, 0]])
    distance = np.hypot(*(points - points.mean(axis=0)).T)
    expected = 0.9 * np.sqrt(1 / np.log(2)) * np.median(distance) * 26**-0.2
    assert expected < 0.9 * np.sqrt((distance**2).mean()) * 26**-0.2
    assert default_radius_m(points) == pytest.approx(expected)


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.array([[3.0, 4.0]]), np.array([[3.0, 4.0]] * 5)])
def test_landslides_without_spread_give_no_radius(points):
    assert default_radius_m(points) is None


# -- summary -------------------------------------------------------------------------------------------------------

def test_summary_of_blocks_is_that_of_the_whole():
    values = np.random.default_rng(3).normal(size=(50, 70))
    values[:20, :40] = np.nan
    field = FieldSummary()
    for window in tiles(50, 70, 16):
        field.add(values[window], window)
    assert (field.lowest, field.highest) == (np.nanmin(values), np.nanmax(values))
    assert field.peak_px == np.unravel_index(np.nanargmax(values), values.shape)
    assert field.mean == pytest.approx(np.nanmean(values)) and field.n_pixels == np.isfinite(values).sum()


def test_summary_of_nothing_is_none():
    field = FieldSummary()
    field.add(np.full((3, 3), np.nan), whole(3, 3))
    assert field.mean is field.lowest is field.highest is field.peak_px is None
