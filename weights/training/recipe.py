"""How a network is trained: every choice that can be tried, with the value that the bundled models have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_core.contract.bands import BANDS
from model_core.contract.events import Report
from model_core.contract.params.fitting import LOSS_WEIGHTS
from model_core.network import backend, feeding, fitting, unet
from model_core.network.augmentation import Augmentation, build_augmenter
from model_core.network.normalisation import adapt_batch_norm

from .ground import MAY_LACK, Block
from .mosaic import Mosaic
from .patches import SIZE_PX
from .windows import Mixed, Windows

PLACES = [BANDS.index(band) for band in MAY_LACK]
VALIDATION_PX, VALIDATION_BATCH = 256, 4
# Batches that the statistics of averaged weights are taken from.
STATISTICS_BATCHES = 40


@dataclass(frozen=True)
class Recipe:
    """A training.

    Attributes:
        filters: Filters of the first level.
        training_epochs: Passes.
        windows: Windows a pass.
        window_px: Their side; larger ones show more of the ground around, for example that of a river.
        batch_size: Windows a step.
        learning_rate: Of Adam at the beginning; it falls to 1 % along half a cosine.
        loss: Weights of the Tversky loss: precision, balanced or recall.
        focal: Exponent of the loss; below 1 it stresses what is nearly right.
        scaling: What a window is scaled by: a scene drawn around it, the whole training ground, or the patch itself.
        rim_px: Width of the ground around a window that is turned into its corners; without it they are empty.
        colours: Strength of random contrast, brightness and haze.
        varied: Largest factor by which scenes are more varied than the training ground, so that contrasts are smaller.
        magnify: Largest enlargement, so that finer pixels than the 10 m of the patches work.
        zoom: Largest change of scale beside it, as a fraction.
        band_dropout: Chance that a band of a window is blanked.
        landslide_share: Share of windows that are laid around a landslide.
        hard_share: Share of windows that are laid around false alarms of an earlier run on the training ground.
        hard_from: Name of that run.
        mix: Share of windows from simulated RapidEye scenes; 0: none, and red edge and near infrared are not learned.
        momentum: Of the batch statistics.
        mean_weights: Momentum of the running mean of the weights that is kept; 0: the best training epoch is kept.
        seed: Start of all random numbers.
    """

    filters: int = 32
    training_epochs: int = 60
    windows: int = 1184
    window_px: int = SIZE_PX
    batch_size: int = 16
    learning_rate: float = 1e-3
    loss: str = "balanced"
    focal: float = 1.0
    scaling: str = "scene"
    rim_px: int = 0
    colours: float = 1.0
    varied: float = 1.0
    magnify: float = 3.0
    zoom: float = 0.2
    band_dropout: float = 0.03
    landslide_share: float = 0.0
    hard_share: float = 0.0
    hard_from: str = ""
    mix: float = 0.0
    momentum: float = 0.98
    mean_weights: float = 0.0
    seed: int = 0

    @property
    def cut_px(self) -> int:
        """Side of what is cut from the images."""
        return self.window_px + 2 * self.rim_px

    @property
    def unlearned(self) -> tuple[str, ...]:
        """Bands that no training image has."""
        return () if self.mix else MAY_LACK

    def loss_card(self) -> dict[str, Any]:
        """The loss as a model card names it."""
        w_fn, w_fp = LOSS_WEIGHTS[self.loss]
        return {"name": "tversky", "w_fn": w_fn, "w_fp": w_fp, "epsilon": 1e-4, "focal": self.focal}


def train(
    recipe: Recipe, mosaic: Mosaic, blocks: Sequence[Block], state: Path, report: Report,
    simulated: feeding.PatchSource | None = None, hard: np.ndarray | None = None,
) -> tuple[Any, Any]:
    """Trains a network, or goes on where an earlier call was stopped.

    Args:
        recipe: How.
        mosaic: The training ground.
        blocks: Blocks of Taiwan; those of the role validation choose the training epoch.
        state: Folder for the state of this training alone.
        report: Told curves and progress.
        simulated: Patches of simulated five-band scenes, where the recipe mixes them in.
        hard: Pixels where an earlier run was wrong, where the recipe asks for them.

    Returns:
        The network with the weights of its best training epoch, and how that went (`fitting.Fitted`).
    """
    backend.reseed(recipe.seed)
    model = unet.build_unet(len(BANDS), recipe.filters, momentum=recipe.momentum)
    unet.ignore_bands(model, [BANDS.index(band) for band in recipe.unlearned])
    source: feeding.PatchSource = Windows(
        mosaic, recipe.windows, recipe.batch_size, recipe.seed, recipe.landslide_share,
        recipe.scaling, colours=recipe.colours, varied=recipe.varied, hard=hard, hard_share=recipe.hard_share,
        size_px=recipe.cut_px,
    )
    if simulated is not None:
        source = Mixed(source, simulated, recipe.mix, recipe.seed, 0.5, PLACES)
    settings = _settings(recipe)
    fitted = fitting.fit(model, source, _validation(blocks), settings, state, report, resume=True)
    if recipe.mean_weights:
        adapt_batch_norm(model, _augmented(source, settings))
    return model, fitted


def _validation(blocks: Sequence[Block]) -> feeding.Cover:
    own = [block for block in blocks if block.role == "validation"]
    images = [np.ascontiguousarray(block.read(*(slice(0, side) for side in block.shape))[0]) for block in own]
    return feeding.Cover(images, [block.mosaic.codes for block in own], VALIDATION_PX, VALIDATION_BATCH)


def _augmented(source: feeding.PatchSource, settings: fitting.FitSettings) -> Iterator[np.ndarray]:
    """Images as the network saw them, of a training epoch that there never was."""
    augment = build_augmenter(settings.augmentation or Augmentation(), settings.seed)
    for index in range(min(len(source), STATISTICS_BATCHES)):
        yield augment(*source.batch(settings.training_epochs, index), settings.training_epochs, index)[0]


def _settings(recipe: Recipe) -> fitting.FitSettings:
    w_fn, w_fp = LOSS_WEIGHTS[recipe.loss]
    return fitting.FitSettings(
        training_epochs=recipe.training_epochs, learning_rate=recipe.learning_rate, schedule="cosine", w_fn=w_fn,
        w_fp=w_fp, gamma=recipe.focal, monitor="val_f1", mean_weights=recipe.mean_weights or None, seed=recipe.seed,
        augmentation=Augmentation(
            rotation_deg=45, shear_deg=10, flip_horizontal=True, flip_vertical=True, zoom=recipe.zoom,
            magnify=recipe.magnify, band_dropout=recipe.band_dropout, rim_px=recipe.rim_px,
        ),
    )
