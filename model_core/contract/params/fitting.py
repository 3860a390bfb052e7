"""Parameters of training: how the ground is split, how patches are drawn, how the network learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..errors import UsageError
from ..fields import param
from .inputs import min_slope

# False-negative and false-positive weights of the Tversky loss by mode; the paper's is "precision".
LOSS_WEIGHTS = {"precision": (0.3, 0.7), "balanced": (0.5, 0.5), "recall": (0.7, 0.3)}


@dataclass(frozen=True)
class SplitInputs:
    """How the ground is divided into training, validation and test ground."""

    split: str = param("blocks", label="Split", help="blocks: contiguous ground, the honest way; paper: 70 % of the "
                       "landslides at random as in Bhuyan et al. 2023, where neighbours leak, for comparison only; "
                       "whole: all ground trains, for few landslides; nothing is left to choose the training epoch or "
                       "to tell the accuracy by.", choices=("blocks", "paper", "whole"), group="Split")
    n_blocks: int = param(5, label="Blocks", help="Number of contiguous blocks of ground; one is for testing, one for "
                          "validation, the others for training.", minimum=3, maximum=50, group="Split")
    layout: str = param("strips", label="Layout of the blocks", help="strips: side by side along the longer axis; "
                        "compact: halved again and again.", choices=("strips", "compact"), group="Split",
                        advanced=True)
    fold: int = param(0, label="Fold", help="Which block is the test block, counted from 0; the next one validates.",
                      minimum=0, maximum=49, group="Split")
    folds: int = param(0, label="Out-of-fold models", help="0: one model. k: k models, so that every pixel is "
                       "predicted once by a model that never saw it; k times as long.", minimum=0, maximum=50,
                       group="Split")
    guard_px: int = param(64, label="Guard [px]", help="Width of the ground that is ignored between training and "
                          "validation or test ground.", minimum=0, maximum=2048, group="Split", advanced=True)
    min_landslides: int = param(5, label="Least landslides", help="Training is refused with fewer landslides than "
                                "this on training ground (validation and test ground: at least one each).",
                                minimum=1, maximum=10000, group="Split", advanced=True)
    min_area_m2: float = param(200.0, label="Minimum area [m²]", help="Smaller landslides are left out.",
                               minimum=0.0, maximum=1e6, group="Split", advanced=True)

    min_slope_deg: Optional[float] = min_slope()

    def check_split(self) -> None:
        """Raises UsageError when fold, number of blocks and kind of split do not fit each other."""
        if self.split != "blocks" and self.folds:
            raise UsageError("params.no-folds", f"The split {self.split!r} has no folds.",
                             "Set folds to 0, or split by blocks.")
        if self.fold >= self.n_blocks or self.folds > self.n_blocks or self.folds == 1:
            raise UsageError(
                "params.fold",
                f"Fold {self.fold} of {self.folds or 'one'} does not fit {self.n_blocks} blocks.",
                "fold counts from 0 and stays below n_blocks; folds is 0 or from 2 to n_blocks.",
            )


@dataclass(frozen=True)
class FitInputs:
    """How patches are drawn and the network learns. The defaults are the preset `recommended`."""

    patch_size_px: int = param(128, label="Patch size [px]", help="Side of the training patches; a multiple of 16.",
                               minimum=32, maximum=1024, group="Training", advanced=True)
    stride_px: int = param(64, label="Stride of the patches [px]", help="Distance between neighbouring patches; "
                           "smaller than the patch size: they overlap.", minimum=8, maximum=1024, group="Training",
                           advanced=True)
    jitter_px: int = param(32, label="Jitter [px]", help="In each training epoch every patch is shifted at random by "
                           "up to this much.", minimum=0, maximum=512, group="Training", advanced=True)
    drop_empty: bool = param(False, label="Drop patches without landslides", help="As the paper did; the network then "
                             "never sees ground without landslides.", group="Training", advanced=True)
    positive_share: Optional[float] = param(None, label="Share of patches with landslides", help="Draws patches so "
                                            "that this share of them has a landslide. Default: as they come.",
                                            minimum=0.05, maximum=1.0, group="Training", advanced=True)
    training_epochs: int = param(120, label="Training epochs", help="Passes over the training ground.", minimum=1,
                                 maximum=5000, group="Training")
    batch_size: int = param(16, label="Batch size", help="Patches a training step.", minimum=1, maximum=512,
                            group="Training")
    learning_rate: float = param(1e-3, label="Learning rate", help="Step size of the Adam optimiser.", minimum=1e-7,
                                 maximum=1.0, group="Training")
    schedule: str = param("cosine", label="Learning-rate schedule", help="constant; plateau: divided by 10 when the "
                          "validation loss stands still for 20 training epochs; cosine: down to 1 % along half a "
                          "cosine.", choices=("constant", "plateau", "cosine"), group="Training", advanced=True)
    loss: str = param("balanced", label="Loss", help="Tversky loss. precision: the paper's weights, which favour "
                      "precision over recall; balanced; recall.", choices=tuple(LOSS_WEIGHTS), group="Training")
    w_fn: Optional[float] = param(None, label="Weight of false negatives", help="Overrides the loss's own weight.",
                                  minimum=0.01, maximum=0.99, group="Training", advanced=True)
    w_fp: Optional[float] = param(None, label="Weight of false positives", help="Overrides the loss's own weight.",
                                  minimum=0.01, maximum=0.99, group="Training", advanced=True)
    epsilon: float = param(1e-4, label="Epsilon of the loss", help="Added to both sides of the ratio, so that it is "
                           "defined without landslides.", minimum=1e-9, maximum=1.0, group="Training", advanced=True)
    pooled: bool = param(True, label="Pool the loss over the batch", help="One ratio over all pixels of a batch, as in "
                         "the paper; otherwise one a patch, then their mean.", group="Training", advanced=True)
    focal: float = param(1.0, label="Focal exponent", help="Power of the loss: 1 = none, 0.75 stresses what is almost "
                         "right (focal Tversky).", minimum=0.1, maximum=3.0, group="Training", advanced=True)
    monitor: str = param("val_f1", label="Best training epoch by", help="Measure on validation ground that chooses "
                         "the training epoch to keep.", choices=("val_loss", "val_f1"), group="Training",
                         advanced=True)
    patience: Optional[int] = param(None, label="Early stopping after", help="Stops when this many training epochs "
                                    "brought no better one. Default: never.", minimum=1, maximum=5000,
                                    group="Training", advanced=True)
    calibrate: bool = param(True, label="Calibrate the threshold", help="Chooses the threshold with the best F1 on "
                            "training and validation ground; otherwise 0.5.", group="Training", advanced=True)
    rotation_deg: float = param(45.0, label="Rotation [°]", help="Largest random rotation of a patch.", minimum=0.0,
                                maximum=180.0, group="Augmentation", advanced=True)
    shear_deg: float = param(20.0, label="Shear [°]", help="Largest random shear of a patch.", minimum=0.0,
                             maximum=45.0, group="Augmentation", advanced=True)
    flips: bool = param(True, label="Flips", help="Random horizontal and vertical flips.", group="Augmentation",
                        advanced=True)
    zoom: float = param(0.1, label="Zoom", help="Largest random change of scale, as a fraction.", minimum=0.0,
                        maximum=0.5, group="Augmentation", advanced=True)
    gain: float = param(0.2, label="Gain", help="Largest random change of contrast, band by band, as a fraction.",
                        minimum=0.0, maximum=0.9, group="Augmentation", advanced=True)
    offset: float = param(0.2, label="Offset", help="Largest random change of brightness, band by band, in spreads of "
                          "the band.", minimum=0.0, maximum=3.0, group="Augmentation", advanced=True)
    band_dropout: float = param(0.0, label="Band dropout", help="Chance that a band of a patch is blanked, so that "
                                "the network manages without it.", minimum=0.0, maximum=0.9, group="Augmentation",
                                advanced=True)
    momentum: float = param(0.9, label="Momentum of the batch statistics", help="How slowly the network's running "
                            "statistics follow; 0.99 needs some hundred training steps to come true.", minimum=0.0,
                            maximum=0.999, group="Training", advanced=True)
    seed: int = param(0, label="Seed", help="Start of all random numbers; the same seed gives the same model on the "
                      "same machine.", minimum=0, maximum=2**31 - 1, group="Training")

    def check_fit(self) -> None:
        """Raises UsageError when the patch size does not fit the network."""
        if self.patch_size_px % 16:
            raise UsageError(
                "params.patch-size", f"A patch of {self.patch_size_px} px does not fit the network.",
                "Choose a multiple of 16, for example 128.",
            )

    def loss_weights(self) -> tuple[float, float]:
        """Weights of false negatives and false positives, in this order."""
        w_fn, w_fp = LOSS_WEIGHTS[self.loss]
        return (w_fn if self.w_fn is None else self.w_fn, w_fp if self.w_fp is None else self.w_fp)
