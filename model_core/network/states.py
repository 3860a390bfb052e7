"""The state of a training on disk, whole after each training epoch, so that it can end and go on at any moment.

state_dir/
epoch_0007/  training.weights.h5 (weights and optimiser), state.json
epoch_0008/
best_0005.weights.h5
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras

from ..contract.errors import ModelError
from ..contract.events import Report
from . import weights

_KEPT = 2  # the one before the last stays, in case that a power cut damaged the last


@dataclass
class State:
    """What a training knows beside its weights.

    Attributes:
        epoch: Training epochs done.
        history: For each curve one value a training epoch.
        best_epoch: The best training epoch so far, counted from 1; 0 before the first.
        counters: What the callbacks count, by callback.
        settings: What the training was started with.
        finished: Whether it stopped early.
    """

    epoch: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    finished: bool = False


def write(folder: Path, model: keras.Model, state: State) -> None:
    """Writes weights, optimiser and state of a training epoch beside, renames them, and clears what is outdated.

    Weights of the best training epoch must have been written with `write_best` before.
    """
    partial = folder / f".epoch_{state.epoch:04d}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    file = partial / "training.weights.h5"
    weights.claim_room(file, [*model.weights, *model.optimizer.variables])
    model.save_weights(file)
    (partial / "state.json").write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    target = _epoch_folder(folder, state.epoch)
    shutil.rmtree(target, ignore_errors=True)  # stands there only if it was damaged and trained again
    partial.rename(target)
    for old in _epochs(folder)[:-_KEPT]:
        shutil.rmtree(old)
    kept = {best_path(folder, _read_json(path).best_epoch) for path in _epochs(folder)}
    for old in set(folder.glob("best_*")) - kept:
        old.unlink()


def write_best(folder: Path, model: keras.Model, epoch: int) -> None:
    """Writes the weights of the best training epoch so far under a name of its own: older states name older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    weights.save(model, best_path(folder, epoch))


def best_path(folder: Path, epoch: int) -> Path:
    """The weights of a training epoch that was the best when it was done."""
    return folder / f"best_{epoch:04d}{weights.SUFFIX}"


def read_last(folder: Path, model: keras.Model, report: Report) -> State | None:
    """Puts weights and optimiser of the last training epoch into the compiled model; None where nothing was saved.

    Raises:
        ModelError: What was saved is damaged, or of another network.
    """
    model.optimizer.build(model.trainable_variables)
    epochs = _epochs(folder)
    for path in reversed(epochs):
        try:
            state = _read_json(path)
            model.load_weights(path / "training.weights.h5")
        except (OSError, ValueError, KeyError, TypeError) as error:
            report.warn(f"The saved training epoch {path.name} cannot be read ({error}); trying the one before.")
        else:
            return state
    if epochs:
        raise ModelError("training.state-damaged", f"The training saved in {folder} cannot be read.",
                         "Start it anew in another folder.", path=str(folder))
    return None


def exists(folder: Path) -> bool:
    """Whether a training was saved here."""
    return bool(_epochs(folder))


def _epoch_folder(folder: Path, epoch: int) -> Path:
    return folder / f"epoch_{epoch:04d}"


def _epochs(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch_*"))


def _read_json(path: Path) -> State:
    return State(**json.loads((path / "state.json").read_text(encoding="utf-8")))
