"""Batch normalisation that trains in one operation where the framework has one."""

from __future__ import annotations

from typing import Any

import keras

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
