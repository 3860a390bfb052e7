import numpy as np
import pytest
from scipy import stats

from model_core.arrays.confusion import Interval
from model_core.arrays.paired import (
    LESS,
    MORE,
    UNCLEAR,
    WITHIN_ERROR,
    Known,
    change_interval,
    corrected,
    corrected_change_interval,
    corrected_interval,
    draw_blocks,
    error_of_change,
    interval,
    verdict,
)

REPETITIONS = 200


def known(mapped, drawn, ground=None):
    mapped, drawn = np.asarray(mapped, float), np.asarray(drawn, float)
    return Known(np.ones(len(mapped)) if ground is None else np.asarray(ground, float), mapped, drawn)


def share_covered(found, truth):
    return np.mean([low <= true <= high for (low, high), true in zip(found, truth, strict=True)])


# -- intervals -----------------------------------------------------------------------------------------------------

def test_an_interval_of_a_mean_is_students_even_for_few_blocks():
    values = np.random.default_rng(3).normal(10, 2, 8)
    found = interval(draw_blocks(8, 0, 200_000) @ values / 8, 8)
    expected = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    assert found.high - found.low == pytest.approx(expected[1] - expected[0], rel=0.06)
    assert (found.low + found.high) / 2 == pytest.approx(values.mean(), abs=0.4)


def test_fewer_than_five_blocks_and_undefined_ratios_have_no_interval():
    assert interval(np.arange(100.0), 4) is None
    assert interval(np.arange(100.0), 5) is not None
    assert interval(np.where(np.arange(100) < 5, np.nan, 1.0), 9) is None


def test_each_draw_draws_as_many_blocks_as_there_are_and_the_same_with_one_seed():
    draws = draw_blocks(7, 4, 50)
    assert draws.shape == (50, 7) and (draws.sum(axis=1) == 7).all() and draws.std() > 0
    assert (draws == draw_blocks(7, 4, 50)).all() and (draws != draw_blocks(7, 5, 50)).any()


# -- changes -------------------------------------------------------------------------------------------------------

def test_the_paired_interval_of_a_change_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    n, gained, lost, found = 40, 1.5, 0.6, []
    ground = rng.uniform(0.5, 1, n)
    for i in range(REPETITIONS):
        lasting = rng.negative_binomial(1, 0.2, n)  # clustered, and large against the change
        earlier = lasting + rng.poisson(lost * ground)
        found.append(change_interval(draw_blocks(n, i, 1000), ground, earlier, lasting + rng.poisson(gained * ground)))
    assert 0.90 <= share_covered(found, [(gained - lost) * ground.sum()] * REPETITIONS) <= 0.98


def test_what_lasts_cancels_in_the_difference_through_the_same_blocks():
    rng = np.random.default_rng(1)
    ground, draws = np.ones(30), draw_blocks(30, 0)
    earlier, new = rng.poisson(2.0, 30).astype(float), rng.poisson(1.0, 30).astype(float)
    alone = change_interval(draws, ground, np.zeros(30), new)
    among = change_interval(draws, ground, 100 * earlier, 100 * earlier + new)
    assert among == pytest.approx(alone)
    assert change_interval(draws, ground, earlier, earlier) == (0, 0)
    assert verdict(0.0, change_interval(draws, ground, earlier, earlier)) == UNCLEAR


def test_a_change_is_more_or_less_only_where_its_interval_is_free_of_zero():
    ground, draws = np.ones(30), draw_blocks(30, 0)
    earlier, later = np.zeros(30), np.repeat([1.0, 2.0], 15)
    assert verdict(45, change_interval(draws, ground, earlier, later)) == MORE
    assert verdict(-45, change_interval(draws, ground, later, earlier)) == LESS
    one_place = np.zeros(30)
    one_place[3] = 45
    assert verdict(45, change_interval(draws, ground, earlier, one_place)) == UNCLEAR


# -- the error of maps ---------------------------------------------------------------------------------------------

def test_the_corrected_total_of_a_biased_map_covers_the_truth():
    rng = np.random.default_rng(2)
    n, n_known, found, truths, uncorrected = 60, 15, [], [], 0
    for i in range(REPETITIONS):
        true = rng.gamma(2, 1000, n)
        mapped = 0.6 * true * rng.uniform(0.6, 1.4, n)  # the map misses two fifths, here more and there less
        seen = rng.permutation(n) < n_known
        partly = known(mapped * seen, true * seen, seen)
        found.append(corrected_interval(draw_blocks(n, i, 1000), partly, mapped.sum()))
        truths.append(true.sum())
        uncorrected += found[-1].low <= mapped.sum() <= found[-1].high
    assert 0.90 <= share_covered(found, truths) <= 0.98
    assert uncorrected == 0


def test_a_total_is_corrected_by_drawn_over_mapped_where_both_are_known():
    assert corrected(known([2, 2, 0], [3, 1, 4]), 10) == 20
    assert corrected(known([0, 0, 0], [3, 1, 4]), 10) is None


def test_a_ratio_that_hangs_on_one_block_has_no_interval():
    assert corrected_interval(draw_blocks(20, 0), known([5] + [0] * 19, [1] * 20), 5) is None


def test_a_change_of_corrected_totals_is_drawn_from_the_same_blocks():
    rng = np.random.default_rng(5)
    drawn = rng.gamma(2, 1, 40)
    uneven = drawn * rng.uniform(0.3, 1.7, 40)  # the same mistakes at both dates
    once, twice = known(uneven, drawn), known(2 * uneven, 2 * drawn)
    draws = draw_blocks(40, 0)
    low, high = corrected_interval(draws, once, uneven.sum())
    found = corrected_change_interval(draws, once, uneven.sum(), twice, 2 * uneven.sum())
    assert found == pytest.approx((low, high))
    assert corrected_change_interval(draws, once, uneven.sum(), once, uneven.sum()) == (0, 0)


def test_a_bias_that_both_maps_share_is_no_error_of_the_change():
    drawn = np.arange(20.0)
    maps = known(drawn + 3, drawn), known(drawn + 5, drawn + 2)
    assert error_of_change(draw_blocks(20, 0), *maps, 20.0) == 0


def test_the_error_of_a_change_lies_around_zero_and_grows_with_the_ground():
    drawn, draws = np.zeros(20), draw_blocks(20, 0)
    maps = known(drawn, drawn), known(drawn - 2, drawn)  # the later map misses 2 everywhere
    assert error_of_change(draws, *maps, 20.0) == pytest.approx(40)
    assert error_of_change(draws, *maps, 60.0) == pytest.approx(120)
    assert error_of_change(draws, known(drawn, drawn, [1, 1, 1, 1] + [0] * 16), maps[1], 20.0) is None


def test_a_mapped_change_smaller_than_the_error_is_marked_even_if_its_interval_is_free_of_zero():
    rng = np.random.default_rng(6)
    ground, draws, drawn = np.ones(40), draw_blocks(40, 0), rng.poisson(3.0, 40).astype(float)
    earlier, later = drawn, drawn + 1  # nothing changed, the later map sees one more in every block
    found = change_interval(draws, ground, earlier, later)
    error = error_of_change(draws, known(earlier, drawn), known(later, drawn), 40.0)
    assert verdict(40, found) == MORE and verdict(40, found, error) == WITHIN_ERROR
    larger = change_interval(draws, ground, earlier, later + 2)
    assert verdict(120, larger, error) == MORE


def test_a_map_that_misses_half_of_a_disaster_still_tells_it():
    found, fixed = Interval(1.0, 4.0), Interval(3.0, 9.0)
    assert verdict(2.5, found, map_error=3.0) == WITHIN_ERROR
    assert verdict(2.5, found, map_error=3.0, fixed=fixed) == MORE
    assert verdict(2.5, found, map_error=3.0, fixed=Interval(-1.0, 9.0)) == WITHIN_ERROR
