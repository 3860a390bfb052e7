"""From grounds with roles to what the network's room trains on: patches, validation windows, settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.codes import IGNORE, TRAIN, VALIDATION
from ...arrays.sampling import epoch_sample, training_windows
from ...contract.events import Report
from .ground import Ground
from .split import Split

# Validation windows; larger ones are faster and have less edge.
VALIDATION_PX, VALIDATION_BATCH = 256, 4


def learn(
    model: Any, grounds: Sequence[Ground], split: Split, params: Any, state: Path, report: Report, resume: bool
) -> Any:
    """Trains the model in place on the training ground and returns how that went (`network.fitting.Fitted`).

    Args:
        model: With first or trained weights.
        grounds: Images and labels.
        split: Who may see what; labels of other roles are ignored ground in the patches.
        params: With the fields of FitInputs.
        state: Folder for the state of an unfinished training.
        report: Told curves and progress.
        resume: Goes on from what lies in `state`.
    """
    from ...network import feeding, fitting

    images = [ground.image for ground in grounds]
    train, validation = (
        [_only(ground, role_map, role) for ground, role_map in zip(grounds, split.maps, strict=True)]
        for role in (TRAIN, VALIDATION)
    )
    sets = [training_windows(role_map, ground.codes, params.patch_size_px, params.stride_px,
                             drop_empty=params.drop_empty)
            for ground, role_map in zip(grounds, split.maps, strict=True)]

    def windows(epoch: int) -> list[Any]:
        return [
            feeding.Patch(date, window.rows.start, window.cols.start)
            for date, found in enumerate(sets)
            for window in epoch_sample(found, params.seed + date, epoch, params.jitter_px,
                                       positive_share=params.positive_share)
        ]

    patches = feeding.Patches(images, train, windows, params.patch_size_px, params.batch_size, params.seed)
    cover = None
    if any((role_map == VALIDATION).any() for role_map in split.maps):
        cover = feeding.Cover(images, validation, VALIDATION_PX, VALIDATION_BATCH)
    report.stage("Training")
    return fitting.fit(model, patches, cover, _settings(params), state, report, resume)


def _settings(params: Any) -> Any:
    from ...network.augmentation import Augmentation
    from ...network.fitting import FitSettings

    w_fn, w_fp = params.loss_weights()
    return FitSettings(
        training_epochs=params.training_epochs, learning_rate=params.learning_rate, schedule=params.schedule,
        w_fn=w_fn, w_fp=w_fp, epsilon=params.epsilon, pooled=params.pooled, gamma=params.focal,
        monitor=params.monitor, patience=params.patience, seed=params.seed,
        augmentation=Augmentation(
            rotation_deg=params.rotation_deg, shear_deg=params.shear_deg, flip_horizontal=params.flips,
            flip_vertical=params.flips, zoom=params.zoom, gain=params.gain, offset=params.offset,
            band_dropout=params.band_dropout,
        ),
    )


def _only(ground: Ground, role_map: np.ndarray, role: int) -> np.ndarray:
    return np.where(role_map == role, ground.codes, IGNORE).astype(np.uint8)
