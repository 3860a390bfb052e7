"""A tiny training as a process of its own, to be killed: python -m tests.network.training_job FOLDER [EPOCH STEP]."""

import os
import signal
import sys
from pathlib import Path

from model_core.contract.events import Report
from model_core.network import backend

backend.setup(device="cpu", precision="float32", seed=11)

from model_core.network.augmentation import Augmentation  # noqa: E402
from model_core.network.feeding import Cover, Patch, Patches  # noqa: E402
from model_core.network.fitting import FitSettings, fit  # noqa: E402
from model_core.network.unet import build_unet  # noqa: E402

from .conftest import make_scene  # noqa: E402

SETTINGS = FitSettings(training_epochs=6, learning_rate=1e-2, schedule="plateau", patience=3, monitor="val_f1", seed=5,
                       augmentation=Augmentation(rotation_deg=20, flip_vertical=True, gain=0.1, offset=0.1))
STEPS = 5


class Killer(Report):
    """Ends the process in the middle of a training epoch as a power cut would: nothing is tidied up."""

    def __init__(self, epoch, step):
        super().__init__()
        self._countdown = (epoch - 1) * STEPS + step

    def emit(self, kind, **values):
        if kind == "progress":
            self._countdown -= 1
            if self._countdown == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def train(folder, report, resume):
    image, codes = make_scene(0)
    windows = [Patch(0, row, col) for row in (0, 16, 32) for col in (0, 16, 32, 48, 64)]
    patches = Patches([image], [codes], lambda epoch: windows, 32, 3, seed=5)
    model = build_unet(3, 8, momentum=0.8)
    return model, fit(model, patches, Cover([image], [codes], 32, 4), SETTINGS, folder, report, resume)


if __name__ == "__main__":
    killed = len(sys.argv) > 2
    train(Path(sys.argv[1]), Killer(int(sys.argv[2]), int(sys.argv[3])) if killed else Report(), resume=True)
