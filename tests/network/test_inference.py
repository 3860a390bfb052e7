import keras
import numpy as np
import pytest

from model_core.contract.errors import InputError, ModelError
from model_core.network.inference import Predictor
from model_core.network.normalisation import adapt_batch_norm
from model_core.network.unet import build_unet

from .test_unet import trained_statistics

pytestmark = pytest.mark.backend


@pytest.fixture(scope="module")
def model():
    return trained_statistics(build_unet(3, 4))


def images(shape=(2, 32, 48, 3), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_the_probability_is_that_of_the_network(model):
    found = Predictor(model).predict(images())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, model.predict_on_batch(images())[..., 0], atol=2e-6)


def test_windows_of_any_size_are_predicted(model):
    found = Predictor(model).predict(images((1, 21, 35, 3)))
    assert found.shape == (1, 21, 35)
    padded = np.zeros((1, 32, 48, 3), np.float32)
    padded[:, :21, :35] = images((1, 21, 35, 3))
    np.testing.assert_allclose(found, model.predict_on_batch(padded)[:, :21, :35, 0], atol=2e-6)


def test_another_number_of_bands_is_refused(model):
    with pytest.raises(ModelError, match="reads 3 bands"):
        Predictor(model).predict(images((1, 16, 16, 4)))


def test_turns_and_flips_are_averaged(model):
    x = images((1, 32, 32, 3))
    expected = []
    for quarters in range(4):
        for flip in (False, True):
            view = np.rot90(x[0, :, ::-1] if flip else x[0], quarters)
            p = np.rot90(model.predict_on_batch(view[np.newaxis])[0, ..., 0], -quarters)
            expected.append(p[:, ::-1] if flip else p)
    predictor = Predictor(model, tta=True)
    np.testing.assert_allclose(predictor.predict(x)[0], np.mean(expected, axis=0), atol=2e-6)
    # So a turned image has the turned map, which one network alone does not give.
    np.testing.assert_allclose(predictor.predict(np.rot90(x, 1, (1, 2)))[0], np.rot90(predictor.predict(x)[0]), atol=2e-6)


def first_norm(model):
    return model.get_layer("encoder_1_norm_1")


def test_adapting_takes_the_statistics_of_the_new_images(model):
    batches = [3 + 2 * images(seed=1), 5 * images((1, 64, 64, 3), seed=2)]
    weights_before = [w.numpy() if hasattr(w, "numpy") else np.asarray(w) for w in model.trainable_weights]
    momentum = first_norm(model).momentum
    adapt_batch_norm(model, batches)
    conv = model.get_layer("encoder_1_conv_1")
    maps = np.concatenate([keras.ops.convert_to_numpy(conv(b)).reshape(-1, 4) for b in batches])
    np.testing.assert_allclose(first_norm(model).moving_mean, maps.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(first_norm(model).moving_variance, maps.var(axis=0), rtol=1e-4)
    assert first_norm(model).momentum == momentum
    for before, after in zip(weights_before, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_predictor_adapts_itself_to_windows_of_mixed_sizes():
    model = trained_statistics(build_unet(3, 4))
    predictor, x = Predictor(model), images()
    before = predictor.predict(x)
    predictor.adapt([*images((9, 32, 32, 3), 1), images((1, 16, 32, 3), 2)[0]])
    after = predictor.predict(x)
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(after, model.predict_on_batch(x)[..., 0], atol=2e-6)


def test_adapting_to_nothing_is_refused(model):
    before = first_norm(model).get_weights()
    with pytest.raises(InputError, match="no observed ground"):
        adapt_batch_norm(model, [])
    for a, b in zip(before, first_norm(model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
