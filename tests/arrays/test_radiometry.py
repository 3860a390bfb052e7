import math
from datetime import date

import pytest

from model_core.arrays.radiometry import RAPIDEYE_EAI, reflectance_gain, sun_earth_distance_au
from model_core.contract.errors import InputError


def test_rapideye_counts_become_the_published_reflectance():
    # Worked by hand for tile 1357514 of 2012-07-21, sun elevation 70.39701 degrees, 5000 counts.
    expected = {"blue": 0.086224, "green": 0.092438, "red": 0.110394, "red_edge": 0.123483, "nir": 0.153200}
    for band, rho in expected.items():
        gain = reflectance_gain(9.999999776482582e-03, RAPIDEYE_EAI[band], 70.39701, date(2012, 7, 21))
        assert 5000 * gain == pytest.approx(rho, abs=5e-7)


def test_distance_is_that_of_spencer_and_of_the_almanac():
    assert sun_earth_distance_au(date(2012, 7, 21)) == pytest.approx(1.0164007, abs=1e-7)
    # Perihelion and aphelion of 2016 in the almanac: 0.98330 AU on 2 January, 1.01675 AU on 4 July.
    assert sun_earth_distance_au(date(2016, 1, 2)) == pytest.approx(0.98330, abs=5e-4)
    assert sun_earth_distance_au(date(2016, 7, 4)) == pytest.approx(1.01675, abs=5e-4)


def test_a_lower_sun_means_more_reflectance_for_the_same_radiance():
    high, low = (reflectance_gain(0.01, 1000.0, elevation, date(2015, 4, 1)) for elevation in (90, 30))
    assert low == pytest.approx(2 * high)
    assert high == pytest.approx(math.pi * 0.01 / 1000, rel=2e-3)


@pytest.mark.parametrize("elevation", [0, -5, 90.1, math.nan])
def test_a_sun_below_the_horizon_is_refused(elevation):
    with pytest.raises(InputError, match="sun elevation"):
        reflectance_gain(0.01, 1000.0, elevation, date(2015, 4, 1))
