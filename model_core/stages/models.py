"""Lists models and shows their cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..contract.card import ModelCard, read_card
from ..contract.errors import InputError, ModelError
from ..contract.events import Report, Result
from ..contract.library import bundled_folder, find_model, weights_below
from ..contract.params.models import ModelsParams


def run(params: ModelsParams, report: Report) -> Result:
    """Shows one card in full, or a line a model: the bundled ones and those below a folder."""
    if params.model:
        card, folder = find_model(params.model)
        return Result({"weights": str(folder / card.weights)}, _in_full(card))
    if params.folder and not Path(params.folder).is_dir():
        raise InputError("models.folder", f"There is no folder {params.folder}.", "Choose the folder of your models.")
    rows = []
    folders = [bundled_folder(), *([Path(params.folder)] if params.folder else [])]
    for path in (path for folder in folders for path in weights_below(folder)):
        try:
            rows.append(_line(read_card(path), path))
        except ModelError as error:
            report.warn(f"{path}: {error.message}")
    if not rows:
        return Result({}, {"models": "none bundled; train one with mtl train, or list a folder with --folder"})
    return Result({}, {"models": rows})


def _line(card: ModelCard, path: Path) -> dict[str, Any]:
    return {
        "name": card.name,
        "bands": " ".join(card.bands),
        "filters": card.filters,
        "trained on": f"{card.start or '?'} to {card.end or '?'}",
        "test F1": card.metrics.get("f1"),
        "threshold": card.threshold,
        "path": str(path),
    }


def _in_full(card: ModelCard) -> dict[str, Any]:
    low, high = card.pixel_size_range_m
    return {
        "name": card.name,
        "description": card.description,
        "made": card.created,
        "bands": " ".join(card.bands),
        "learned from": " ".join(card.learned_bands),
        "an image may lack": " ".join(card.may_lack) or "none of them",
        "values": f"{card.quantity}, scaled by rule {card.scaling.rule}",
        "pixel size": f"{low:g} to {high:g} m",
        "network": f"U-Net, {card.filters} filters, {card.parameters:,} parameters, patches of {card.patch_size_px} px",
        "threshold": f"{card.threshold:g} ({card.threshold_rule})",
        "loss": ", ".join(f"{k} {v}" for k, v in card.loss.items()),
        "training": [{"what": k, "value": str(v)} for k, v in card.training.items()],
        "metrics": card.metrics,
        "measured": card.measured,
        "versions": ", ".join(f"{k} {v}" for k, v in card.versions.items()),
        "licence": card.licence,
        "checksum": card.sha256,
    }
