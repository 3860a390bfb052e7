import numpy as np
import pytest

from model_core.arrays import scaling as scalings
from weights.training.ground import training_mosaic
from weights.training.windows import Mixed, Windows, coloured


@pytest.fixture(scope="module")
def mosaic(taiwan):
    return training_mosaic(taiwan)


def test_a_batch_depends_on_seed_epoch_and_place_alone(mosaic):
    first, again, other = (Windows(mosaic, 32, 8, seed) for seed in (1, 1, 2))
    again.batch(0, 0)
    for found, expected in zip(again.batch(3, 2), first.batch(3, 2), strict=True):
        np.testing.assert_array_equal(found, expected)
    for different in (first.batch(3, 1), first.batch(4, 2), other.batch(3, 2)):
        assert not np.array_equal(different[0], first.batch(3, 2)[0])
    assert len(first) == 4


def test_windows_are_network_input_with_two_empty_bands(mosaic):
    images, targets = Windows(mosaic, 32, 16, 0).batch(0, 0)
    assert images.shape == (16, 128, 128, 5) and images.dtype == targets.dtype == np.float32
    assert np.abs(images).max() <= scalings.CLIP and not images[..., 3:].any()
    outside = targets[..., 1] == 0
    assert 0 < outside.mean() < 0.7 and targets[..., 0][outside].max(initial=0) == 0


def test_windows_can_be_laid_around_landslides(mosaic):
    _, targets = Windows(mosaic, 64, 32, 0, landslide_share=1.0).batch(0, 0)
    assert (targets[..., 0].max(axis=(1, 2)) == 1).mean() > 0.9  # some reach into ignored ground


def test_windows_can_be_laid_around_pixels_that_were_hard(mosaic):
    hard = np.argwhere(mosaic.codes == 0)[5000:5001]
    windows = Windows(mosaic, 64, 64, 0, hard=hard, hard_share=0.5)
    rng, hit = np.random.default_rng(0), 0
    for _ in range(400):
        _, _, top, left = windows._place(rng)
        hit += top <= hard[0, 0] < top + 128 and left <= hard[0, 1] < left + 128
    assert 0.45 < hit / 400 < 0.62


def test_windows_can_be_larger(mosaic):
    images, targets = Windows(mosaic, 8, 8, 0, size_px=192).batch(0, 0)
    assert images.shape == (8, 192, 192, 5) and targets.shape == (8, 192, 192, 2)
    assert (targets[..., 1].max(axis=(1, 2)) == 1).mean() > 0.5


def test_without_colours_a_window_is_what_the_engine_makes_of_it(mosaic):
    windows = Windows(mosaic, 8, 8, 0, scaling="whole", colours=0.0)
    images, _ = windows.batch(0, 0)
    rng = np.random.default_rng(0)
    values, valid = mosaic.read(slice(200, 328), slice(150, 278))
    found = coloured(values, valid, windows._whole, 0.0, 1.0, rng)
    np.testing.assert_allclose(found, scalings.apply(values, valid, windows._whole), atol=1e-4)
    assert abs(np.median(images[..., :3][images[..., :3] != 0])) < 0.3


def test_colours_change_before_the_cut(mosaic):
    scaling = Windows(mosaic, 8, 8, 0)._whole
    values = np.full((4, 4, 3), 1e4, np.float32)
    for seed in range(20):
        found = coloured(values, np.ones((4, 4), bool), scaling, 1.0, 1.0, np.random.default_rng(seed))
        np.testing.assert_array_equal(found, scaling.clip)


def test_in_a_more_varied_scene_contrasts_are_smaller(mosaic):
    scaling = Windows(mosaic, 8, 8, 0)._whole
    values, valid = mosaic.read(slice(200, 328), slice(150, 278))
    plain = np.median(np.abs(scalings.apply(values, valid, scaling)))  # a middle value is not cut off
    ratios = [np.median(np.abs(coloured(values, valid, scaling, 0.0, 5.0, np.random.default_rng(seed)))) / plain
              for seed in range(40)]
    assert 0.19 < min(ratios) < 0.3
    assert 0.8 < max(ratios) <= 1.001


def test_a_share_of_each_batch_comes_from_the_other_source():
    class Constant:
        def __init__(self, value, n):
            self.value, self.n = value, n

        def __len__(self):
            return self.n

        def batch(self, epoch, index):
            return np.full((8, 16, 16, 5), self.value, np.float32), np.full((8, 16, 16, 2), self.value, np.float32)

    mixed = Mixed(Constant(1, 50), Constant(2, 3), 0.25, 0, 0.5, [3, 4])
    images = np.stack([mixed.batch(0, k)[0] for k in range(50)])
    assert len(mixed) == 50
    assert (images[:, :2, ..., :3] == 2).all() and (images[:, 2:] == 1).all()
    lost = (images[:, :2, 0, 0, 3:] == 0).mean()
    assert 0.35 < lost < 0.65
