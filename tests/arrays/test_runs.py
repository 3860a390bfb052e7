import numpy as np
import pytest
from scipy import ndimage

from model_core.arrays.runs import RunFinder


def found_in(inside, values, connectivity=8, strip=7):
    finder = RunFinder(inside.shape[1], connectivity)
    for row in range(0, len(inside), strip):
        finder.feed(inside[row : row + strip], values[row : row + strip])
    return finder, finder.objects()


@pytest.fixture(params=[0.02, 0.3, 0.45, 0.9])
def noisy(request):
    """(inside, values) with specks, winding objects or holes, up to all four edges, and some values missing."""
    rng = np.random.default_rng(0)
    values = rng.random((61, 83)).astype(np.float32)
    inside = rng.random(values.shape) < request.param
    values[rng.random(values.shape) < 0.1] = np.nan
    return inside, values


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("strip", [1, 7, 61])
def test_objects_are_those_of_a_labelled_image(noisy, connectivity, strip):
    inside, values = noisy
    finder, objects = found_in(inside, values, connectivity, strip)
    labels, n = ndimage.label(inside, np.ones((3, 3)) if connectivity == 8 else None)
    ours = finder.rows(0, 61, np.arange(1, len(objects.n_pixels) + 1, dtype=np.int32))
    # scipy numbers objects by their first pixels too.
    np.testing.assert_array_equal(ours, labels)
    known = np.where(np.isfinite(values), values, 0)
    numbers = np.arange(1, n + 1)
    np.testing.assert_array_equal(objects.n_pixels, ndimage.sum_labels(inside, labels, numbers))
    with np.errstate(invalid="ignore"):
        mean = ndimage.sum_labels(known, labels, numbers) / ndimage.sum_labels(np.isfinite(values), labels, numbers)
    np.testing.assert_allclose(objects.mean, mean, rtol=1e-6)
    lowest = ndimage.minimum(np.where(np.isfinite(values), values, np.inf), labels, numbers)
    np.testing.assert_allclose(objects.lowest, np.where(np.isfinite(lowest), lowest, np.nan))


def test_rows_show_the_wanted_objects_only():
    inside = np.zeros((6, 9), bool)
    inside[1:3, 1:4] = inside[4, 6:] = True
    finder, objects = found_in(inside, inside.astype(np.float32))
    image = finder.rows(2, 6, np.array([0, 7], np.int32))
    expected = np.zeros((4, 9))
    expected[2, 6:] = 7
    np.testing.assert_array_equal(image, expected)
    assert objects.n_pixels.tolist() == [6, 3]


def test_the_end_of_a_row_does_not_touch_the_start_of_the_next():
    inside = np.zeros((2, 5), bool)
    inside[0, 4] = inside[1, 0] = True
    assert len(found_in(inside, inside.astype(np.float32))[1].n_pixels) == 2


def test_a_map_without_objects_has_none():
    inside = np.zeros((8, 5), bool)
    finder, objects = found_in(inside, inside.astype(np.float32))
    assert all(len(column) == 0 for column in objects)
    assert not finder.rows(0, 8, np.zeros(0, np.int32)).any()
