"""Parameters of study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..errors import UsageError
from ..fields import param
from .fitting import FitInputs, SplitInputs
from .inputs import DeviceInputs, require
from .train import NetworkInputs


@dataclass(frozen=True)
class StudyParams(NetworkInputs, SplitInputs, FitInputs, DeviceInputs):
    """Maps the landslides of every date of a series and judges the maps, in one course that can be killed and go on."""

    series: str = param("", label="Series file", help="The dates of the study, with landslides and searched ground "
                        "where they are known.", role="file", group="Input")
    training: Optional[str] = param(None, label="Training series", help="Another series file, with landslides outside "
                                    "the study's area: the base model learns from them.", role="file", group="Input")
    model: Optional[str] = param(None, label="Base model", help="Instead of a training series: weights file with its "
                                 "card beside it, or the name of a bundled model.", role="model", group="Input")
    folds: int = param(3, label="Out-of-fold models", help="The base model is fine-tuned on all dates together, this "
                       "many times, so that every pixel is mapped by a model that never saw it. 0: no fine-tuning.",
                       minimum=0, maximum=50, group="Split")
    per_date: bool = param(False, label="A model for each date too", help="Fine-tunes on each date alone as well, as "
                           "in the paper.", group="Training")
    fine_tuning_epochs: int = param(60, label="Training epochs of fine-tuning", help="Passes over the training ground "
                                    "after the base model.", minimum=1, maximum=5000, group="Training")
    fine_tuning_rate: float = param(3e-4, label="Learning rate of fine-tuning", help="Lower than for a new network, "
                                    "so that what the base model knows is not lost.", minimum=1e-7, maximum=1.0,
                                    group="Training")
    preset: str = param("recommended", label="Preset", help="Sets every value that is not given, but none of "
                        "fine-tuning: with paper, a study fine-tunes 60 training epochs at 3e-4, while "
                        "mtl fine-tune --preset paper takes the paper's 250 at 1e-3.",
                        choices=("recommended", "paper", "paper-exact"), group="Training")
    out: str = param("", label="Output folder", help="Folder of the study. With the same folder again, only what has "
                     "changed is done anew.", role="output_folder", group="Output")

    def check(self) -> None:
        """Raises UsageError where something is missing or does not fit."""
        require(self, "series", "out")
        self.check_split()
        self.check_fit()
        if bool(self.training) == bool(self.model):
            raise UsageError(
                "params.training-or-model",
                "Both a training series and a base model are given." if self.model
                else "There is neither a training series nor a base model.",
                "Give either --training, a series with landslides outside the area, or --model.",
            )
