import keras
import numpy as np
import pytest

from model_core.network.augmentation import Augmentation, build_augmenter
from model_core.network.losses import Tversky
from model_core.network.unet import build_unet

pytestmark = pytest.mark.backend


def pixels(*labels_valid_probability):
    """One row of pixels -> targets (1, 1, W, 2), probabilities (1, 1, W, 1)."""
    table = np.array(labels_valid_probability, np.float32)
    return table[np.newaxis, np.newaxis, :, :2], table[np.newaxis, np.newaxis, :, 2:]


def value(loss, targets, probabilities):
    return float(loss(targets, probabilities))


def gradient(loss, targets, probabilities):
    """d loss / d probability, as what one step of steepest descent changes."""

    class Raw(keras.layers.Layer):
        def build(self, shape):
            self.p = self.add_weight(shape=probabilities.shape[1:], initializer="zeros")
            self.p.assign(probabilities[0])

        def call(self, x):
            return x * 0 + self.p

    inputs = keras.Input(probabilities.shape[1:])
    raw = Raw()
    model = keras.Model(inputs, raw(inputs))
    model.compile(keras.optimizers.SGD(1.0), loss)
    model.train_on_batch(np.zeros_like(probabilities), targets)
    return probabilities[0, ..., 0] - keras.ops.convert_to_numpy(raw.p)[..., 0]


HIT, MISS, FALSE_ALARM, REST = (1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0)


def test_a_missed_pixel_weighs_w_fn():
    assert value(Tversky(0.3, 0.7, 0), *pixels(HIT, MISS, REST)) == pytest.approx(1 - 1 / 1.3)


def test_a_false_alarm_weighs_w_fp():
    assert value(Tversky(0.3, 0.7, 0), *pixels(HIT, FALSE_ALARM, REST)) == pytest.approx(1 - 1 / 1.7)


def test_epsilon_stands_above_and_below():
    assert value(Tversky(epsilon=0.5), *pixels(HIT, MISS)) == pytest.approx(1 - 1.5 / 1.8)
    assert value(Tversky(), *pixels(REST, REST)) == 0


def test_ignored_pixels_change_neither_value_nor_gradient():
    seen = [(1, 1, 0.8), (0, 1, 0.3), (1, 1, 0.2)]
    ignored = [(1, 0, 0.1), (0, 0, 0.9)]
    loss = Tversky()
    assert value(loss, *pixels(*seen, *ignored)) == value(loss, *pixels(*seen))
    steps = gradient(loss, *pixels(*seen, *ignored))[0]
    np.testing.assert_allclose(steps[:3], gradient(loss, *pixels(*seen))[0], rtol=1e-6)
    assert np.all(steps[:3] != 0)
    np.testing.assert_array_equal(steps[3:], 0)


# Precision, recall and loss of Bhuyan et al. 2023, table 2 (learning rate 1e-3), and table 3 of 2015 to 2019.
@pytest.mark.parametrize(("precision", "recall", "published", "within"), [
    (0.807, 0.698, 0.227, 0.004), (0.817, 0.702, 0.218, 0.004), (0.845, 0.688, 0.206, 0.004),
    (0.805, 0.701, 0.229, 0.004), (0.826, 0.719, 0.208, 0.004), (0.865, 0.618, 0.226, 0.004),
    (0.803, 0.700, 0.233, 0.004), (0.824, 0.725, 0.205, 0.004), (0.850, 0.731, 0.188, 0.004),
    (0.843, 0.450, 0.340, 0.009), (0.927, 0.603, 0.205, 0.009), (0.882, 0.724, 0.175, 0.009),
    (0.753, 0.633, 0.290, 0.009), (0.600, 0.759, 0.362, 0.009),
])
def test_hard_predictions_have_the_published_loss(precision, recall, published, within):
    n = 100_000
    tp, fn, fp = (round(n * share) for share in (recall, 1 - recall, recall * (1 / precision - 1)))
    targets, probabilities = pixels(*[HIT] * tp, *[MISS] * fn, *[FALSE_ALARM] * fp)
    assert value(Tversky(), targets, probabilities) == pytest.approx(published, abs=within)


def test_the_batch_is_pooled_or_its_patches_are_averaged():
    full, y_full = pixels(HIT, MISS, REST)
    wrong, y_wrong = pixels(FALSE_ALARM, MISS, REST)
    unseen, y_unseen = pixels((1, 0, 0), (0, 0, 1), (0, 0, 0))
    targets, probabilities = np.concatenate([full, wrong, unseen]), np.concatenate([y_full, y_wrong, y_unseen])
    each = [value(Tversky(), *pair) for pair in ((full, y_full), (wrong, y_wrong))]
    assert value(Tversky(pooled=False), targets, probabilities) == pytest.approx(np.mean(each))
    assert value(Tversky(epsilon=0), targets, probabilities) == pytest.approx(1 - 1 / (1 + 2 * 0.3 + 0.7))


def test_the_focal_exponent_acts_on_the_loss():
    data = pixels(HIT, MISS, REST)
    assert value(Tversky(gamma=0.75), *data) == pytest.approx(value(Tversky(), *data) ** 0.75)


@pytest.mark.parametrize("pixel", [HIT, REST, (1, 0, 0.5)])
def test_the_focal_gradient_is_a_number_where_the_loss_is_zero(pixel):
    assert np.all(np.isfinite(gradient(Tversky(gamma=0.75), *pixels(pixel, pixel))))


def test_half_precision_is_summed_in_float32():
    n = 1000  # bfloat16 counts to 256
    targets, probabilities = pixels(*[HIT] * n, *[MISS] * n)
    half = keras.ops.cast(probabilities, "bfloat16")
    assert value(Tversky(), targets, half) == pytest.approx(1 - 1 / 1.3, abs=1e-4)


@pytest.mark.parametrize("loss", [Tversky(), Tversky(0.5, 0.5, pooled=False, gamma=0.75)], ids=["pooled", "patchwise"])
def test_the_same_step_gives_the_same_bits_every_time(loss):
    """Threads may run in any order; sums of three terms or more would follow it (seen in 1 of 3 steps)."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 64, 64, 5)).astype(np.float32)
    targets = (rng.random((2, 64, 64, 2)) > 0.5).astype(np.float32)
    augment = build_augmenter(Augmentation(rotation_deg=30), 0)
    model = build_unet(5, 8)
    model.compile(keras.optimizers.Adam(), loss)
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    start = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    seen = set()
    for _ in range(25):
        for variable, value_at_start in zip(variables, start, strict=True):
            variable.assign(value_at_start)
        for batch in range(3):
            model.train_on_batch(*augment(images, targets, 0, batch))
        seen.add(b"".join(keras.ops.convert_to_numpy(variable).tobytes() for variable in variables))
    assert len(seen) == 1
