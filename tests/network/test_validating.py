import keras
import numpy as np
import pytest

from model_core.network.losses import Tversky
from model_core.network.validating import validate

pytestmark = pytest.mark.backend


def identity():
    """A network whose probability is its input."""
    inputs = keras.Input((None, None, 1))
    return keras.Model(inputs, inputs * 1.0)


def windows(seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(3):
        images = rng.random((2, 16, 16, 1)).astype(np.float32)
        yield images, rng.integers(0, 2, (2, 16, 16, 2)).astype(np.float32)


def test_measures_are_pooled_over_the_valid_pixels_of_all_windows():
    found = validate(identity(), windows(), Tversky())
    pairs = list(windows())
    p = np.concatenate([images[..., 0].ravel() for images, _ in pairs])
    label, valid = np.concatenate([targets.reshape(-1, 2) for _, targets in pairs]).T.astype(bool)
    hit = (p >= 0.5) & valid
    tp, fp, fn = (hit & label).sum(), (hit & ~label).sum(), (valid & label & ~hit).sum()
    assert found["val_precision"] == pytest.approx(tp / (tp + fp))
    assert found["val_recall"] == pytest.approx(tp / (tp + fn))
    assert found["val_f1"] == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert found["val_iou"] == pytest.approx(tp / (tp + fp + fn))
    together = [np.concatenate(arrays) for arrays in zip(*pairs, strict=True)]
    assert found["val_loss"] == pytest.approx(float(Tversky()(together[1], together[0])), rel=1e-5)


def test_what_is_undefined_counts_as_zero():
    nothing = [(np.zeros((1, 16, 16, 1), np.float32), np.ones((1, 16, 16, 2), np.float32))]
    found = validate(identity(), nothing, Tversky())
    assert (found["val_precision"], found["val_recall"], found["val_f1"]) == (0, 0, 0)
