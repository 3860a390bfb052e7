import numpy as np
import pytest
from scipy import ndimage

from model_core.arrays.contrast import ContrastMeter
from model_core.arrays.windows import Window, grow, inside

N = 60


@pytest.fixture(scope="module")
def scene():
    """(image, ids): of 60 polygons on uneven ground the first 30 are brighter by two thirds of its spread or more."""
    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[:400, :400]
    ids = np.zeros(rows.shape, np.int32)
    for number in range(N):
        row, col = 25 + 48 * (number // 8) + rng.uniform(-6, 6), 25 + 48 * (number % 8) + rng.uniform(-6, 6)
        a, b = rng.uniform(2, 9), rng.uniform(2, 5)
        ids[((rows - row) / a) ** 2 + ((cols - col) / b) ** 2 < 1] = number + 1
    bright = (ids > 0) & (ids <= 30)
    return ground(0) + 2 * bright[..., None].astype(np.float32), ids


def ground(seed):
    """(400, 400, 3) uneven ground without landslides."""
    rng = np.random.default_rng(seed)
    bands = [8 * ndimage.gaussian_filter(rng.standard_normal((400, 400)), 4) + 0.3 * rng.standard_normal((400, 400))
             for _ in range(3)]
    return np.stack(bands, axis=-1).astype(np.float32)


def measured(image, ids, valid=None, tile_px=400, **options):
    valid = np.ones(ids.shape, bool) if valid is None else valid
    meter = ContrastMeter(N, image.shape[2], **options)
    for top in range(0, ids.shape[0], tile_px):
        for left in range(0, ids.shape[1], tile_px):
            core = Window(slice(top, top + tile_px), slice(left, left + tile_px))
            tile = grow(core, 16, *ids.shape)
            meter.add(image[tile], valid[tile], ids[tile], inside(core, tile))
    return meter.contrasts()


def test_bright_polygons_stand_out_and_others_do_not(scene):
    found = measured(*scene)
    assert (found.p_value[:30] <= 0.05).mean() > 0.95
    assert (found.p_value[30:] > 0.2).mean() > 0.6  # 0.8 expected by chance


def test_p_values_of_meaningless_outlines_are_what_they_say(scene):
    ids = scene[1]
    p_values = np.concatenate([measured(ground(seed + 1), ids, seed=seed).p_value for seed in range(5)])
    for level in (0.1, 0.2, 0.5):
        assert (p_values <= level).mean() == pytest.approx(level, abs=0.06)


def test_contrast_is_the_difference_in_spreads_of_the_surroundings(scene):
    image, ids = scene
    found = measured(image, ids)
    # An independent way: distances to this polygon alone; the polygons lie too far apart to share a ring.
    inside_it = ids == 5
    distance = ndimage.distance_transform_edt(~inside_it)
    ring = (distance > 0) & (distance <= 3)
    steps = (image[inside_it].mean(axis=0) - image[ring].mean(axis=0)) / image[ring].std(axis=0)
    assert found.contrast[4] == pytest.approx(np.sqrt((steps**2).mean()), rel=1e-4)
    assert found.n_pixels.tolist() == np.bincount(ids.ravel(), minlength=N + 1)[1:].tolist()


def test_tiles_give_the_contrast_of_the_whole(scene):
    whole, tiled = measured(*scene), measured(*scene, tile_px=100)
    np.testing.assert_allclose(tiled.contrast, whole.contrast, rtol=1e-6)
    assert (tiled.n_pixels == whole.n_pixels).all()
    assert (tiled.p_value[:30] <= 0.05).mean() > 0.95


def test_unobserved_polygons_are_not_judged(scene):
    image, ids = scene
    valid = np.ones(ids.shape, bool)
    valid[:, :200] = False
    image = np.where(valid[..., None], image, 0)
    found = measured(image, ids, valid)
    left = ndimage.maximum_position(ids == 1)[1] < 200
    assert left and found.n_observed[0] == 0 < found.n_pixels[0]
    assert np.isnan(found.contrast[0]) and np.isnan(found.p_value[0])
    assert np.isfinite(found.p_value).sum() > 20


def test_one_band_in_other_units_changes_nothing(scene):
    image, ids = scene
    scaled = (image * np.array([1, 1000, 1e-3]) + np.array([0, 5, 2])).astype(np.float32)
    np.testing.assert_allclose(measured(scaled, ids).contrast, measured(image, ids).contrast, rtol=1e-2)


def test_no_polygon_on_a_tile_counts_nothing(scene):
    image, ids = scene
    found = measured(image, np.zeros_like(ids))
    assert found.n_pixels.sum() == 0
    assert np.isnan(found.p_value).all()
