from itertools import pairwise

import numpy as np
import pytest

from model_core.arrays.windows import Window, clip, cover, grow, inside, patch_windows, shuffled, tiles
from model_core.contract.errors import UsageError


def times_covered(windows, height, width):
    count = np.zeros((height, width), int)
    for window in windows:
        count[window] += 1
    return count


@pytest.mark.parametrize(("height", "width", "size", "stride"), [
    (300, 500, 128, 128), (300, 500, 128, 64), (128, 128, 128, 128), (129, 127, 128, 128), (50, 400, 128, 100),
])
def test_patches_cover_every_pixel_and_stay_inside_where_they_fit(height, width, size, stride):
    windows = patch_windows(height, width, size, stride)
    assert times_covered(windows, height, width).min() >= 1
    assert len(windows) == len({(w.rows.start, w.cols.start) for w in windows})
    for window in windows:
        assert window.rows.start >= 0 and window.cols.start >= 0
        assert window.rows.stop <= max(height, size) and window.cols.stop <= max(width, size)
        assert window.rows.stop - window.rows.start == window.cols.stop - window.cols.start == size


def test_cover_wastes_little_on_a_rapideye_tile():
    windows = cover(5000, 5000, 1024, 24)
    assert len(windows) == 25
    assert windows[0] == Window(slice(0, 1024), slice(0, 1024))
    assert windows[-1].rows.stop == 5000


@pytest.mark.parametrize("overlap", [0, 16, 64])
@pytest.mark.parametrize("target", [128, 512, 1024])
@pytest.mark.parametrize("length", [1, 15, 64, 127, 129, 500, 1000, 1100, 1152, 1153, 2000, 4999, 7000])
def test_cover_reaches_every_pixel_with_the_overlap_between_neighbours(length, target, overlap):
    spans = [w.rows for w in cover(length, 100, target, overlap) if w.cols.start == 0]
    sizes = {span.stop - span.start for span in spans}
    assert len(sizes) == 1
    (size,) = sizes
    assert size % 16 == 0
    assert size <= 1.0625 * target
    assert spans[0].start == 0
    assert spans[-1].stop >= length > spans[-1].start
    assert len({a.stop - b.start for a, b in pairwise(spans)}) <= 1
    assert all(min(overlap, size // 2) <= a.stop - b.start <= size // 2 for a, b in pairwise(spans))


def test_cover_with_windows_hardly_larger_than_their_overlap_ends():
    assert times_covered(cover(100, 40, 17, 16), 100, 40).min() >= 1


def test_an_overlap_as_large_as_the_window_is_refused():
    with pytest.raises(UsageError, match="overlap"):
        cover(100, 100, 64, 64)


def test_clip_grow_and_inside_find_the_same_pixels():
    image = np.arange(48 * 40).reshape(48, 40)
    window = Window(slice(32, 64), slice(0, 16))
    core = clip(window, 48, 40)
    assert core == Window(slice(32, 48), slice(0, 16))
    halo = grow(core, 3, 48, 40)
    assert halo == Window(slice(29, 48), slice(0, 19))
    assert np.array_equal(image[halo][inside(core, halo)], image[core])


@pytest.mark.parametrize(("height", "width"), [(300, 500), (64, 64), (65, 10)])
def test_tiles_hold_every_pixel_exactly_once(height, width):
    assert np.all(times_covered(tiles(height, width, 64), height, width) == 1)


@pytest.mark.parametrize(("length", "target", "overlap"), [(1200, 70, 35), (2100, 75, 37), (2100, 135, 67), (3000, 64, 60)])
def test_cover_begins_no_window_beyond_the_image(length, target, overlap):
    spans = [window.rows for window in cover(length, 16, target, overlap)]
    assert spans[-1].start < length <= spans[-1].stop
    assert all(a.stop - b.start <= (a.stop - a.start) // 2 for a, b in pairwise(spans))


def test_any_beginning_of_the_shuffled_windows_is_spread_over_the_image():
    windows = shuffled(tiles(5000, 15400, 128))
    assert sorted(windows, key=str) == sorted(tiles(5000, 15400, 128), key=str)
    assert len({window.cols.start for window in windows[:122]}) > 60
