"""Trains a network with Keras' own loop: curves, best training epoch, early stop, cancel and exact resume."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from ..contract.errors import ModelError, OutputError, UsageError
from ..contract.events import Report
from . import states, weights
from .augmentation import Augmentation, build_augmenter
from .backend import memory_guard
from .feeding import Batch, Feed, PatchSource
from .losses import Tversky
from .unet import check_input
from .validating import validate

_COSINE_END = 0.01  # share of the learning rate that is left at the end
# The authors' notebook has these three; the paper does not mention a schedule.
_PLATEAU = {"factor": 0.1, "patience": 20, "min_lr": 1e-5}
_COUNTERS = {
    keras.callbacks.EarlyStopping: ("best", "wait", "stopped_epoch", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
}


@dataclass(frozen=True)
class FitSettings:
    """How a network learns; the defaults are the paper's.

    Attributes:
        training_epochs: Passes over the patches.
        learning_rate: Of Adam, at the beginning.
        schedule: "constant", "plateau" (divided by 10 when the monitored measure stands still for 20 training epochs,
            down to 1e-5) or "cosine" (down to 1 % along half a cosine).
        w_fn, w_fp, epsilon, pooled, gamma: See `losses.Tversky`.
        monitor: "val_loss" or "val_f1": decides which training epoch is the best. "loss" without validation.
        patience: Stops after this many training epochs without a better one; None: never.
        augmentation: None: patches as they are.
        mean_weights: Momentum of a running mean of the weights over the steps, such as 0.999; the model then ends with
            this mean instead of its best training epoch. Its batch statistics are those of the last step: take them
            anew with `normalisation.adapt_batch_norm`. None: no mean.
        seed: For the augmentation.
    """

    training_epochs: int = 250
    learning_rate: float = 1e-3
    schedule: str = "constant"
    w_fn: float = 0.3
    w_fp: float = 0.7
    epsilon: float = 1e-4
    pooled: bool = True
    gamma: float = 1.0
    monitor: str = "val_loss"
    patience: int | None = None
    augmentation: Augmentation | None = None
    mean_weights: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Fitted:
    """How a training went.

    Attributes:
        history: Curves by name (loss, val_loss, val_precision, val_recall, val_f1, val_iou, learning_rate), one value a
            training epoch.
        best_epoch: The training epoch whose weights the model has now, counted from 1; with a mean of the weights the
            last one.
        best: That training epoch's values by name.
        stopped_early: Whether patience ran out.
    """

    history: dict[str, list[float]]
    best_epoch: int
    best: dict[str, float]
    stopped_early: bool


def fit(
    model: keras.Model,
    patches: PatchSource,
    validation: Iterable[Batch] | None,
    settings: FitSettings,
    state_dir: Path,
    report: Report,
    resume: bool = False,
) -> Fitted:
    """Trains the model and leaves it with the weights of its best training epoch.

    The whole state is saved in `state_dir` after each training epoch. A training that was stopped, even killed, and is
    resumed ends with the same numbers as one that ran through (on a CPU exactly, on a GPU nearly).

    Args:
        model: From `build_unet`, with first or trained weights.
        patches: Training patches.
        validation: Fixed windows of validation ground, iterable again and again, such as `feeding.Cover`; None: none.
        settings: How to learn.
        state_dir: Folder of this training alone; made if missing.
        report: Told curves and progress; asked between steps whether to stop. The running epoch is then dropped.
        resume: Go on with the training saved in `state_dir`, if there is one. More training epochs may be asked for.

    Raises:
        Cancelled: The report asked to stop.
        ModelError: The patches do not fit the network, the loss is no number any more, or what was saved is damaged.
        OutputError: `state_dir` already holds a training and it is not to be resumed.
        ResourceError: The memory does not suffice.
        UsageError: The saved training has other settings.
    """
    if states.exists(state_dir) and not resume:
        raise OutputError("training.exists", f"The folder {state_dir} already holds a training.",
                          "Resume it or choose another folder.", path=str(state_dir))
    check_input(model, patches.batch(0, 0)[0].shape)
    monitor = settings.monitor if validation is not None else "loss"
    loss = Tversky(settings.w_fn, settings.w_fp, settings.epsilon, settings.pooled, settings.gamma)
    optimizer = _optimizer(settings, len(patches))
    model.compile(optimizer, loss)
    state = (states.read_last(state_dir, model, report) if resume else None) or states.State()
    _check_same(state, settings)
    augment = build_augmenter(settings.augmentation, settings.seed) if settings.augmentation else None
    if state.epoch < settings.training_epochs and not state.finished:
        callbacks = _callbacks(settings, monitor)
        feed = Feed(patches, augment, state.epoch)
        try:
            with memory_guard():
                model.fit(
                    feed, shuffle=False, verbose=0, steps_per_epoch=len(patches), initial_epoch=state.epoch,
                    epochs=settings.training_epochs,
                    callbacks=[_Watch(report, settings.training_epochs, len(patches)), _Measure(validation, loss),
                               *callbacks, _Keep(state, state_dir, report, monitor, callbacks)],
                )
        finally:
            feed.close()
    if settings.mean_weights is None:
        kept = state.best_epoch
        weights.load(model, states.best_path(state_dir, kept))
    else:
        kept = state.epoch
        optimizer.finalize_variable_values(model.trainable_variables)
    best = {name: values[kept - 1] for name, values in state.history.items()}
    return Fitted(state.history, kept, best, state.finished)


class _Watch(keras.callbacks.Callback):
    """Tells the progress, and stops where the analyst or the numbers ask for it."""

    def __init__(self, report: Report, epochs: int, steps: int) -> None:
        super().__init__()
        self._report, self._epochs, self._steps, self._epoch = report, epochs, steps, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not math.isfinite(logs["loss"]):
            raise ModelError(
                "training.diverged", f"The loss is no number any more in training epoch {self._epoch + 1}.",
                "Choose a lower learning rate; with the precision float16 try float32.", epoch=self._epoch + 1,
            )
        done = (self._epoch + (batch + 1) / self._steps) / self._epochs
        self._report.progress(done, f"Training epoch {self._epoch + 1} of {self._epochs}")


class _Measure(keras.callbacks.Callback):
    """Adds learning rate and validation to the numbers of a training epoch, for the callbacks after it."""

    def __init__(self, validation: Iterable[Batch] | None, loss: Tversky) -> None:
        super().__init__()
        self._validation, self._loss = validation, loss

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        if self._validation is not None:
            logs.update(validate(self.model, self._validation, self._loss))


class _Keep(keras.callbacks.Callback):
    """Saves each training epoch and the best one; runs last, when the other callbacks have counted."""

    def __init__(
        self, state: states.State, folder: Path, report: Report, monitor: str, others: list[keras.callbacks.Callback]
    ) -> None:
        super().__init__()
        self._state, self._folder, self._report, self._monitor = state, folder, report, monitor
        self._others = {type(callback).__name__: callback for callback in others}

    def on_train_begin(self, logs: Any = None) -> None:
        # Keras' callbacks have set themselves back to the beginning just now.
        for name, counters in self._state.counters.items():
            for counter, value in counters.items():
                setattr(self._others[name], counter, value)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        state = self._state
        state.epoch = epoch + 1
        for name, value in logs.items():
            state.history.setdefault(name, []).append(float(value))
            self._report.metric(name, epoch + 1, value)
        if state.best_epoch == 0 or _better(self._monitor, state.history, epoch + 1, state.best_epoch):
            state.best_epoch = epoch + 1
            states.write_best(self._folder, self.model, epoch + 1)
        state.counters = {
            name: {counter: getattr(callback, counter) for counter in _COUNTERS[type(callback)]}
            for name, callback in self._others.items()
        }
        state.finished = self.model.stop_training
        states.write(self._folder, self.model, state)


def _callbacks(settings: FitSettings, monitor: str) -> list[keras.callbacks.Callback]:
    mode = "max" if monitor == "val_f1" else "min"
    callbacks: list[keras.callbacks.Callback] = []
    if settings.patience is not None:
        callbacks.append(keras.callbacks.EarlyStopping(monitor, patience=settings.patience, mode=mode))
    if settings.schedule == "plateau":
        callbacks.append(keras.callbacks.ReduceLROnPlateau(monitor, mode=mode, **_PLATEAU))
    return callbacks


def _optimizer(settings: FitSettings, steps: int) -> Any:
    mean = settings.mean_weights
    return keras.optimizers.Adam(_learning_rate(settings, steps), use_ema=mean is not None, ema_momentum=mean or 0.99)


def _learning_rate(settings: FitSettings, steps: int) -> Any:
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.training_epochs * steps,
                                                      alpha=_COSINE_END)
    return settings.learning_rate


def _better(monitor: str, history: dict[str, list[float]], epoch: int, than: int) -> bool:
    """Whether a training epoch is better than another one, both counted from 1."""
    now, then = history[monitor][epoch - 1], history[monitor][than - 1]
    if monitor == "val_f1" and now == then:  # both 0 while nothing reaches 0.5 yet: the loss already tells them apart
        return _better("val_loss", history, epoch, than)
    return now > then if monitor == "val_f1" else now < then


def _check_same(state: states.State, settings: FitSettings) -> None:
    """Remembers the settings of a new training; refuses to go on with a training of others."""
    now = json.loads(json.dumps(dataclasses.asdict(settings)))  # as it comes back from disk
    # A cosine is laid out over all training epochs; otherwise more of them can be added.
    free = set() if settings.schedule == "cosine" else {"training_epochs"}
    changed = [name for name in now if name not in free and state.settings and state.settings.get(name) != now[name]]
    if changed:
        raise UsageError("training.other-settings", f"The saved training has another {', '.join(changed)}.",
                         "Resume with the settings it was started with, or start anew in another folder.",
                         changed=changed)
    state.settings = now
