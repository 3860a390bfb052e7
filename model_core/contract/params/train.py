"""Parameters of train, fine-tune and tune."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from ..errors import UsageError
from ..fields import param
from .fitting import FitInputs, SplitInputs
from .inputs import DateInputs, DeviceInputs, GroundInputs, require

FILTERS = (8, 16, 32)
SCALING_RULES = ("scene-robust", "scene-meanstd", "fixed")


@dataclass(frozen=True)
class NetworkInputs:
    """The network and what it sees."""

    filters: int = param(32, label="Filters", help="Filters of the first level; the paper tried 8, 16 and 32.",
                         choices=FILTERS, group="Network")
    up_convolutions: str = param("scaled", label="Up-convolutions", help="scaled: as wide as their level; paper: "
                                 "widths 128, 64, 32, 16 whatever the filters, as in the authors' code.",
                                 choices=("scaled", "paper"), group="Network", advanced=True)
    model_bands: Tuple[str, ...] = param((), label="Bands of the network", help="Bands to learn from. Default: all "
                                         "that every scene has.", role="bands", group="Network", advanced=True)
    scaling: str = param("scene-robust", label="Scaling", help="How pixel values become network input. scene-robust: "
                         "median and percentile spread of each scene; scene-meanstd: its mean and standard "
                         "deviation; fixed: those of the training scenes for every scene.", choices=SCALING_RULES,
                         group="Network", advanced=True)


@dataclass(frozen=True)
class TrainParams(GroundInputs, DateInputs, NetworkInputs, SplitInputs, FitInputs, DeviceInputs):
    """Trains a new network on scenes with known landslides."""

    out: str = param("", label="Output folder", help="New folder for the model, its card, the blocks and the learning "
                     "curves.", role="output_folder", group="Output")
    name: str = param("", label="Name of the model", help="Default: the name of the output folder.", group="Output")
    preset: str = param("recommended", label="Preset", help="Sets every value that is not given: recommended; paper: "
                        "as in Bhuyan et al. 2023 but on honest blocks; paper-exact: with the paper's own split too.",
                        choices=("recommended", "paper", "paper-exact"), group="Training")
    resume: bool = param(False, label="Resume", help="Goes on with an unfinished training in the same output folder.",
                         group="Output")

    def check(self) -> None:
        """Raises UsageError where values do not fit each other."""
        super().check()
        require(self, "out")
        self.check_split()
        self.check_fit()


@dataclass(frozen=True)
class FineTuneParams(GroundInputs, DateInputs, SplitInputs, FitInputs, DeviceInputs):
    """Carries a trained model to another year or area."""

    model: str = param("", label="Model", help="Weights file (*.weights.h5) with its card beside it, or the name of "
                       "a bundled model.", role="model", group="Input")
    out: str = param("", label="Output folder", help="New folder for the fine-tuned model.", role="output_folder",
                     group="Output")
    name: str = param("", label="Name of the model", help="Default: the name of the output folder.", group="Output")
    training_epochs: int = param(60, label="Training epochs", help="Passes over the training ground.", minimum=1,
                                 maximum=5000, group="Training")
    learning_rate: float = param(3e-4, label="Learning rate", help="Step size of the Adam optimiser; lower than for a "
                                 "new network, so that what the model knows is not lost.", minimum=1e-7, maximum=1.0,
                                 group="Training")
    layers: str = param("all", label="Layers to train", help="all, the decoder only, or the last layer only (head).",
                        choices=("all", "decoder", "head"), group="Training")
    adapt_batch_norm: bool = param(False, label="Adapt to the image first", help="Takes the network's internal "
                                   "statistics anew from the image, which needs no labels.", group="Training",
                                   advanced=True)
    preset: str = param("recommended", label="Preset", help="Sets every value that is not given.",
                        choices=("recommended", "paper", "paper-exact"), group="Training")
    resume: bool = param(False, label="Resume", help="Goes on with an unfinished training in the same output folder.",
                         group="Output")

    def check(self) -> None:
        """Raises UsageError where values do not fit each other."""
        super().check()
        require(self, "model", "out")
        self.check_split()
        self.check_fit()


@dataclass(frozen=True)
class TuneParams(TrainParams):
    """Trains one network for every combination of learning rate, filters and batch size."""

    # One value becomes a grid of them.
    learning_rate: Tuple[float, ...] = param(  # type: ignore[assignment]
        (1e-3, 1e-4, 1e-5), label="Learning rates", help="Values to try.", minimum=1e-7, maximum=1.0, group="Grid")
    filters: Tuple[int, ...] = param(  # type: ignore[assignment]
        FILTERS, label="Filters", help="Values to try.", choices=FILTERS, group="Grid")
    batch_size: Tuple[int, ...] = param(  # type: ignore[assignment]
        (8, 16, 32), label="Batch sizes", help="Values to try.", minimum=1, maximum=512, group="Grid")
    n_seeds: int = param(1, label="Repetitions", help="Trainings of each combination with different seeds; "
                         "differences below their spread mean nothing.", minimum=1, maximum=20, group="Grid")

    def check(self) -> None:
        """Raises UsageError where values do not fit each other."""
        super().check()
        if self.folds:
            raise UsageError("params.tune-folds", "A grid cannot be tried with out-of-fold models.", "Set folds to 0.")
        if self.split == "whole":
            raise UsageError("params.tune-whole", "A grid is chosen from by validation ground.", "Split by blocks.")
