from pathlib import Path

import numpy as np
import pytest
import scipy.io
from scipy import integrate, stats

from model_core.arrays.inverse_gamma import InverseGamma, fit_inverse_gamma

# Malamud et al. 2004, in m².
RHO, A, S = 1.40, 1280.0, -132.0


def sample(n, seed=0, above=0.0):
    areas = stats.invgamma.rvs(RHO, loc=S, scale=A, size=n, random_state=seed)
    return areas[areas > above]


def given(from_m2):
    return InverseGamma(RHO, A, S, from_m2, 100, 100, None, None, None, 1.0)


def test_the_density_is_that_of_scipy_cut_off_at_the_smallest_area():
    areas = np.geomspace(200, 1e6, 50)
    truth = stats.invgamma(RHO, loc=S, scale=A)
    assert given(200.0).density(areas) == pytest.approx(truth.pdf(areas) / truth.sf(200), rel=1e-9)
    assert integrate.quad(lambda log: given(200.0).density(np.exp(log)) * np.exp(log), np.log(200), 40)[0] \
        == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("above", [0.0, 200.0])
def test_a_rollover_of_malamud_is_found_whatever_was_cut_off_below_it(above):
    fit = fit_inverse_gamma(sample(3000, above=above))
    assert fit.rho == pytest.approx(RHO, abs=0.15)
    assert fit.rollover_low_m2 < A / (RHO + 1) + S < fit.rollover_high_m2  # 401 m²
    assert fit.rollover_low_m2 < fit.rollover_m2 < fit.rollover_high_m2
    assert fit.rollover_m2 == pytest.approx(fit.a_m2 / (fit.rho + 1) + fit.s_m2)
    assert fit.p_no_rollover < 1e-6


def test_the_fit_is_at_least_as_likely_as_the_truth_and_as_scipy():
    areas = sample(500)
    fit = fit_inverse_gamma(areas)
    areas = areas[areas >= fit.from_m2]
    assert (fit.n_fitted, fit.n) == (len(areas), 500) == (495, 500)
    truth = InverseGamma(RHO, A, S, fit.from_m2, fit.n_fitted, 500, None, None, None, 1.0)
    assert np.log(fit.density(areas)).sum() >= np.log(truth.density(areas)).sum()
    rho, loc, scale = stats.invgamma.fit(areas, loc=S)
    theirs = InverseGamma(rho, scale, loc, fit.from_m2, fit.n_fitted, 500, None, None, None, 1.0)
    assert np.log(fit.density(areas)).sum() >= np.log(theirs.density(areas)).sum() - 1e-3


@pytest.mark.parametrize("areas", [
    200 + stats.lomax.rvs(1.3, scale=900, size=400, random_state=1),  # declines from the first m² on
    sample(4000, above=1000.0),  # what lay at the rollover was cut off
], ids=["steady decline", "cut above the rollover"])
def test_the_cut_at_a_minimum_area_is_not_taken_for_a_rollover(areas):
    fit = fit_inverse_gamma(areas)
    assert fit.rollover_m2 is fit.rollover_low_m2 is fit.rollover_high_m2 is None
    naive = stats.invgamma.fit(areas, loc=0)
    assert naive[2] / (naive[0] + 1) + naive[1] > areas.min()  # what a fit without truncation would say
    assert np.isfinite(fit.density(areas[areas >= fit.from_m2])).all()


def test_a_steady_decline_is_seldom_taken_for_a_rollover():
    found = [fit_inverse_gamma(200 + stats.lomax.rvs(1.3, scale=900, size=100, random_state=seed)).rollover_m2
             for seed in range(40)]
    assert sum(peak is not None for peak in found) <= 6  # 2 are to be expected


def test_the_interval_holds_the_true_rollover_as_often_as_it_says():
    held = []
    for seed in range(40):
        fit = fit_inverse_gamma(sample(400, seed))
        if fit.rollover_m2 is not None:
            held.append((fit.rollover_low_m2 or 0) < A / (RHO + 1) + S < (fit.rollover_high_m2 or np.inf))
    assert len(held) > 30
    assert np.mean(held) > 0.85


def test_a_single_sliver_makes_no_rollover():
    areas = 200 + stats.lomax.rvs(1.3, scale=900, size=400, random_state=1)
    assert fit_inverse_gamma(np.append(areas, 0.2)).rollover_m2 is None


def test_the_unit_of_the_areas_plays_no_part():
    areas = sample(500)
    fit, other = fit_inverse_gamma(areas), fit_inverse_gamma(areas * 1e-6)
    assert other.rho == pytest.approx(fit.rho, rel=1e-3)
    assert other.rollover_m2 == pytest.approx(fit.rollover_m2 * 1e-6, rel=1e-3)


def test_too_few_areas_or_one_size_are_refused():
    assert fit_inverse_gamma(sample(29)) is None
    assert fit_inverse_gamma(np.full(50, 300.0)) is None


@pytest.mark.realdata
def test_the_sample_of_the_usgs_has_a_rollover(shared_data: Path):
    areas = scipy.io.loadmat(shared_data / "usgs_mls" / "sample_data.mat")["Area"].ravel().astype(float)
    fit = fit_inverse_gamma(areas)
    assert (fit.rollover_low_m2, fit.rollover_m2, fit.rollover_high_m2) == pytest.approx((509, 624, 690), abs=5)
