"""The estimators against the published examples, an exact count, and thousands of simulated samples."""

import numpy as np
import pytest
from scipy import stats

from model_core.arrays.area_estimates import Z_95, map_estimates, points_missing, stratified_ratio, unseen_share


def ratio(numerator, denominator, stratum, sizes):
    return stratified_ratio(np.asarray(numerator, float), np.asarray(denominator, float), stratum, np.asarray(sizes))


def letters(text):
    return np.array([letter for part in text.split() for letter in part[0] * int(part[1:])])


# Olofsson et al. 2014, Table 8: counts of map class (rows: deforestation, forest gain, stable forest, stable
# non-forest) by reference class, and pixels of 30 m of each map class. Expected: their page 54, with more digits by
# two public packages (mapaccuracy, PyMapAccuracy): user's and producer's accuracy and area in ha, each with half its
# 95 % interval. Their formulas take the pixels for endless, hence x 1000 below.
OLOFSSON = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
OLOFSSON_PX = np.array([200_000, 150_000, 3_200_000, 6_450_000])
OLOFSSON_RESULTS = [
    (0.88, 0.07403962, 0.7486614, 0.21330593, 21157.76, 6157.521),
    (0.7333333, 0.10075516, 0.8471564, 0.25440369, 11686.15, 3755.757),
    (0.9272727, 0.03974464, 0.9345089, 0.03432379, 285769.9, 15509.55),
    (0.963077, 0.02053312, 0.9616090, 0.01836120, 581386.2, 16281.36),
]


def olofsson_points():
    mapped, found = np.indices(OLOFSSON.shape).reshape(2, -1)
    return np.repeat(mapped, OLOFSSON.ravel()), np.repeat(found, OLOFSSON.ravel())


@pytest.mark.parametrize("number", range(4))
def test_strata_that_are_map_classes_give_the_published_table(number):
    users, users_half, producers, producers_half, area_ha, area_half = OLOFSSON_RESULTS[number]
    mapped, found = olofsson_points()
    result = map_estimates(mapped == number, found == number, mapped, OLOFSSON_PX * 1000)
    total_ha = OLOFSSON_PX.sum() * 900 / 10_000
    assert result.users.value == pytest.approx(users, abs=1e-6)
    assert Z_95 * result.users.error == pytest.approx(users_half, rel=1e-4)
    assert result.producers.value == pytest.approx(producers, abs=1e-6)
    assert Z_95 * result.producers.error == pytest.approx(producers_half, rel=1e-4)
    assert result.landslide.value * total_ha == pytest.approx(area_ha, rel=1e-6)
    assert Z_95 * result.landslide.error * total_ha == pytest.approx(area_half, rel=1e-4)


def test_overall_accuracy_of_the_published_table():
    mapped, found = olofsson_points()
    overall = ratio(mapped == found, np.ones(len(mapped)), mapped, OLOFSSON_PX * 1000)
    assert overall.value == pytest.approx(0.9465119, abs=1e-6)
    assert Z_95 * overall.error == pytest.approx(0.01848328, rel=1e-4)


# Stehman 2014, pages 4932-4936: four strata of 10 points each, map and reference class of every point; the results
# with more digits by the same packages.
STEHMAN_PX = np.array([40_000, 30_000, 20_000, 10_000])
STEHMAN_STRATUM = np.repeat(np.arange(4), 10)
STEHMAN_MAP = letters("A7 B3 A1 B11 C6 B2 D10")
STEHMAN_REFERENCE = letters("A5 C1 B1 A1 B1 C1 A1 B5 A2 B2 C5 D2 B2 A1 D7 C2 B1")


def stehman(numerator, denominator=None):
    denominator = np.ones(40) if denominator is None else denominator
    return ratio(numerator, denominator, STEHMAN_STRATUM, STEHMAN_PX)


def test_strata_that_differ_from_map_classes_give_the_published_example():
    right = STEHMAN_MAP == STEHMAN_REFERENCE
    for estimate, value, error in [
        (stehman(STEHMAN_REFERENCE == "A"), 0.35, 0.0822478),
        (stehman(STEHMAN_REFERENCE == "C"), 0.20, 0.06427977),
        (stehman(right), 0.63, 0.08464219),
        (stehman(right & (STEHMAN_MAP == "B"), STEHMAN_MAP == "B"), 0.5744681, 0.1247822),
        (stehman(right & (STEHMAN_MAP == "B"), STEHMAN_REFERENCE == "B"), 0.7941176, 0.1165479),
    ]:
        assert estimate.value == pytest.approx(value, abs=1e-6)
        assert estimate.error == pytest.approx(error, abs=1e-6)


def test_a_stratum_that_was_looked_at_pixel_by_pixel_has_no_error():
    found = np.array([1, 0, 1, 1, 0, 0, 1])
    estimate = ratio(found, np.ones(7), np.array([0, 0, 0, 0, 1, 1, 1]), [4, 3])
    assert estimate.value == pytest.approx(4 / 7)
    assert estimate.error == 0 and estimate.low == estimate.high == estimate.value


def test_one_pixel_can_be_a_whole_stratum():
    estimate = ratio([1, 0, 1], np.ones(3), np.array([0, 1, 1]), [1, 9])
    assert estimate.value == pytest.approx((1 + 4.5) / 10)
    assert np.isfinite(estimate.error)


def test_no_denominator_no_estimate():
    none = np.zeros(4, dtype=bool)
    result = map_estimates(none, none, np.array([0, 0, 1, 1]), np.array([50, 50]))
    assert result.users is None and result.producers is None
    assert result.overall.value == 1 and result.landslide.value == 0


def test_points_missing():
    stratum = np.array([0, 2, 2, 2])
    np.testing.assert_array_equal(points_missing(stratum, np.array([100, 100, 100, 1])), [1, 2, 0, 1])


@pytest.mark.parametrize("n", [1, 20, 275])
def test_unseen_share_is_where_the_binomial_misses_one_in_twenty(n):
    assert stats.binom.cdf(0, n, unseen_share(n)) == pytest.approx(0.05)


# Truth by stratum (landslide, edge, earlier, rest): pixels, share mapped, share of the mapped and of the unmapped that
# is landslide.
SIMULATED = [(6_000, 1.0, 0.93, 0.0), (5_000, 0.5, 0.75, 0.30), (4_000, 0.0, 0.0, 0.10), (85_000, 0.0, 0.0, 0.03)]
POINTS = [100, 150, 100, 650]


def test_estimates_are_unbiased_and_their_intervals_hold_the_truth():
    """Draws real samples from a real population of pixels, over and over."""
    rng = np.random.default_rng(0)
    sizes = np.array([size for size, *_ in SIMULATED])
    mapped = [np.arange(size) < share * size for size, share, _, _ in SIMULATED]
    found = [rng.random(size) < np.where(m, in_map, outside)
             for (size, _, in_map, outside), m in zip(SIMULATED, mapped, strict=True)]
    all_mapped, all_found = np.concatenate(mapped), np.concatenate(found)
    both = (all_mapped & all_found).sum()
    truth = np.array([both / all_mapped.sum(), both / all_found.sum(), (all_mapped == all_found).mean(),
                      all_found.mean()])
    stratum = np.repeat(np.arange(4), POINTS)
    samples = []
    for _ in range(2000):
        picks = [rng.choice(size, n, replace=False) for size, n in zip(sizes, POINTS, strict=True)]
        samples.append(map_estimates(np.concatenate([m[p] for m, p in zip(mapped, picks, strict=True)]),
                                     np.concatenate([f[p] for f, p in zip(found, picks, strict=True)]), stratum, sizes))
    value, error, low, high = np.moveaxis(np.array(samples), -1, 0)
    scatter = value.std(axis=0)
    # Ratios are biased by a small part of their own scatter; means (the last two) not at all.
    assert (np.abs(value.mean(axis=0) - truth) < [0.15, 0.15, 0.07, 0.07] * scatter).all()
    np.testing.assert_allclose(error.mean(axis=0), scatter, rtol=0.06)
    covered = ((low <= truth) & (truth <= high)).mean(axis=0)
    assert ((covered > 0.93) & (covered < 0.97)).all(), covered
