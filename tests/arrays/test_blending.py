import tracemalloc

import numpy as np
import pytest

from model_core.arrays.blending import blend, whole
from model_core.arrays.windows import cover


def padded_windows(image, windows):
    size = max(w.rows.stop for w in windows), max(w.cols.stop for w in windows)
    padded = np.zeros(size, np.float32)
    padded[: image.shape[0], : image.shape[1]] = image
    return [padded[w] for w in windows]


@pytest.mark.parametrize(("height", "width", "target", "overlap"), [
    (300, 500, 128, 32), (100, 90, 128, 32), (257, 128, 64, 16), (300, 300, 64, 0), (97, 800, 128, 64),
])
def test_windows_of_one_image_blend_back_into_it(height, width, target, overlap):
    image = np.random.default_rng(1).normal(size=(height, width)).astype(np.float32)
    windows = cover(height, width, target, overlap)
    blended = whole(image.shape, blend(height, width, windows, padded_windows(image, windows)))
    np.testing.assert_allclose(blended, image, atol=2e-6)


def test_blocks_hold_every_pixel_once_and_come_row_by_row():
    windows = cover(400, 300, 96, 32)
    blocks = list(blend(400, 300, windows, padded_windows(np.ones((400, 300)), windows)))
    times = np.zeros((400, 300), int)
    for top, left, values in blocks:
        times[top : top + values.shape[0], left : left + values.shape[1]] += 1
    np.testing.assert_array_equal(times, 1)
    assert [block[:2] for block in blocks] == sorted(block[:2] for block in blocks)


def test_no_more_than_the_edges_of_windows_is_kept():
    width = 64_000
    windows = cover(200, width, 128, 16)
    size = windows[0].rows.stop, windows[0].cols.stop
    tracemalloc.start()
    for _ in blend(200, width, windows, (np.ones(size, np.float32) for _ in windows)):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * width * 4  # whole rows of windows would be more than 100 rows of float32


def test_windows_that_disagree_meet_in_a_smooth_ramp():
    windows = cover(64, 400, 128, 32)
    values = [np.full((w.rows.stop - w.rows.start, w.cols.stop - w.cols.start), i % 2, np.float32)
              for i, w in enumerate(windows)]
    row = whole((64, 400), blend(64, 400, windows, values))[10]
    # A hard seam would be a step of 1; half a Hann window of 32 px rises by at most pi / 64 a pixel.
    assert np.abs(np.diff(row)).max() < np.pi / 64 + 1e-3
    assert row.min() == 0
    assert row.max() == 1
