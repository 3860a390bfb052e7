"""How well the network does on validation ground, pooled over its pixels."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np

from ..arrays.confusion import Confusion
from .feeding import Batch
from .losses import Tversky

THRESHOLD = 0.5


def validate(model: keras.Model, windows: Iterable[Batch], loss: Tversky) -> dict[str, float]:
    """val_loss, val_precision, val_recall, val_f1 and val_iou over the valid pixels of all windows.

    The loss is that of all pixels together, not the mean of batches, which depends on how landslides fall into
    batches. A measure that is undefined (nothing predicted, nothing there) counts as 0.

    Args:
        model: The network.
        windows: Images (N, H, W, B) and targets (N, H, W, 2), float32.
        loss: The loss that the network is trained with.
    """
    tp = actual = predicted = 0.0
    counts = Confusion()
    for images, targets in windows:
        probability = np.asarray(model.predict_on_batch(images))[..., 0].astype(np.float64)
        valid = targets[..., 1] > 0
        label, known = targets[..., 0][valid] > 0, probability[valid]
        tp += known[label].sum()
        actual += label.sum()
        predicted += known.sum()
        counts += _count(known >= THRESHOLD, label)
    measures = {f"val_{name}": getattr(counts, name) or 0.0 for name in ("precision", "recall", "f1", "iou")}
    return {"val_loss": float(loss.from_sums(tp, actual, predicted)), **measures}


def _count(predicted: np.ndarray, label: np.ndarray) -> Confusion:
    n = np.bincount(2 * label + predicted, minlength=4).tolist()
    return Confusion(tn=n[0], fp=n[1], fn=n[2], tp=n[3])
