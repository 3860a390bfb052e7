from pathlib import Path

import numpy as np
import pytest
import scipy.io
from scipy import stats

from model_core.arrays.frequency import log_bins, magnitude_mls
from model_core.arrays.power_law import fit_power_law


@pytest.mark.realdata
def test_the_sample_of_the_usgs_has_the_published_magnitude(shared_data: Path):
    areas = scipy.io.loadmat(shared_data / "usgs_mls" / "sample_data.mat")["Area"].ravel().astype(float)
    assert magnitude_mls(areas, 9234, 2.46) == pytest.approx(3.6273, abs=5e-5)  # with beta as they round it
    fit = fit_power_law(areas)
    assert magnitude_mls(areas, fit.xmin_m2, fit.alpha) == pytest.approx(3.6252, abs=5e-5)


def test_ten_times_the_landslides_are_one_magnitude_more():
    areas = stats.pareto.rvs(1.4, scale=1000, size=500, random_state=0)
    assert magnitude_mls(np.tile(areas, 10), 1000, 2.4) == pytest.approx(magnitude_mls(areas, 1000, 2.4) + 1)


def test_there_is_no_magnitude_where_no_landslide_lies_at_the_start_of_the_tail():
    assert magnitude_mls(np.array([100.0, 90000.0]), 3000, 2.4) is None


def test_bins_hold_every_area_once_and_begin_at_the_smallest():
    areas = stats.lognorm.rvs(1.5, scale=900, size=1000, random_state=0)
    centres, densities = log_bins(areas)
    step = 10 ** 0.2
    widths = centres * (step**0.5 - step**-0.5)
    assert (densities * widths).sum() == pytest.approx(1)
    assert centres[0] == pytest.approx(areas.min() * step**0.5)
    assert (np.diff(centres) > 0).all() and (densities > 0).all()


@pytest.mark.parametrize(("areas", "n"), [([], 0), ([5.0], 1), ([5.0, 5.0], 1), ([1.0, 1e6], 2)])
def test_few_areas_have_few_bins(areas, n):
    centres, densities = log_bins(np.array(areas))
    assert len(centres) == len(densities) == n
