"""The Tversky loss of the paper, on valid pixels only."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# Below this loss a focal exponent under 1 has a gradient too steep to be a number.
_FLAT = 1e-6


class Tversky(keras.losses.Loss):
    """1 - (TP + e) / (TP + w_fn FN + w_fp FP + e), the sums taken over valid pixels (Salehi et al. 2017).

    With w_fn = 0.3, w_fp = 0.7 and e = 1e-4 it reproduces the losses that Bhuyan et al. 2023 report; their text and
    their code name the two weights the other way round.

    Args:
        w_fn: Weight of false negatives; larger favours recall.
        w_fp: Weight of false positives; larger favours precision.
        epsilon: Keeps the ratio defined where there is nothing to find.
        pooled: True: one ratio over the whole batch, as in the paper; False: one a patch, averaged over the patches
            that hold valid pixels.
        gamma: Exponent of the loss: 1 none, below 1 stresses what is nearly right (focal Tversky, Abraham & Khan 2019).
    """

    def __init__(
        self, w_fn: float = 0.3, w_fp: float = 0.7, epsilon: float = 1e-4, pooled: bool = True, gamma: float = 1.0
    ) -> None:
        super().__init__(name="tversky", dtype="float32")
        self.w_fn, self.w_fp, self.epsilon, self.pooled, self.gamma = w_fn, w_fp, epsilon, pooled, gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch, a scalar.

        Args:
            y_true: (N, H, W, 2): the label, 0 or 1, and whether the pixel is valid, 0 or 1.
            y_pred: (N, H, W, 1) probability.
        """
        label, valid = y_true[..., 0], y_true[..., 1]
        seen = y_pred[..., 0] * valid
        axes = None if self.pooled else (1, 2)
        loss = self.from_sums(ops.sum(seen * label, axis=axes), ops.sum(label * valid, axis=axes),
                              ops.sum(seen, axis=axes))
        if self.pooled:
            return loss
        counted = ops.cast(ops.any(valid > 0, axis=axes), loss.dtype)
        return ops.sum(loss * counted) / ops.maximum(ops.sum(counted), 1)

    def from_sums(self, tp: Any, actual: Any, predicted: Any) -> Any:
        """The loss of sums over valid pixels; numbers or tensors.

        Args:
            tp: Probability, summed over landslide pixels.
            actual: Landslide pixels.
            predicted: Probability, summed over all pixels.
        """
        # TensorFlow adds three or more terms, and the gradients of what is used three times or more, in an order that
        # depends on which of its threads is first: rounding would differ from run to run. So the terms are laid side
        # by side and summed as an array, and nothing here is used more than twice.
        terms = ops.stack([tp, actual, predicted], axis=-1)
        weights = ops.convert_to_tensor([1 - self.w_fn - self.w_fp, self.w_fn, self.w_fp], terms.dtype)
        loss = 1 - (tp + self.epsilon) / (ops.sum(terms * weights, axis=-1) + self.epsilon)
        return loss if self.gamma == 1 else ops.maximum(loss, _FLAT) ** self.gamma
