import numpy as np
import pytest

from model_core.arrays.blending import whole
from model_core.contract.errors import Cancelled, InputError
from model_core.contract.events import Recorder
from model_core.stages.shared.mapping import PROBABILITY_STEPS, map_probability


def blur(batch):
    """A stand-in for a network whose output depends on the surroundings: the mean over 17 x 17 px, zeros outside."""
    from scipy import ndimage

    return np.stack([ndimage.uniform_filter(image[..., 0], 17, mode="constant") for image in batch])


def mapped(image, valid, predict=blur, window_px=160, overlap_px=64, report=None):
    def read(rows, cols):
        return image[rows, cols], valid[rows, cols]

    blocks = map_probability(read, valid.shape, predict, report or Recorder(), window_px=window_px,
                             overlap_px=overlap_px)
    return whole(valid.shape, blocks)


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(size=(500, 430, 1)).astype(np.float32)


def test_windows_give_what_the_whole_image_gives_away_from_its_edge(image):
    valid = np.ones(image.shape[:2], bool)
    whole = blur(image[None])[0]
    # What is left is the darkening at a window's own edge, which the ramp weighs close to zero.
    inner = (slice(20, -20), slice(20, -20))
    assert np.abs(mapped(image, valid) - whole)[inner].max() < 0.01


def test_no_seam_shows(image):
    valid = np.ones(image.shape[:2], bool)
    result = mapped(image, valid)
    steps = np.abs(np.diff(result[20:-20, 20:-20], axis=0)).mean(axis=1)
    # A seam would be a row whose step stands out from all others.
    assert steps.max() < 1.5 * np.median(steps)


def test_a_hard_seam_would_be_noticed(image):
    valid = np.ones(image.shape[:2], bool)
    result = mapped(image, valid, overlap_px=0)
    steps = np.abs(np.diff(result[20:-20, 20:-20], axis=0)).mean(axis=1)
    assert steps.max() > 1.5 * np.median(steps)


def test_unobserved_ground_stays_without_value(image):
    valid = np.ones(image.shape[:2], bool)
    valid[100:180, 50:300] = False
    valid[-3:] = False
    np.testing.assert_array_equal(np.isnan(mapped(image, valid)), ~valid)


def test_a_window_without_any_observed_ground_is_not_predicted():
    calls = []

    def predict(batch):
        calls.append(batch.shape)
        return batch[..., 0]

    result = mapped(np.ones((640, 640, 1), np.float32), np.zeros((640, 640), bool), predict)
    assert np.isnan(result).all()
    assert not calls


def test_probabilities_come_in_steps_that_half_precision_resolves(image):
    result = mapped(image, np.ones(image.shape[:2], bool))
    np.testing.assert_array_equal(result * PROBABILITY_STEPS, np.rint(result * PROBABILITY_STEPS))


def test_an_error_while_reading_ends_the_map(image):
    def read(rows, cols):
        if rows.start > 0:
            raise InputError("raster.damaged", "broken", "copy again")
        return image[rows, cols], np.ones(image[rows, cols].shape[:2], bool)

    blocks = map_probability(read, image.shape[:2], blur, Recorder(), window_px=160, overlap_px=64)
    with pytest.raises(InputError):
        list(blocks)


def test_an_image_smaller_than_a_window_is_padded_to_a_multiple_of_16():
    shapes = []

    def predict(batch):
        shapes.append(batch.shape)
        return batch[..., 0]

    small = np.random.default_rng(2).uniform(size=(37, 51, 1)).astype(np.float32)
    np.testing.assert_allclose(mapped(small, np.ones((37, 51), bool), predict), small[..., 0],
                               atol=0.5 / PROBABILITY_STEPS + 1e-6)
    assert all(h % 16 == 0 and w % 16 == 0 for _, h, w, _ in shapes)


def test_a_request_to_stop_ends_the_map(image):
    class Stopping(Recorder):
        def cancelled(self):
            return sum(event["event"] == "progress" for event in self.events) >= 2

    with pytest.raises(Cancelled):
        mapped(image, np.ones(image.shape[:2], bool), report=Stopping())
