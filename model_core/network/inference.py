"""Probability maps of windows, as fast as the device allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from .backend import memory_guard
from .normalisation import adapt_batch_norm
from .unet import MULTIPLE, check_input, fold_into, folded

_TURNS = tuple((quarters, mirrored) for quarters in range(4) for mirrored in (False, True))
_PLAIN = ((0, False),)


class Mean:
    """Predicts the mean of the probabilities of several networks.

    Args:
        predictors: At least one, all of the same bands.
    """

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        self._predictors = predictors

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `Predictor.predict`."""
        total = sum((one.predict(images) for one in self._predictors), np.float32(0))
        mean: NDArray[np.float32] = np.asarray(total) / np.float32(len(self._predictors))
        return mean


class Predictor:
    """Predicts with a network whose batch normalisations are folded away; prepared once for each size of window.

    Args:
        model: From `build_unet`; only `adapt` changes it.
        policy: Keras dtype policy to predict with, such as `Device.policy`; default the model's own.
        tta: Mean over the eight turned and mirrored images, eight times as slow.
    """

    def __init__(self, model: keras.Model, policy: str | None = None, tta: bool = False) -> None:
        self._model = model
        self._views = _TURNS if tta else _PLAIN
        self._network = folded(model, policy)

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, H, W, B) float32 network input -> (N, H, W) float32 probability; any H and W.

        Raises:
            ModelError: The network reads another number of bands.
            ResourceError: The memory does not suffice for windows of this size.
        """
        height, width = images.shape[1:3]
        lacking = (-height % MULTIPLE, -width % MULTIPLE)
        padded = np.pad(images, ((0, 0), (0, lacking[0]), (0, lacking[1]), (0, 0))) if any(lacking) else images
        check_input(self._network, padded.shape)
        total = np.float32(0)
        with memory_guard():
            for quarters, mirrored in self._views:
                view = np.rot90(padded[:, :, ::-1] if mirrored else padded, quarters, (1, 2))
                probability = self._network.predict_on_batch(np.ascontiguousarray(view))[..., 0]
                back = np.rot90(probability, -quarters, (1, 2))
                total = total + (back[:, :, ::-1] if mirrored else back)
        mean: NDArray[np.float32] = np.asarray(total)[:, :height, :width] / np.float32(len(self._views))
        return mean

    def prepare(self, height: int, width: int) -> None:
        """Predicts an empty window, after which others of this size go at full speed.

        Raises:
            ResourceError: The memory does not suffice for windows of this size.
        """
        self.predict(np.zeros((1, height, width, self._network.input_shape[-1]), np.float32))

    def adapt(self, windows: Iterable[NDArray[np.float32]]) -> None:
        """Takes the network's statistics anew from unlabelled windows (h, w, B) of the image to be predicted."""
        with memory_guard():
            adapt_batch_norm(self._model, (window[np.newaxis] for window in windows))
        fold_into(self._network, self._model)
