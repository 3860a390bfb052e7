import itertools

import numpy as np
import pytest
from scipy import stats

from model_core.contract.bands import BANDS
from model_core.simulate.ground import COVERS, REFLECTANCE, STONE, Ground, plain_ground, reflect, varied_ground
from model_core.simulate.sensor import Sky, photograph
from model_core.simulate.terrain import make_terrain


@pytest.fixture(scope="module")
def terrain():
    return make_terrain(384, 5.0, np.random.default_rng(3))


@pytest.fixture(scope="module")
def ground(terrain):
    return varied_ground(terrain, np.random.default_rng(0))


def covered(name, tint=0.0, thin=0.0):
    """A pixel of ground."""
    return Ground(np.full((1, 1), COVERS.index(name), np.uint8), REFLECTANCE | STONE,
                  np.full((1, 1), tint, np.float32), np.full((1, 1), thin, np.float32))


@pytest.mark.parametrize("tint", [-2.0, 0.0, 1.5])
def test_a_landslide_has_the_colour_of_the_rock_beneath(tint):
    rubble = reflect(covered("forest", tint), 1.0, np.ones((1, 1)))
    assert rubble == pytest.approx(reflect(covered("landslide", tint), 1.0))
    shift = reflect(covered("rock", tint), 1.0) / reflect(covered("rock"), 1.0)
    assert rubble / reflect(covered("landslide"), 1.0) == pytest.approx(shift)


def test_rock_differs_more_from_place_to_place_than_rubble_from_rock():
    stones = [np.array(reflectance) for reflectance in STONE.values()]
    ratio = np.log([stone[BANDS.index("red")] / stone[BANDS.index("green")] for stone in stones])
    red, green = (np.log(reflect(covered("rock", 1.0), 1.0) / reflect(covered("rock", -1.0), 1.0))[0, 0, BANDS.index(name)]
                  for name in ("red", "green"))
    assert np.ptp(ratio) < 0.3 * (red - green)


def test_no_single_band_or_ratio_tells_rubble_from_rock(terrain, ground):
    rng = np.random.default_rng(1)
    bare = np.zeros(ground.cover.shape)
    steep = (terrain.slope_deg > 28) & (ground.cover == COVERS.index("forest"))
    bare[steep] = 1
    image = photograph(terrain, ground, Sky(45.0), rng, bare)
    rubble, rock = image[steep][::20], image[ground.cover == COVERS.index("rock")][::5]
    pairs = [(lambda x, i=i, j=j: x[:, i] / x[:, j]) for i, j in itertools.combinations(range(len(BANDS)), 2)]
    for value in [*((lambda x, b=b: x[:, b]) for b in range(len(BANDS))), *pairs]:
        # Share of pairs in the same order: 0.5 = alike, 1 = one threshold parts them.
        order = stats.mannwhitneyu(value(rubble), value(rock)).statistic / (len(rubble) * len(rock))
        assert abs(order - 0.5) < 0.25


def test_thin_vegetation_lies_between_forest_and_rock():
    forest, rock = reflect(covered("forest"), 1.0), reflect(covered("rock"), 1.0)
    assert reflect(covered("forest", thin=0.4), 1.0) == pytest.approx(0.6 * forest + 0.4 * rock)
    assert reflect(covered("water", thin=0.4), 1.0) == pytest.approx(reflect(covered("water"), 1.0))


def test_most_ground_is_green_and_stone_lies_on_all_slopes(terrain, ground):
    green = np.isin(ground.cover, [COVERS.index(name) for name in ("forest", "field")])
    assert 0.6 < green.mean() < 0.95
    assert 0.02 < ground.thin[green].mean() < 0.2
    rock = ground.cover == COVERS.index("rock")
    assert (terrain.slope_deg[rock] > 28).mean() > 0.3  # where landslides start


def test_uneven_haze_lies_in_the_valleys_and_even_haze_is_undone_by_a_constant(terrain, ground):
    clear, even, uneven = (
        photograph(terrain, ground, sky, np.random.default_rng(2))[..., 0]
        for sky in (Sky(45.0), Sky(45.0, haze=0.03), Sky(45.0, haze=0.03, unevenness=0.6))
    )
    assert np.std(even - clear) < 1e-3
    added = uneven - clear
    valley, ridge = terrain.relative_height < 0.2, terrain.relative_height > 0.6
    assert added[valley].mean() > 1.3 * added[ridge].mean()


def test_both_grounds_leave_the_same_random_numbers_for_what_comes_after(terrain):
    rest = []
    for make in (plain_ground, varied_ground):
        rng = np.random.default_rng(5)
        make(terrain, rng)
        rest.append(rng.random(4))
    assert (rest[0] == rest[1]).all()
