import numpy as np
import pytest

from model_core.arrays import scaling
from model_core.contract.card import Scaling
from model_core.contract.errors import InputError


def test_robust_statistics_of_a_normal_band_are_mean_and_standard_deviation():
    samples = np.random.default_rng(0).normal([100, 5000], [10, 700], (200_000, 2)).astype(np.float32)
    centre, spread = scaling.statistics(samples, "scene-robust")
    np.testing.assert_allclose(centre, [100, 5000], rtol=0.01)
    np.testing.assert_allclose(spread, [10, 700], rtol=0.02)


def test_a_tenth_of_cloud_moves_the_robust_statistics_less_than_the_plain_ones():
    clear = np.random.default_rng(0).normal(100, 10, (90_000, 1))
    cloudy = np.concatenate([clear, np.full((10_000, 1), 5000.0)]).astype(np.float32)
    robust, plain = (scaling.statistics(cloudy, rule)[1][0] for rule in ("scene-robust", "scene-meanstd"))
    assert abs(robust - 10) < 3
    assert plain > 1000


def test_input_is_centred_cut_off_and_zero_where_unobserved():
    image = np.array([[[10.0], [30.0], [1e9], [np.nan]]], np.float32)
    valid = np.array([[True, True, True, False]])
    result = scaling.apply(image, valid, Scaling("fixed", (10.0,), (10.0,), 6.0))
    np.testing.assert_array_equal(result[0, :, 0], [0, 2, 6, 0])
    assert result.dtype == np.float32


def test_a_flat_band_and_an_empty_scene_are_refused():
    with pytest.raises(InputError, match="Band 2"):
        scaling.statistics(np.array([[1, 7], [2, 7]], np.float32), "scene-robust")
    with pytest.raises(InputError, match="no observed pixel"):
        scaling.statistics(np.zeros((0, 3), np.float32), "scene-robust")


def test_statistics_leave_the_samples_as_they_are():
    samples = np.asfortranarray(np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32))
    before = samples.copy()
    scaling.statistics(samples, "scene-robust")
    np.testing.assert_array_equal(samples, before)
