import numpy as np
import pytest

from model_core.arrays.pyramid import halved


@pytest.mark.parametrize("nodata", [np.nan, -9999.0, None])
def test_floats_are_averaged_over_what_is_known(nodata):
    values = np.arange(30, dtype=np.float32).reshape(5, 6)
    whole = halved(values, nodata)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole[:2], values[:4].reshape(2, 2, 3, 2).mean(axis=(1, 3)))
    np.testing.assert_allclose(whole[2], values[4].reshape(3, 2).mean(axis=1))  # the odd row stands for itself
    missing = np.nan if nodata is None else nodata
    values[0, :2] = values[2:4, :2] = missing
    part = halved(values, nodata)
    assert part[0, 0] == np.mean([6, 7])
    np.testing.assert_equal(part[1, 0], np.float32(missing))


def test_classes_become_the_commonest_and_never_a_new_one():
    rng = np.random.default_rng(0)
    values = rng.choice(np.array([0, 1, 255], np.uint8), (40, 40))
    half = halved(values, 255)
    assert half.dtype == np.uint8
    fours = values.reshape(20, 2, 20, 2).transpose(0, 2, 1, 3).reshape(-1, 4)
    for four, one in zip(fours, half.ravel(), strict=True):
        kinds, counts = np.unique(four, return_counts=True)
        assert one in kinds[counts == counts.max()]


def test_counts_are_thinned_out():
    values = np.arange(20, dtype=np.uint16).reshape(4, 5)
    np.testing.assert_array_equal(halved(values, 0), values[::2, ::2])
