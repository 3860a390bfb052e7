import keras
import numpy as np
import pytest

from model_core.contract.errors import ModelError
from model_core.network.normalisation import BatchNormalization
from model_core.network.unet import build_unet, check_input, folded, freeze, ignore_bands

pytestmark = pytest.mark.backend


# Of TensorFlow 2.21 on an AMD EPYC; JAX 0.10 gives the same.
PROBABILITIES = [
    [0.222111, 0.436704, 0.463493, 0.329972],
    [0.500000, 0.294780, 0.300243, 0.314611],
    [0.412424, 0.426463, 0.272253, 0.254555],
    [0.340915, 0.379055, 0.359494, 0.393427],
]


def n_trainable(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def trained_statistics(model, seed=0):
    """Gives the batch normalisations statistics as if they had been trained."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in layer.get_weights()])
    return model


@pytest.mark.parametrize(("filters", "up_convolutions", "count"), [
    (8, "paper", 580_033), (16, "paper", 1_944_337), (32, "paper", 7_026_481),
    (8, "scaled", 487_433), (16, "scaled", 1_944_337), (32, "scaled", 7_766_561),
])
def test_parameters_are_those_of_the_published_code(filters, up_convolutions, count):
    assert n_trainable(build_unet(5, filters, up_convolutions)) == count


def test_any_window_of_multiples_of_16_gives_one_probability_a_pixel():
    model = build_unet(4, 2)
    for height, width in ((16, 16), (32, 48)):
        output = keras.ops.convert_to_numpy(model(np.ones((2, height, width, 4), np.float32)))
        assert output.shape == (2, height, width, 1)
        assert np.all((output > 0) & (output < 1))


@pytest.mark.parametrize(("shape", "words"), [
    ((1, 24, 32, 3), "24 x 32 px"), ((1, 32, 40, 3), "32 x 40 px"), ((1, 32, 32, 4), "3 bands, the image has 4"),
])
def test_an_image_that_does_not_fit_is_refused_in_plain_words(shape, words):
    with pytest.raises(ModelError, match=words):
        check_input(build_unet(3, 2), shape)


def test_probabilities_are_float32_in_half_precision():
    model = build_unet(3, 2, policy="mixed_bfloat16")
    assert model.get_layer("encoder_1_conv_1").compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(model(np.ones((1, 16, 16, 3), np.float32)).dtype) == "float32"


@pytest.mark.parametrize(("part", "trained"), [
    ("all", {"encoder", "decoder", "head"}), ("decoder", {"decoder", "head"}), ("head", {"head"}),
])
def test_only_the_chosen_part_changes_in_training(part, trained):
    model = build_unet(3, 2)
    freeze(model, part)
    model.compile("sgd", "binary_crossentropy")
    before = {layer.name: layer.get_weights() for layer in model.layers}
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 32, 32, 3)).astype(np.float32), rng.integers(0, 2, (4, 32, 32, 1)).astype(np.float32)
    model.train_on_batch(x, y)
    changed = {
        name.split("_")[0] for name, values in before.items()
        if any(not np.array_equal(a, b) for a, b in zip(values, model.get_layer(name).get_weights(), strict=True))
    }
    assert changed == trained  # moving statistics are among the weights


def test_freezing_is_undone_by_all():
    model = build_unet(3, 2)
    count = n_trainable(model)
    freeze(model, "head")
    assert n_trainable(model) == 2 + 1
    freeze(model, "all")
    assert n_trainable(model) == count


def test_an_unknown_part_is_refused():
    with pytest.raises(ModelError, match="tail"):
        freeze(build_unet(3, 2), "tail")


def test_the_same_weights_give_the_same_probabilities_on_every_backend():
    model = trained_statistics(build_unet(3, 2))
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, np.sqrt(2 / max(np.prod(w.shape[:-1]), 1)), w.shape) if w.ndim > 1 else w
                       for w in model.get_weights()])
    x = np.random.default_rng(4).normal(size=(1, 32, 32, 3)).astype(np.float32)
    found = model.predict_on_batch(x)[0, 4::8, 4::8, 0]
    np.testing.assert_allclose(found, PROBABILITIES, atol=1e-5)


@pytest.mark.parametrize("up_convolutions", ["scaled", "paper"])
def test_folding_changes_no_probability(up_convolutions):
    model = trained_statistics(build_unet(3, 4, up_convolutions))
    x = np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype(np.float32)
    expected, found = model.predict_on_batch(x), folded(model).predict_on_batch(x)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("shape", [(4, 8, 8, 3), (1, 2, 2, 3)])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_batch_normalisation_trains_as_keras_own(shape, policy):
    rng = np.random.default_rng(0)
    x = rng.normal(2, 3, shape).astype(np.float32)
    y = rng.normal(size=shape).astype(np.float32)
    results = []
    for cls in (BatchNormalization, keras.layers.BatchNormalization):
        inputs = keras.Input(shape[1:])
        # The layer before it shows the gradient that passes through.
        scaled = keras.layers.BatchNormalization(name="before", momentum=0.5)(inputs)
        model = keras.Model(inputs, cls(momentum=0.7, dtype=policy)(scaled))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        for _ in range(3):
            model.train_on_batch(x, y)
        results.append([*model.get_weights(), model.predict_on_batch(x)])
    # bfloat16 has 8 bits; the gradient is rounded at other places.
    tolerance = 1e-5 if policy == "float32" else 2e-2
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def test_an_ignored_band_changes_nothing_until_the_network_learns_from_it():
    model = build_unet(3, 8)
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 32, 32, 3)).astype(np.float32)
    other = image.copy()
    other[..., 2] = rng.normal(size=(1, 32, 32))
    assert np.abs(model.predict_on_batch(image) - model.predict_on_batch(other)).max() > 1e-4
    ignore_bands(model, [2])
    np.testing.assert_array_equal(model.predict_on_batch(image), model.predict_on_batch(other))
    model.compile("adam", "binary_crossentropy")
    model.train_on_batch(image, np.ones((1, 32, 32, 1)))
    assert np.abs(model.get_layer("encoder_1_conv_1").kernel.numpy()[:, :, 2]).max() > 0
