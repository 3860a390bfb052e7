"""Trains one network on one split of the ground, maps the ground with it, and judges it on ground it never saw."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.blending import whole
from ...arrays.codes import TEST, TRAIN, VALIDATION
from ...arrays.confusion import Confusion, from_maps
from ...arrays.thresholds import ThresholdCurve
from ...contract.card import ModelCard, Scaling
from ...contract.events import Report
from ...contract.params.predict import PredictParams
from ...report.figures import learning_curves
from .ground import Ground
from .learning import learn
from .map_files import DEFAULT_THRESHOLD, classes_of
from .mapping import map_probability
from .models import now, save_model, versions
from .split import SHARED_RIM, Split, seen_ground, share_seen

NOT_MEASURED = "not judged: it learned from all of the ground"
MEASURED = "pooled over all pixels of the test ground, which chose neither training epoch nor threshold"


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is before it learns; `base` is the card of the model that it starts from."""

    bands: tuple[str, ...]
    quantity: str
    scaling_rule: str
    filters: int
    up_convolutions: str
    base: ModelCard | None = None


@dataclass(frozen=True)
class Trained:
    """A network that has learned.

    Attributes:
        card: Its card; the weights lie beside it.
        maps: (H, W) float32 probability of each ground, NaN = not observed.
        beside: Likewise of the grounds that it only maps.
        test: Counts on the test ground of each ground.
        zero_shot: Likewise for the model that it started from, before it learned; empty for a new network.
        validation: Counts on the validation ground of all of them, at the chosen threshold.
        best_epoch: Training epoch that was kept.
        validation_loss: Of that epoch; None without validation ground.
    """

    card: ModelCard
    maps: tuple[np.ndarray, ...]
    test: tuple[Confusion, ...]
    zero_shot: tuple[Confusion, ...]
    validation: Confusion
    best_epoch: int
    beside: tuple[np.ndarray, ...] = ()
    validation_loss: float | None = None

    def table(self, grounds: Sequence[Ground]) -> list[dict[str, Any]]:
        """Accuracy on the test ground, a row a date, before fine-tuning too; no row where there is no test ground."""
        if not any(confusion.total for confusion in self.test):
            return []
        rows = [accuracy_row(ground.scenes.name, confusion, ground.grid.pixel_area_m2)
                for ground, confusion in zip(grounds, self.test, strict=True)]
        before = [{"model": "before", **accuracy_row(ground.scenes.name, confusion, ground.grid.pixel_area_m2)}
                  for ground, confusion in zip(grounds, self.zero_shot, strict=False)]
        return before + [{"model": "after", **row} for row in rows] if before else rows


def train_on(
    grounds: Sequence[Ground], split: Split, params: Any, spec: NetworkSpec, build: Callable[[], Any], device: Any,
    folder: Path, name: str, report: Report, resume: bool, beside: Sequence[Ground] = (),
) -> Trained:
    """Trains, calibrates, judges and saves.

    Args:
        grounds: Where the labels are.
        split: Who may see what.
        params: With the fields of FitInputs.
        spec: What the network is.
        build: Gives the network to start from.
        device: From `start_device`.
        folder: For weights, card, curves and, while it runs, the state.
        name: Of the model.
        report: Told curves and progress.
        resume: Goes on where an earlier call in the same folder was stopped.
        beside: Grounds that it maps and that play no part in anything else.
    """
    model = build()
    zero_shot: tuple[Confusion, ...] = ()
    judged = any((role_map == TEST).any() for role_map in split.maps)
    measured = MEASURED if judged else NOT_MEASURED
    if spec.base is not None and judged:
        share = share_seen(split, grounds, spec.base)
        if share > SHARED_RIM:
            measured = f"agreement, not accuracy: the base model had learned from {share:.0%} of the test ground"
            report.warn(f"The base model has learned from {share:.0%} of the test ground: the numbers on it are "
                        "agreement, not accuracy. Keep the blocks and the fold of its training, or judge elsewhere.")
        report.stage("Mapping the ground with the model as it is")
        zero_shot = _tested(_maps(model, grounds, report), grounds, split, spec.base.threshold)
    fitted = learn(model, grounds, split, params, folder / "state", report, resume)
    report.stage("Mapping the ground")
    maps = _maps(model, grounds, report)
    threshold, rule, validation = _calibrate(maps, grounds, split, params.calibrate)
    test = _tested(maps, grounds, split, threshold)
    _write_history(fitted, folder, name)
    card = _card(name, spec, params, grounds, split, model.count_params(), device, threshold, rule)
    card = _with_results(card, fitted, test, validation, measured)
    return Trained(save_model(model, card, folder), maps, test, zero_shot, validation, fitted.best_epoch,
                   _maps(model, beside, report), fitted.best.get("val_loss"))


def accuracy_row(name: str, counts: Confusion, pixel_area_m2: float) -> dict[str, Any]:
    """A line of an accuracy table; on ground without landslides only the false alarms mean something."""
    ground_km2 = counts.total * pixel_area_m2 / 1e6
    return {
        "date": name, "ground [km²]": ground_km2, "precision": counts.precision, "recall": counts.recall,
        "F1": counts.f1, "IoU": counts.iou,
        "false alarms [m²/km²]": counts.fp * pixel_area_m2 / ground_km2 if counts.total else None,
    }


def _maps(model: Any, grounds: Sequence[Ground], report: Report) -> tuple[np.ndarray, ...]:
    from ...network.inference import Predictor

    predict = Predictor(model).predict
    return tuple(_map_ground(ground, predict, report) for ground in grounds)


def _map_ground(ground: Ground, predict: Any, report: Report) -> np.ndarray:
    """(H, W) float32 probability of a ground, the same that `predict` gives by default."""
    shape = ground.grid.shape
    return whole(shape, map_probability(ground.read, shape, predict, report, window_px=PredictParams.window_px,
                                        overlap_px=PredictParams.overlap_px))


def _tested(
    maps: Sequence[np.ndarray], grounds: Sequence[Ground], split: Split, threshold: float
) -> tuple[Confusion, ...]:
    return tuple(from_maps(classes_of(probability, threshold), ground.codes, role_map == TEST)
                 for probability, ground, role_map in zip(maps, grounds, split.maps, strict=True))


def _calibrate(
    maps: Sequence[np.ndarray], grounds: Sequence[Ground], split: Split, calibrate: bool
) -> tuple[float, str, Confusion]:
    """The threshold, how it was chosen, and the counts on validation ground at it.

    Validation ground alone holds few landslides, and its best threshold jumps from seed to seed (docs/presets.md).
    """
    known, validation = ThresholdCurve(), ThresholdCurve()
    for probability, ground, role_map in zip(maps, grounds, split.maps, strict=True):
        known.feed(probability, ground.codes, (role_map == TRAIN) | (role_map == VALIDATION))
        validation.feed(probability, ground.codes, role_map == VALIDATION)
    threshold, rule = DEFAULT_THRESHOLD, "fixed"
    if calibrate:
        spared = any((role_map == VALIDATION).any() for role_map in split.maps)
        threshold = known.choose("f1")
        rule = f"best F1 on training {'and validation ' if spared else ''}ground"
    return threshold, rule, validation.confusion(threshold)


def _card(
    name: str, spec: NetworkSpec, params: Any, grounds: Sequence[Ground], split: Split, parameters: int, device: Any,
    threshold: float, rule: str,
) -> ModelCard:
    w_fn, w_fp = params.loss_weights()
    first, size = grounds[0], grounds[0].grid.pixel_size_m
    dates = [day.isoformat() for ground in grounds for day in ground.scenes.days or ()]
    if spec.base is not None:
        dates += [date for date in (spec.base.start, spec.base.end) if date]
    centre, spread = (_mean_statistics(spec, grounds, part) for part in ("centre", "spread"))
    zoom = 1 + params.zoom
    return ModelCard(
        name=name,
        created=now(),
        description=f"U-Net that maps landslides, trained on {', '.join(g.scenes.name for g in grounds)}.",
        bands=spec.bands,
        quantity=spec.quantity,
        scaling=Scaling(spec.scaling_rule, tuple(centre), tuple(spread), first.scaling.clip),
        patch_size_px=params.patch_size_px,
        # What augmentation showed it, and a quarter more for what networks tolerate.
        pixel_size_range_m=(round(size / zoom / 1.25, 2), round(size * zoom * 1.25, 2)),
        filters=spec.filters,
        up_convolutions=spec.up_convolutions,
        parameters=parameters,
        threshold=threshold,
        threshold_rule=rule,
        weights=f"{name}.weights.h5",
        sha256="",
        loss={"name": "tversky", "w_fn": w_fn, "w_fp": w_fp, "epsilon": params.epsilon, "focal": params.focal},
        training={
            "epochs": [ground.scenes.name for ground in grounds],
            "landslides": sum(summary.train.landslides for summary in split.summaries),
            "preset": params.preset, "seed": params.seed, "split": params.split, "batch_size": params.batch_size,
            "learning_rate": params.learning_rate, "base_model": spec.base.name if spec.base else None,
        },
        training_ground=seen_ground(split, first, spec.base.training_ground if spec.base else None),
        versions=versions(device),
        start=min(dates, default=None),
        end=max(dates, default=None),
        warnings=_warnings(grounds, spec, params.band_dropout),
        may_lack=spec.base.may_lack if spec.base else (),
        unlearned=tuple(band for band in spec.base.unlearned if all(band in ground.lacking for ground in grounds))
        if spec.base else (),
    )


def _mean_statistics(spec: NetworkSpec, grounds: Sequence[Ground], part: str) -> list[float]:
    """Centre or spread of each band, over the grounds whose images have it; the base model's where none has."""
    values = []
    for place, band in enumerate(spec.bands):
        known = [getattr(ground.scaling, part)[place] for ground in grounds if band not in ground.lacking]
        values.append(float(np.mean(known)) if known or spec.base is None else getattr(spec.base.scaling, part)[place])
    return values


def _warnings(grounds: Sequence[Ground], spec: NetworkSpec, band_dropout: float) -> tuple[str, ...]:
    """What speaks against trusting a model everywhere; it keeps what its base had.

    Images whose values nobody knows the meaning of, and bands that it may do without but never had to this time.
    """
    names = [ground.scenes.name for ground in grounds
             if any(info.quantity == "counts" for info in ground.scenes.infos)]
    own = []
    if names:
        own.append(f"It learned from images whose values are not known to be radiance or reflectance "
                   f"({', '.join(names)}): its maps of different dates may not be comparable.")
    base = spec.base
    if base is not None and not band_dropout:
        there = [band for band in base.may_lack if not any(band in ground.lacking for ground in grounds)]
        if there:
            own.append(f"All images of its fine-tuning have {' and '.join(there)}: expect a poorer map where an image "
                       "lacks that.")
    return tuple(dict.fromkeys((*(base.warnings if base else ()), *own)))


def _with_results(
    card: ModelCard, fitted: Any, test: Sequence[Confusion], validation: Confusion, measured: str
) -> ModelCard:
    pooled = sum(test, Confusion())
    metrics = {"precision": pooled.precision, "recall": pooled.recall, "f1": pooled.f1, "iou": pooled.iou,
               "validation_f1": validation.f1}
    training = {**card.training, "best_epoch": fitted.best_epoch, "epochs_trained": len(fitted.history["loss"])}
    return replace(card, metrics=metrics, measured=measured, training=training)


def _write_history(fitted: Any, folder: Path, name: str) -> None:
    names = list(fitted.history)
    rows = [dict(zip(["epoch", *names], [number, *values], strict=True))
            for number, values in enumerate(zip(*fitted.history.values(), strict=True), start=1)]
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["epoch", *names])
        writer.writeheader()
        writer.writerows(rows)
    learning_curves(rows, fitted.best_epoch, name, folder / "curves.png")
