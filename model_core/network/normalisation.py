"""Batch normalisation that trains in one operation where the framework has one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from .backend import fused_batch_norm


class BatchNormalization(keras.layers.BatchNormalization):
    """Same numbers and same weights file as Keras' layer, whose name it shares because weights files go by class name.

    Frozen and predicting it is Keras' layer; only the training step differs in how it is computed.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalises (N, H, W, C) by the batch's statistics while training, else by the moving ones."""
        fused = fused_batch_norm()
        if fused is None or not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, unbiased = fused(inputs, self.gamma, self.beta, self.epsilon)
        # The framework keeps the unbiased variance, Keras the plain one: they differ on the smallest maps.
        n = keras.ops.cast(keras.ops.prod(keras.ops.shape(inputs)[:-1]), unbiased.dtype)
        variance = unbiased * (keras.ops.maximum(n - 1, 1) / n)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs


_ADAPT_BATCH = 8


def adapt_batch_norm(model: keras.Model, batches: Iterable[NDArray[np.float32]]) -> None:
    """Replaces the moving statistics by those of unlabelled images, so that the network fits them (AdaBN, Li 2016).

    Mean and variance are pooled over all pixels of all batches, exactly for the first layer; each deeper layer sees
    what the batches' own statistics make of them, as in training. Unobserved pixels count too: give images with few.

    Args:
        model: From `build_unet`; its statistics change, its weights do not.
        batches: (N, H, W, B) float32 network input, sides multiples of 16; neighbours of one size are joined to batches
            of 8 windows at least.

    Raises:
        InputError: There is no batch.
    """
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [(norm.trainable, norm.momentum) for norm in norms]
    pixels = 0
    means = [np.zeros(norm.moving_mean.shape) for norm in norms]
    squares = [np.zeros(norm.moving_mean.shape) for norm in norms]
    try:
        for norm in norms:
            norm.trainable, norm.momentum = True, 0.0  # the "moving" statistics are then the last batch's
        for images in _joined(batches):
            model(images, training=True)
            n = int(np.prod(images.shape[:3]))
            for k, norm in enumerate(norms):
                mean, variance = (keras.ops.convert_to_numpy(v).astype(np.float64)
                                  for v in (norm.moving_mean, norm.moving_variance))
                means[k] += n * mean
                squares[k] += n * (variance + mean**2)
            pixels += n
    finally:
        for norm, (trainable, momentum) in zip(norms, before, strict=True):
            norm.trainable, norm.momentum = trainable, momentum
    if pixels == 0:
        raise InputError("adapt.no-pixels", "There is no observed ground to adapt the network to.",
                         "Predict without adapting, or check the image's mask.")
    for norm, mean, square in zip(norms, means, squares, strict=True):
        norm.moving_mean.assign(mean / pixels)
        norm.moving_variance.assign(square / pixels - (mean / pixels) ** 2)


def _joined(batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Larger batches: the statistics of one window alone would hide how it differs from others."""
    waiting: list[NDArray[np.float32]] = []
    for images in batches:
        if waiting and images.shape[1:] != waiting[0].shape[1:]:
            yield np.concatenate(waiting)
            waiting = []
        waiting.append(images)
        if sum(map(len, waiting)) >= _ADAPT_BATCH:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)
