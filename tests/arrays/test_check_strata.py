"""Zones by brute force, and points per stratum by hand."""

import numpy as np
import pytest

from model_core.arrays.check_strata import (
    EARLIER,
    EDGE_INSIDE,
    EDGE_OUTSIDE,
    INSIDE,
    MAPPED_ZONES,
    REST,
    STRATA,
    STRATUM_OF_ZONE,
    allocate,
    stratum_sizes,
    zones,
)
from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE


@pytest.mark.parametrize("edge_px", [1, 2, 3])
def test_zones_follow_their_definition(edge_px):
    rng = np.random.default_rng(edge_px)
    codes = rng.choice(np.array([BACKGROUND, BACKGROUND, IGNORE], np.uint8), (24, 30))
    codes[5:16, 4:17] = LANDSLIDE
    codes[8, 9] = IGNORE
    earlier = rng.random(codes.shape) < 0.5
    result = zones(codes, earlier, edge_px)
    places = {code: np.argwhere(codes == code) for code in (BACKGROUND, LANDSLIDE)}
    for (row, col), code in np.ndenumerate(codes):
        if code == IGNORE:
            expected = IGNORE
        else:
            other = places[LANDSLIDE if code == BACKGROUND else BACKGROUND]
            at_edge = ((other - (row, col)) ** 2).sum(axis=1).min() <= edge_px**2
            if code == LANDSLIDE:
                expected = EDGE_INSIDE if at_edge else INSIDE
            else:
                expected = EDGE_OUTSIDE if at_edge else EARLIER if earlier[row, col] else REST
        assert result[row, col] == expected, (row, col)


def test_where_a_map_ends_there_is_no_edge():
    codes = np.full((6, 6), IGNORE, np.uint8)
    codes[:, :3] = LANDSLIDE
    assert set(np.unique(zones(codes, np.zeros_like(codes, bool), 2))) == {INSIDE, IGNORE}


def test_every_zone_has_one_stratum_and_one_map_class():
    assert sorted(zone for members in STRATA.values() for zone in members) == list(range(5))
    assert [list(STRATA)[STRATUM_OF_ZONE[zone]] for zone in range(5)] == ["rest", "landslide", "edge", "edge", "earlier"]
    assert MAPPED_ZONES == (INSIDE, EDGE_INSIDE)
    np.testing.assert_array_equal(stratum_sizes([1000, 10, 20, 30, 5]), [10, 50, 5, 1000])


@pytest.mark.parametrize(("sizes", "n_points", "n_min", "wanted", "expected"), [
    ([2_000, 3_000, 0, 95_000], 500, 75, None, [75, 75, 0, 350]),  # rare ones get the least, the rest what is left
    ([2_000, 3_000, 0, 95_000], 500, 2, None, [10, 15, 0, 475]),  # in proportion
    ([40, 3_000, 500, 95_000], 500, 75, None, [40, 75, 75, 310]),  # never more points than pixels
    ([2_000, 3_000, 0, 95_000], 100, 75, None, [75, 75, 0, 75]),  # the least overrules the sum
    ([2_000, 3_000, 0, 95_000], 500, 75, {0: 200, 3: 10}, [200, 290, 0, 10]),  # wishes overrule the rule
    ([2_000, 3_000, 7, 95_000], 500, 75, {0: 5, 1: 6, 2: 9, 3: 8}, [5, 6, 7, 8]),
])
def test_points_per_stratum(sizes, n_points, n_min, wanted, expected):
    np.testing.assert_array_equal(allocate(np.array(sizes), n_points, n_min, wanted), expected)
