"""The U-Net of Bhuyan et al. 2023: five levels, from their released notebook where text and code differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from ..contract.errors import ModelError
from .normalisation import BatchNormalization

LEVELS = 5
MULTIPLE = 2 ** (LEVELS - 1)  # sides of the input are multiples of it
PARTS = ("all", "decoder", "head")


def build_unet(
    n_bands: int,
    filters: int = 32,
    up_convolutions: str = "scaled",
    *,
    policy: str | None = None,
    momentum: float = 0.99,
) -> keras.Model:
    """(N, H, W, n_bands) float32 -> (N, H, W, 1) float32 probability; H and W are multiples of 16.

    Every level is 2 x (3x3 convolution, batch normalisation, ReLU); max pooling down, 2x2 transposed convolution with
    stride 2 up, skip connections concatenated; 1x1 convolution with sigmoid at the end.

    Args:
        n_bands: Bands of the input.
        filters: Width of the first level; it doubles from level to level.
        up_convolutions: "scaled": the transposed convolutions are as wide as the level they lead to; "paper": 128, 64,
            32 and 16 whatever the filters, as hard-coded in the paper's notebook. With 16 filters both are the same.
        policy: Keras dtype policy such as "mixed_bfloat16"; default the one that `backend.setup` chose. The last layer
            is float32 always.
        momentum: Of the moving statistics; the paper's 0.99 needs some hundred steps until they are true.

    What happens to an input that does not fit depends on the framework: ask `check_input` before.
    """
    return _assemble(n_bands, filters, up_convolutions, policy or keras.config.dtype_policy().name, momentum)


def check_input(model: keras.Model, shape: tuple[int, ...]) -> None:
    """Refuses images of shape (N, H, W, B) that the network cannot read.

    Raises:
        ModelError: The number of bands differs, or a side is no multiple of 16.
    """
    n_bands = model.input_shape[-1]
    if shape[-1] != n_bands:
        raise ModelError("unet.bands", f"The network reads {n_bands} bands, the image has {shape[-1]}.",
                         "Choose the bands that the model card names, in its order.", bands=shape[-1])
    if any(side % MULTIPLE for side in shape[1:3]):
        raise ModelError("unet.size", f"The network cannot read windows of {shape[1]} x {shape[2]} px.",
                         f"Choose sides that are multiples of {MULTIPLE}.", height=shape[1], width=shape[2])


def freeze(model: keras.Model, part: str) -> None:
    """Leaves only `part` trainable: "all", the "decoder" (with the head) or the "head".

    Batch normalisation outside of it runs on its moving statistics and does not change. Compile the model afterwards.

    Raises:
        ModelError: There is no such part.
    """
    if part not in PARTS:
        raise ModelError("unet.part", f"The network has no part {part!r}.", f"Choose from: {', '.join(PARTS)}.")
    kept = {"all": ("",), "decoder": ("decoder", "head"), "head": ("head",)}[part]
    for layer in model.layers:
        layer.trainable = layer.name.startswith(kept)


def ignore_bands(model: keras.Model, places: Sequence[int]) -> None:
    """Makes a network blind for bands of its input until it learns from them.

    A band that is 0 in all training patches leaves the first weights for it as they were drawn, and an image that has
    it would then be mapped by chance.

    Args:
        model: From `build_unet`.
        places: Of the bands, from 0.
    """
    kernel = model.get_layer("encoder_1_conv_1").kernel
    values = np.array(keras.ops.convert_to_numpy(kernel))
    values[:, :, list(places)] = 0
    kernel.assign(values)


def folded(model: keras.Model, policy: str | None = None) -> keras.Model:
    """A copy for prediction: the batch normalisations are folded into the convolutions before them.

    Gives the same probabilities up to rounding and needs fewer operations; cannot be trained.

    Args:
        model: From `build_unet`.
        policy: Keras dtype policy of the copy; default the model's own.
    """
    up_convolutions = tuple(model.get_layer(f"decoder_{level}_up").filters for level in range(1, LEVELS))
    first = model.get_layer("encoder_1_conv_1")
    copy = _assemble(model.input_shape[-1], first.filters, up_convolutions, policy or first.dtype_policy.name, None)
    fold_into(copy, model)
    return copy


def fold_into(copy: keras.Model, model: keras.Model) -> None:
    """Gives a copy from `folded` the weights and statistics that the model has now."""
    for layer in copy.layers:
        values = model.get_layer(layer.name).get_weights()
        if "_conv_" in layer.name:
            norm = model.get_layer(layer.name.replace("_conv_", "_norm_"))
            gamma, beta, mean, variance = norm.get_weights()
            scale = gamma / np.sqrt(variance + norm.epsilon)
            values = [values[0] * scale, (values[1] - mean) * scale + beta]
        layer.set_weights(values)


def _assemble(
    n_bands: int, filters: int, up_convolutions: str | tuple[int, ...], policy: str, momentum: float | None
) -> keras.Model:
    """The network; with momentum None without batch normalisation."""
    if isinstance(up_convolutions, str):
        up_convolutions = tuple({"scaled": filters, "paper": 16}[up_convolutions] * 2**k for k in range(LEVELS - 1))
    inputs = keras.Input((None, None, n_bands), name="image")
    x, skips = inputs, {}
    for level in range(1, LEVELS + 1):
        x = _block(x, f"encoder_{level}", filters * 2 ** (level - 1), policy, momentum)
        if level < LEVELS:
            skips[level] = x
            x = layers.MaxPooling2D(name=f"encoder_{level}_pool", dtype=policy)(x)
    for level in range(LEVELS - 1, 0, -1):
        x = layers.Conv2DTranspose(up_convolutions[level - 1], 2, strides=2, name=f"decoder_{level}_up",
                                   dtype=policy)(x)
        x = layers.Concatenate(name=f"decoder_{level}_skip", dtype=policy)([x, skips[level]])
        x = _block(x, f"decoder_{level}", filters * 2 ** (level - 1), policy, momentum)
    # In half precision a sigmoid near 1 has steps of 0.004 to 0.0005, too coarse for a threshold or a loss.
    outputs = layers.Conv2D(1, 1, activation="sigmoid", name="head", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="unet")


def _block(x: Any, name: str, filters: int, policy: str, momentum: float | None) -> Any:
    for i in (1, 2):
        activation = "relu" if momentum is None else None
        x = layers.Conv2D(filters, 3, padding="same", activation=activation, name=f"{name}_conv_{i}", dtype=policy)(x)
        if momentum is not None:
            x = BatchNormalization(momentum=momentum, name=f"{name}_norm_{i}", dtype=policy)(x)
            x = layers.ReLU(name=f"{name}_relu_{i}", dtype=policy)(x)
    return x
