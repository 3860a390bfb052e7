"""Networks for the stages: built, loaded with a card's weights, saved with a card. Loads a framework when called."""

from __future__ import annotations

import datetime
import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import __version__
from ...contract.card import ModelCard, check_weights, to_stac
from ...contract.events import Report
from ...geo.files import write_json_atomic


def start_device(params: Any, report: Report) -> Any:
    """Sets up device and precision and says which was taken and why."""
    report.stage("Starting the network")
    from ...network import backend

    device = backend.setup(params.device, params.precision, params.threads, seed=getattr(params, "seed", None))
    report.log(device.reason)
    return device


def new_network(spec: Any, momentum: float, seed: int) -> Any:
    """An untrained network; the same seed gives the same first weights, whatever was built before."""
    from ...network import backend, unet

    backend.reseed(seed)
    return unet.build_unet(len(spec.bands), spec.filters, spec.up_convolutions, momentum=momentum)


def load_network(card: ModelCard, folder: Path, momentum: float = 0.99) -> Any:
    """The network of a card with its weights.

    Raises:
        ModelError: The weights are missing, damaged or not the card's.
    """
    path = check_weights(card, folder)
    from ...network import unet, weights

    model = unet.build_unet(len(card.bands), card.filters, card.up_convolutions, momentum=momentum)
    weights.load(model, path)
    return model


def load_predictor(card: ModelCard, folder: Path, params: Any, report: Report) -> Any:
    """A card's network ready to predict on the device that the parameters name."""
    check_weights(card, folder)
    start_device(params, report)
    from ...network.inference import Predictor

    return Predictor(load_network(card, folder), tta=params.tta)


def save_model(model: Any, card: ModelCard, folder: Path, *, half: bool = False) -> ModelCard:
    """Writes weights (`half`: in half the bytes) and card; returns the card with the weights' checksum and size."""
    from ...network import weights

    path = folder / card.weights
    digest = weights.save(model, path, half=half)
    card = replace(card, sha256=digest, weights_bytes=path.stat().st_size)
    write_json_atomic(folder / f"{card.name}.json", to_stac(card))
    return card


def now() -> str:
    """The time as the card writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions(device: Any) -> dict[str, str]:
    """Versions that a result depends on."""
    return {
        "engine": __version__,
        "keras": importlib.metadata.version("keras"),
        device.backend: device.backend_version,
        "numpy": importlib.metadata.version("numpy"),
        "precision": device.precision,
        "device": device.kind,
    }
