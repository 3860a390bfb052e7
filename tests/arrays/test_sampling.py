import numpy as np
import pytest

from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE, NOWHERE, TRAIN, VALIDATION
from model_core.arrays.sampling import epoch_sample, training_windows
from model_core.contract.errors import UsageError


def image(height=256, width=320):
    codes = np.full((height, width), BACKGROUND, np.uint8)
    codes[10:20, 10:20] = LANDSLIDE
    codes[100:110, 200:230] = LANDSLIDE
    codes[:, 300:] = IGNORE
    roles = np.full((height, width), TRAIN, np.uint8)
    roles[128:] = VALIDATION
    roles[120:128] = NOWHERE
    return roles, codes


def corners(windows):
    return [(w.rows.start, w.cols.start) for w in windows]


def test_windows_count_their_usable_ground_and_landslide():
    roles, codes = image()
    windows = training_windows(roles, codes, 64, 64)
    usable = (roles == TRAIN) & (codes != IGNORE)
    for window, ground, landslide in zip(windows.windows, windows.ground_px, windows.landslide_px, strict=True):
        assert ground == usable[window].sum() > 0
        assert landslide == (usable & (codes == LANDSLIDE))[window].sum()
    assert all(window.rows.start < 128 for window in windows.windows)


def test_windows_with_too_little_ground_or_without_landslide_can_be_left_out():
    roles, codes = image()
    assert len(training_windows(roles, codes, 64, 64, drop_empty=True).tops) == 2
    every = training_windows(roles, codes, 64, 64)
    assert len(training_windows(roles, codes, 64, 64, min_train_px=64 * 64).tops) < len(every.tops)
    assert training_windows(roles, codes, 64, 64, role=VALIDATION).tops.min() >= 128


def test_an_epoch_is_a_pure_function_of_seed_and_epoch():
    windows = training_windows(*image(), 64, 32)
    first = epoch_sample(windows, 7, 3, 16, positive_share=0.5)
    assert first == epoch_sample(windows, 7, 3, 16, positive_share=0.5)
    assert first != epoch_sample(windows, 7, 4, 16, positive_share=0.5)
    assert first != epoch_sample(windows, 8, 3, 16, positive_share=0.5)


def test_without_jitter_every_window_comes_once_in_another_order():
    windows = training_windows(*image(), 64, 32)
    sample = corners(epoch_sample(windows, 0, 0, 0))
    assert sorted(sample) == corners(windows.windows)
    assert sample != corners(windows.windows)


def test_jittered_windows_stay_in_the_image_and_near_their_place():
    windows = training_windows(*image(), 64, 64)
    sample = epoch_sample(windows, 0, 1, 20)
    assert len(sample) == len(windows.tops)
    for window in sample:
        assert 0 <= window.rows.start <= 256 - 64
        assert 0 <= window.cols.start <= 320 - 64
        near = np.maximum(abs(windows.tops - window.rows.start), abs(windows.lefts - window.cols.start))
        assert near.min() <= 20
    assert len({start % 64 for start, _ in corners(sample)}) > 3


def test_an_image_smaller_than_the_window_is_sampled_from_its_corner():
    windows = training_windows(np.zeros((40, 300), np.uint8), np.zeros((40, 300), np.uint8), 64, 64)
    assert {top for top, _ in corners(epoch_sample(windows, 0, 0, 30))} == {0}


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_windows_with_landslide_get_their_share_in_even_rounds(share):
    windows = training_windows(*image(), 64, 16)
    positive = {c for c, px in zip(corners(windows.windows), windows.landslide_px, strict=True) if px}
    sample = corners(epoch_sample(windows, 2, 5, 0, positive_share=share))
    drawn = [c for c in sample if c in positive]
    assert len(sample) == len(windows.tops)
    assert len(drawn) == round(share * len(sample))
    often = [drawn.count(c) for c in positive]
    assert max(often) - min(often) <= 1


def test_share_is_left_alone_where_there_is_one_kind_only():
    windows = training_windows(*image(), 64, 64, drop_empty=True)
    assert sorted(corners(epoch_sample(windows, 0, 0, 0, positive_share=0.5))) == corners(windows.windows)


def test_an_unusable_share_is_refused():
    windows = training_windows(*image(), 64, 64)
    with pytest.raises(UsageError, match="share"):
        epoch_sample(windows, 0, 0, 0, positive_share=1.5)
