"""The base model and its children: settings, learning curves, cards."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ....contract.card import ModelCard, read_card
from ....contract.errors import ModelError, MtlError
from ....contract.job import read_job
from ....contract.library import find_model
from ....contract.params.study import StudyParams
from ....contract.presets import preset_values
from ....report.pieces import Picture, Section, Table
from ..runs import JOB
from ..studying.folder import StudyFolder
from .reading import picture_file

_NO_SETTINGS = ("device", "threads", "series", "training", "model", "out", "preset")
_QUANTITIES = {"toa_reflectance": "top-of-atmosphere reflectance", "surface_reflectance": "surface reflectance",
               "counts": "counts of the sensor"}
_RULES = {"scene-robust": "median and percentile spread of each scene",
          "scene-meanstd": "mean and standard deviation of each scene", "fixed": "as in the training scenes"}
_CURVES = "Figure A. Learning curves of the fine-tuned models"


def settings_of(study: StudyFolder) -> StudyParams | None:
    """The study's own parameters, or None where its job is gone."""
    try:
        params: StudyParams = read_job(study.folder / JOB).params
    except MtlError:
        return None
    return params


def cards(study: StudyFolder) -> list[tuple[str, ModelCard]]:
    """Card of every model of the study, with the kind of map that it made."""
    params = settings_of(study)
    found: list[tuple[str, ModelCard]] = []
    if params is not None and params.model:
        with contextlib.suppress(ModelError):  # given from elsewhere and gone since
            found.append(("zero-shot", find_model(params.model)[0]))
    for name, step in study.steps.items():
        if step["stage"] == "train":
            found.append(("zero-shot", read_card(study.folder / step["outputs"]["card"])))
        elif step["stage"] == "fine-tune":
            found += [(name.partition("/")[0], read_card(path)) for path in _folds(study, name, "*.json")]
    return found


def loss_weights(study: StudyFolder, kind: str) -> tuple[float, float] | None:
    """Weights of false negatives and false positives that the models of a kind of map were trained with."""
    losses = [card.loss for of, card in cards(study) if of == kind]
    return next(((loss["w_fn"], loss["w_fp"]) for loss in losses if {"w_fn", "w_fp"} <= set(loss)), None)


def models(study: StudyFolder) -> Section:
    """Learning curves, what of the preset differs, and the cards of all models."""
    known = [card for _, card in cards(study)]
    params = settings_of(study)
    text = []
    if params is not None:
        text.append(
            "The base model was given, not trained here." if params.model else
            "The base model learned from landslides outside the area of the study.")
        changed = _changed(params)
        text.append(f"Preset: {params.preset}; " + ("the table shows what differs from it." if changed else
                                                    "no setting differs from it."))
    else:
        changed = []
        text.append("The settings are not known: the study's job.json is gone.")
    figures = curves(study)
    if any(picture.title == _CURVES for picture in figures):
        text.append("Of models for a date alone the curves of the first fold are shown; the others lie beside the "
                    "models in the study's folder.")
    tables = [Table("settings", "Table A. Settings that differ from the preset", (
        "All others are those of the preset. Options are those of `mtl study`."), changed)] if changed else []
    if known:
        measured = "; ".join(dict.fromkeys(card.measured for card in known if card.measured))
        tables += [
            Table("models_in_common", "Table A. What the models are", "", _common(known)),
            Table("models", "Table A. The models", (
                "Landslides: learned from. Epoch: the training epoch that was kept, of those trained. Threshold: "
                f"network value from which a pixel is mapped. Precision, recall and F1: {measured or 'not measured'}; "
                "each fold's own test ground, so they differ from Table 3. A fold has no landslide to test on where "
                "they are missing."), [_model_row(card) for card in known]),
            Table("checksums", "Table A. Checksums of the weights",
                  "SHA-256 of each weights file: two files with the same one are the same model.",
                  [{"model": card.name, "SHA-256": card.sha256} for card in known])]
    else:
        text.append("No model card is left in the study.")
    return Section("Models and training", text, [*figures, *tables])


def curves(study: StudyFolder) -> list[Picture]:
    """Learning curves of the base model, and beside each other those of the pooled folds and each date's first one."""
    base: list[Picture] = []
    folds: list[tuple[str, Path]] = []
    for name, step in study.steps.items():
        if step["stage"] == "train":
            base.append(Picture("Figure A. Learning curves of the base model", (
                "Loss on training and validation ground, and precision, recall and F1 on validation ground, by "
                "training epoch. Dashed: the training epoch that was kept."),
                picture_file(study.folder / step["outputs"]["curves"])))
        elif step["stage"] == "fine-tune":
            drawn = _folds(study, name, "curves.png")
            folds += [(name, path) for path in (drawn[:1] if "/" in name else drawn)]
    return base + [Picture(_CURVES, f"{name}, {path.parent.name.replace('-', ' ')}", picture_file(path))
                   for name, path in folds]


def _folds(study: StudyFolder, step: str, pattern: str) -> list[Path]:
    found = (study.folder / step).glob(f"fold-*/{pattern}")
    return sorted(found, key=lambda path: (len(path.parent.name), path.parent.name))


def _changed(params: StudyParams) -> list[dict[str, Any]]:
    """A row for each setting that is not its preset's."""
    preset = preset_values(StudyParams, params.preset)
    rows = []
    for field in dataclasses.fields(StudyParams):
        value, usual = getattr(params, field.name), preset.get(field.name, field.default)
        if field.name not in _NO_SETTINGS and value != usual:
            rows.append({"setting": field.metadata["label"], "option": f"--{field.name.replace('_', '-')}",
                         "value": _shown(value), "preset": _shown(usual)})
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "not given"
    return "not given" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _common(known: Sequence[ModelCard]) -> list[dict[str, Any]]:
    """What most models share; where they differ, all values stand side by side."""
    rows = {
        "network": (f"U-Net, {card.filters} filters, {card.parameters:,} parameters" for card in known),
        "patches [px]": (str(card.patch_size_px) for card in known),
        "bands": (", ".join(card.bands) for card in known),
        "values": (_QUANTITIES.get(card.quantity, card.quantity) for card in known),
        "scaling": (f"{card.scaling.rule}: {_RULES[card.scaling.rule]}, cut at ±{card.scaling.clip:g}"
                    for card in known),
        "pixel size [m]": ("{:g} to {:g}".format(*card.pixel_size_range_m) for card in known),
        "loss": (", ".join(_shown(value) if name == "name" else f"{name} {_shown(value)}"
                           for name, value in card.loss.items()) for card in known),
        "threshold chosen by": (card.threshold_rule for card in known),
        "licence": (card.licence for card in known),
    }
    return [{"what": what, "value": distinct(values)} for what, values in rows.items()]


def distinct(values: Iterable[str]) -> str:
    """Different values, each once."""
    return "; ".join(dict.fromkeys(value for value in values if value))


def _model_row(card: ModelCard) -> dict[str, Any]:
    learned = card.training
    dates = [str(date) for date in learned.get("epochs", ())]
    epochs = [learned.get(name) for name in ("best_epoch", "epochs_trained")]
    return {
        "model": card.name, "from": learned.get("base_model"),
        "trained on": span(dates) or None, "landslides": learned.get("landslides"),
        "epoch": None if None in epochs else "{} of {}".format(*epochs), "threshold": card.threshold,
        **{shown: card.metrics.get(name) for name, shown in (("precision", "precision"), ("recall", "recall"),
                                                             ("f1", "F1"))},
    }


def span(dates: Sequence[str]) -> str:
    """Some dates, short where there are many."""
    return f"{dates[0]} to {dates[-1]} ({len(dates)} dates)" if len(dates) > 3 else ", ".join(dates)
