import keras
import numpy as np
import pytest
from scipy import ndimage

from model_core.network.augmentation import Augmentation, build_augmenter

pytestmark = pytest.mark.backend

GEOMETRY = Augmentation(rotation_deg=45, shear_deg=20, flip_horizontal=True, flip_vertical=True, zoom=0.2)
COLOUR = Augmentation(gain=0.2, offset=0.3)


def patches(n=8, size=32, n_bands=3, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(n, size, size, n_bands)).astype(np.float32)
    targets = np.ones((n, size, size, 2), np.float32)
    targets[..., 0] = rng.random((n, size, size)) < 0.3
    return images, targets


def test_nothing_asked_for_changes_nothing():
    images, targets = patches()
    for found, given in zip(build_augmenter(Augmentation(), 0)(images, targets, 0, 0), (images, targets), strict=True):
        np.testing.assert_array_equal(found, given)


def test_randomness_depends_on_seed_epoch_and_batch_alone():
    images, targets = patches()
    settings = Augmentation(**{**vars(GEOMETRY), "gain": 0.2, "offset": 0.2, "band_dropout": 0.3})
    augment = build_augmenter(settings, 5)
    first = augment(images, targets, 3, 7)
    augment(images, targets, 0, 0)  # what was drawn before must not matter
    again, other = build_augmenter(settings, 5), build_augmenter(settings, 6)
    for found, expected in zip(again(images, targets, 3, 7), first, strict=True):
        np.testing.assert_array_equal(found, expected)
    for different in (again(images, targets, 3, 8), again(images, targets, 4, 7), other(images, targets, 3, 7)):
        assert not np.array_equal(different[0], first[0])


def test_the_two_flips_are_drawn_independently_and_lose_nothing():
    images, targets = patches(n=400, size=16)
    found, moved = build_augmenter(Augmentation(flip_horizontal=True, flip_vertical=True), 0)(images, targets, 0, 0)
    kinds = {"none": np.s_[:, :], "rows": np.s_[::-1, :], "cols": np.s_[:, ::-1], "both": np.s_[::-1, ::-1]}
    counts = dict.fromkeys(kinds, 0)
    for k in range(400):
        for name, view in kinds.items():
            if np.array_equal(found[k], images[k][view]):
                np.testing.assert_array_equal(moved[k], targets[k][view])
                counts[name] += 1
    assert sum(counts.values()) == 400
    assert min(counts.values()) > 60  # 100 expected; the chance of this few is below 1e-5


def test_images_and_labels_move_together():
    size = 64
    blob = np.hypot(*np.mgrid[-20 : size - 20, -38 : size - 38]) < 9
    images = np.repeat(blob[np.newaxis, :, :, np.newaxis], 32, axis=0).astype(np.float32)
    targets = np.concatenate([images, np.ones_like(images)], axis=-1)
    found, moved = build_augmenter(GEOMETRY, 1)(images, targets, 0, 0)
    assert not np.array_equal(moved, targets)
    agree = (found[..., 0] > 0.5) == (moved[..., 0] > 0.5)
    assert agree.mean() > 0.995  # they differ in rounding at the rim only


def test_a_turn_is_the_turn_that_scipy_makes():
    size, angle = 33, 30.0
    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(size, size)), 2).astype(np.float32)
    augment = build_augmenter(Augmentation(rotation_deg=angle), 3)
    images = np.repeat(image[np.newaxis, :, :, np.newaxis], 64, axis=0)
    targets = np.ones((64, size, size, 2), np.float32)
    found, _ = augment(images, targets, 0, 0)
    inner = np.hypot(*np.mgrid[-16:17, -16:17]) < 14
    angles = np.linspace(-angle, angle, 121)
    turned = np.stack([ndimage.rotate(image, a, reshape=False, order=1)[inner] for a in angles])
    best = [np.abs(turned - patch[..., 0][inner]).mean(axis=1).argmin() for patch in found]
    errors = [np.abs(turned[b] - patch[..., 0][inner]).max() for b, patch in zip(best, found, strict=True)]
    assert max(errors) < 0.15 * image.std()
    assert angles[best].min() < -20 and angles[best].max() > 20


@pytest.mark.parametrize("settings", [Augmentation(rotation_deg=45), Augmentation(shear_deg=20), Augmentation(zoom=0.4)])
def test_ground_moved_in_from_outside_is_ignored(settings):
    images, targets = patches(n=16)
    images += 10
    found, moved = build_augmenter(settings, 0)(images, targets, 0, 0)
    outside = np.all(found == 0, axis=-1)
    assert outside.mean() > 0.02
    assert np.all(moved[outside] == 0)
    assert moved[..., 1].mean() > 0.6


def test_labels_stay_whole_numbers():
    _, moved = build_augmenter(GEOMETRY, 0)(*patches(), 0, 0)
    assert set(np.unique(moved)) == {0.0, 1.0}


def test_images_stay_float32_in_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    images, targets = patches()
    images[:] = 4999  # bfloat16 would make it 4992
    found, _ = build_augmenter(Augmentation(flip_horizontal=True), 0)(images, targets, 0, 0)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, 4999)


def test_each_band_of_each_patch_has_its_own_gain_and_offset():
    images, targets = patches(n=200)
    found, moved = build_augmenter(COLOUR, 0)(images, targets, 0, 0)
    np.testing.assert_array_equal(moved, targets)
    gain = found.std(axis=(1, 2)) / images.std(axis=(1, 2))
    offset = found.mean(axis=(1, 2)) - gain * images.mean(axis=(1, 2))
    for values, centre, most in ((gain, 1, 0.2), (offset, 0, 0.3)):
        assert np.abs(values - centre).max() <= most + 1e-4
        assert values.std() == pytest.approx(most / np.sqrt(3), rel=0.1)  # uniform
        assert np.abs(np.corrcoef(values.T)[np.triu_indices(3, 1)]).max() < 0.25


def test_unobserved_pixels_stay_zero():
    images, targets = patches()
    images[:, :10] = 0
    found, _ = build_augmenter(COLOUR, 0)(images, targets, 0, 0)
    np.testing.assert_array_equal(found[:, :10], 0)


def test_bands_are_blanked_as_often_as_asked_but_never_all():
    images, targets = patches(n=600, size=16)
    found, _ = build_augmenter(Augmentation(band_dropout=0.9), 0)(images, targets, 0, 0)
    blank = np.all(found == 0, axis=(1, 2))
    assert blank.sum(axis=1).max() == 2
    assert blank.mean() == pytest.approx(0.9 * 2 / 3, abs=0.05)  # one band of three is kept in any case
    np.testing.assert_array_equal(found.transpose(0, 3, 1, 2)[~blank], images.transpose(0, 3, 1, 2)[~blank])


def test_a_lacking_band_stays_0_whatever_happens_to_the_colours():
    images, targets = patches(n=50, n_bands=5)
    images[..., 3:] = 0
    settings = Augmentation(gain=0.3, offset=0.5, band_dropout=0.9)
    found, _ = build_augmenter(settings, 0)(images, targets, 0, 0)
    assert not found[..., 3:].any()
    assert found[..., :3].any(axis=(1, 2, 3)).all(), "one band that was there stays"


def test_magnified_patches_show_the_middle_larger():
    images = np.zeros((100, 64, 64, 1), np.float32)
    images[:, 28:36, 28:36] = 1
    targets = np.ones((100, 64, 64, 2), np.float32)
    found, _ = build_augmenter(Augmentation(magnify=3.0), 0)(images, targets, 0, 0)
    times = np.sqrt((found[..., 0] > 0.5).mean(axis=(1, 2)) / (images[0] > 0.5).mean())
    assert times.min() < 1.1 and 2.7 < times.max() < 3.3
    assert 1.5 < np.median(times) < 2.0  # the root of 3: as often below as above


def test_magnifying_leaves_the_other_random_numbers_alone():
    images, targets = patches()
    plain = Augmentation(**{**vars(GEOMETRY), "gain": 0.2, "offset": 0.2, "band_dropout": 0.3})
    tiny = Augmentation(**{**vars(plain), "magnify": 1 + 1e-9})
    for one, other in zip(*(build_augmenter(settings, 1)(images, targets, 2, 3) for settings in (plain, tiny)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_rim_leaves_no_empty_corners():
    images, targets = patches(n=50, size=48)
    turned = Augmentation(rotation_deg=45)
    plain = build_augmenter(turned, 0)(images, targets, 0, 0)
    found = build_augmenter(Augmentation(rotation_deg=45, rim_px=8), 0)(images, targets, 0, 0)
    for whole, part in zip(plain, found, strict=True):
        np.testing.assert_array_equal(part, whole[:, 8:-8, 8:-8])
    assert (plain[1][..., 1] == 0).mean() > 0.08 and (found[1][..., 1] == 0).mean() < 0.01
