import threading

import numpy as np
import pytest

from model_core.contract.errors import InputError
from model_core.network.augmentation import Augmentation, build_augmenter
from model_core.network.feeding import Cover, Feed, Patch, Patches, targets_of

pytestmark = pytest.mark.backend


def ground(height, width, seed=0, n_bands=2):
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([0, 1, 255], np.uint8), (height, width))
    return rng.normal(size=(height, width, n_bands)).astype(np.float32), codes


def source(windows, batch_size=2, seed=0, size_px=8):
    images, codes = zip(ground(20, 30, 0), ground(16, 16, 1), strict=True)
    return Patches(images, codes, windows, size_px, batch_size, seed), images, codes


def test_codes_become_label_and_valid():
    found = targets_of(np.array([[0, 1, 255]], np.uint8))
    np.testing.assert_array_equal(found, [[[0, 1], [1, 1], [0, 0]]])
    assert found.dtype == np.float32


def test_a_patch_is_the_ground_of_its_date():
    patches, images, codes = source(lambda epoch: [Patch(1, 3, 5)])
    pixels, targets = patches.batch(0, 0)
    np.testing.assert_array_equal(pixels[0], images[1][3:11, 5:13])
    np.testing.assert_array_equal(targets[0], targets_of(codes[1][3:11, 5:13]))


@pytest.mark.parametrize(("row", "col", "inside", "part"), [
    (15, 25, np.s_[:5, :5], np.s_[15:, 25:]), (-3, -2, np.s_[3:, 2:], np.s_[:5, :6]),
])
def test_beyond_the_image_is_zero_and_ignored(row, col, inside, part):
    patches, images, codes = source(lambda epoch: [Patch(0, row, col)])
    pixels, targets = patches.batch(0, 0)
    expected_pixels, expected_targets = np.zeros((8, 8, 2)), np.zeros((8, 8, 2))
    expected_pixels[inside], expected_targets[inside] = images[0][part], targets_of(codes[0][part])
    np.testing.assert_array_equal(pixels[0], expected_pixels)
    np.testing.assert_array_equal(targets[0], expected_targets)


def test_arrays_of_ready_made_patches_and_memory_maps_work_too(tmp_path):
    images, codes = np.random.default_rng(0).normal(size=(5, 8, 8, 2)).astype(np.float32), np.zeros((5, 8, 8), np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    patches = Patches(mapped, codes, lambda epoch: [Patch(k, 0, 0) for k in range(5)], 8, 5, seed=0)
    pixels, _ = patches.batch(0, 0)
    np.testing.assert_array_equal(np.sort(pixels.ravel()), np.sort(images.ravel()))


def drawn(patches, epoch):
    """The first pixel of each patch of an epoch: a fingerprint."""
    return np.concatenate([patches.batch(epoch, k)[0][:, 0, 0, 0] for k in range(len(patches))])


def test_each_epoch_holds_all_its_patches_in_its_own_order():
    windows = [Patch(0, 0, k) for k in range(10)]
    patches, images, _ = source(lambda epoch: windows)
    first, second = drawn(patches, 0), drawn(patches, 1)
    expected = np.sort(images[0][0, :10, 0])
    np.testing.assert_array_equal(np.sort(first), expected)
    np.testing.assert_array_equal(np.sort(second), expected)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(drawn(source(lambda epoch: windows)[0], 1), second)
    assert not np.array_equal(drawn(source(lambda epoch: windows, seed=1)[0], 1), second)


def test_windows_may_differ_between_epochs():
    patches, images, _ = source(lambda epoch: [Patch(0, epoch, 0)])
    assert drawn(patches, 4) == images[0][4, 0, 0]


def test_the_last_batch_is_filled_up():
    patches, _, _ = source(lambda epoch: [Patch(0, 0, k) for k in range(5)], batch_size=3)
    assert len(patches) == 2
    values = drawn(patches, 0)
    assert len(values) == 6 and values[5] == values[0]
    assert len(source(lambda epoch: [Patch(0, 0, 0)], batch_size=3)[0].batch(0, 0)[0]) == 1


def test_no_patches_are_refused():
    with pytest.raises(InputError, match="no patch"):
        source(lambda epoch: [])


def test_validation_covers_each_known_pixel_once():
    images, codes = zip(ground(40, 50, 0), ground(16, 70, 1), strict=True)
    codes = [c.copy() for c in codes]
    codes[0][:16, :32] = 255  # two windows without known ground
    cover = Cover(images, codes, size_px=16, batch_size=4)
    assert len(cover.windows) == (3 * 4 - 2) + 5
    for _ in range(2):  # again and again
        batches = list(cover)
        label, valid = np.concatenate([targets.reshape(-1, 2) for _, targets in batches]).T
        assert valid.sum() == sum((c != 255).sum() for c in codes)
        assert label.sum() == sum((c == 1).sum() for c in codes)
        assert max(len(images) for images, _ in batches) == 4


def test_a_resumed_feed_goes_on_where_the_epoch_begins():
    windows = [Patch(0, 0, k) for k in range(10)]
    augment = build_augmenter(Augmentation(flip_horizontal=True, gain=0.5), 3)
    through, resumed = (Feed(source(lambda epoch: windows, batch_size=4)[0], augment, first) for first in (0, 2))
    steps = 3
    for index in range(2 * steps):
        expected = through[2 * steps + index]
        for ours, theirs in zip(resumed[index], expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    through.close()
    resumed.close()


def test_patches_are_prepared_ahead_in_another_thread():
    started, threads = threading.Event(), set()

    class Slow:
        def __len__(self):
            return 4

        def batch(self, epoch, index):
            threads.add(threading.current_thread().name)
            if index == 1:
                started.set()
            return np.zeros((1, 16, 16, 1), np.float32), np.zeros((1, 16, 16, 2), np.float32)

    feed = Feed(Slow(), None, 0)
    _ = feed[0]
    assert started.wait(5)  # nobody asked for batch 1
    feed.close()
    assert threading.current_thread().name not in threads
    assert not any(t.name.startswith("patches") for t in threading.enumerate())


def test_an_error_while_preparing_arrives():
    class Broken:
        def __len__(self):
            return 1

        def batch(self, epoch, index):
            raise OSError("disk gone")

    feed = Feed(Broken(), None, 0)
    with pytest.raises(OSError, match="disk gone"):
        _ = feed[0]
    feed.close()
