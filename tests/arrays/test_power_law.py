from pathlib import Path

import numpy as np
import pytest
import scipy.io
from scipy import stats

from model_core.arrays.power_law import RULED_OUT, bootstrap_distances, fit_power_law


def pareto(n, alpha, xmin, seed=0):
    return stats.pareto.rvs(alpha - 1, scale=xmin, size=n, random_state=seed)


def p_value(areas, repetitions=200):
    fit = fit_power_law(areas)
    return np.mean([distance >= observed for distance, observed in bootstrap_distances(areas, fit, repetitions, 0)])


@pytest.mark.realdata
def test_the_sample_of_the_usgs_has_the_published_tail(shared_data: Path):
    areas = scipy.io.loadmat(shared_data / "usgs_mls" / "sample_data.mat")["Area"].ravel().astype(float)
    fit = fit_power_law(areas)
    assert (fit.xmin_m2, fit.n_tail, fit.n) == (9234, 120, 1024)
    assert (fit.alpha, fit.alpha_se) == pytest.approx((2.463, 0.134), abs=5e-4)
    assert p_value(areas) > RULED_OUT


def test_exponent_and_distance_of_the_tail_are_those_of_scipy():
    areas = np.concatenate([np.random.default_rng(1).uniform(100, 1000, 300), pareto(300, 2.4, 1000)])
    fit = fit_power_law(areas)
    tail = areas[areas >= fit.xmin_m2]
    shape, _, _ = stats.pareto.fit(tail, floc=0, fscale=fit.xmin_m2)
    assert len(tail) == fit.n_tail
    assert fit.alpha == pytest.approx(shape + 1, rel=1e-4)
    assert fit.ks == pytest.approx(stats.kstest(tail, stats.pareto(fit.alpha - 1, scale=fit.xmin_m2).cdf).statistic)
    assert fit.alpha == pytest.approx(2.4, abs=3 * fit.alpha_se)
    assert 800 < fit.xmin_m2 < 1600


def test_no_other_start_of_the_tail_has_a_smaller_distance():
    areas = np.sort(stats.lognorm.rvs(1.2, scale=2000, size=80, random_state=3))
    fit = fit_power_law(areas)
    for start in range(len(areas) - 1):
        tail = areas[start:]
        shape = len(tail) / np.log(tail / tail[0]).sum()
        assert stats.kstest(tail, stats.pareto(shape, scale=tail[0]).cdf).statistic >= fit.ks - 1e-12


def test_order_and_unit_of_the_areas_play_no_part():
    areas = pareto(100, 2.2, 500)
    fit, other = fit_power_law(areas), fit_power_law(areas[::-1] * 1e-6)
    assert (other.alpha, other.n_tail) == (pytest.approx(fit.alpha), fit.n_tail)
    assert other.xmin_m2 == pytest.approx(fit.xmin_m2 * 1e-6)


def test_the_density_of_the_tail_integrates_to_its_share():
    fit = fit_power_law(np.concatenate([np.linspace(100, 900, 50), pareto(50, 2.5, 1000)]))
    areas = fit.xmin_m2 * np.geomspace(1, 1e8, 20001)
    assert np.trapezoid(fit.density(areas), areas) == pytest.approx(fit.n_tail / fit.n, rel=1e-3)


@pytest.mark.parametrize("areas", [[], [500.0], [500.0] * 40])
def test_areas_of_one_size_have_no_tail(areas):
    assert fit_power_law(np.array(areas)) is None


def test_areas_that_differ_by_rounding_only_give_finite_numbers():
    fit = fit_power_law(np.full(50, 500.0) * (1 + 1e-14 * np.arange(50)))
    assert fit is None or np.isfinite([fit.alpha, fit.alpha_se, fit.ks]).all()


def test_a_power_law_is_not_ruled_out_but_the_same_areas_in_coarse_steps_are():
    areas = pareto(300, 2.3, 200)
    assert p_value(areas) > RULED_OUT
    assert p_value(200 * 2.0 ** np.floor(np.log2(areas / 200))) < RULED_OUT


def test_p_values_of_true_power_laws_are_spread_over_their_range():
    found = [p_value(pareto(60, 2.3, 200, seed), 60) for seed in range(40)]
    assert 0.01 < np.mean(np.array(found) < 0.2) < 0.45
    assert 0.35 < np.mean(found) < 0.7


def test_the_same_seed_draws_the_same_samples():
    areas = pareto(50, 2.3, 200)
    first, again = (list(bootstrap_distances(areas, fit_power_law(areas), 5, 3)) for _ in range(2))
    assert first == again
    assert first != list(bootstrap_distances(areas, fit_power_law(areas), 5, 4))
