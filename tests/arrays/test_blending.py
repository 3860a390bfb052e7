import numpy as np
import pytest

from model_core.arrays.blending import blend
from model_core.arrays.windows import cover


def padded_windows(image, windows):
    size = max(w.rows.stop for w in windows), max(w.cols.stop for w in windows)
    padded = np.zeros(size, np.float32)
    padded[: image.shape[0], : image.shape[1]] = image
    return [padded[w] for w in windows]


def whole(height, width, windows, values):
    return np.concatenate([strip.values for strip in blend(height, width, windows, values)])


@pytest.mark.parametrize(("height", "width", "target", "overlap"), [
    (300, 500, 128, 32), (100, 90, 128, 32), (257, 128, 64, 16), (300, 300, 64, 0), (97, 800, 128, 64),
])
def test_windows_of_one_image_blend_back_into_it(height, width, target, overlap):
    image = np.random.default_rng(1).normal(size=(height, width)).astype(np.float32)
    windows = cover(height, width, target, overlap)
    np.testing.assert_allclose(whole(height, width, windows, padded_windows(image, windows)), image, atol=2e-6)


def test_strips_follow_each_other_without_gap():
    windows = cover(400, 200, 96, 32)
    strips = list(blend(400, 200, windows, padded_windows(np.ones((400, 200)), windows)))
    ends = [s.top + len(s.values) for s in strips]
    assert [s.top for s in strips] == [0, *ends[:-1]]
    assert ends[-1] == 400


def test_windows_that_disagree_meet_in_a_smooth_ramp():
    windows = cover(64, 400, 128, 32)
    values = [np.full((w.rows.stop - w.rows.start, w.cols.stop - w.cols.start), i % 2, np.float32)
              for i, w in enumerate(windows)]
    row = whole(64, 400, windows, values)[10]
    # A hard seam would be a step of 1; half a Hann window of 32 px rises by at most pi / 64 a pixel.
    assert np.abs(np.diff(row)).max() < np.pi / 64 + 1e-3
    assert row.min() == 0
    assert row.max() == 1
