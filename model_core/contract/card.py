"""The model card: beside every weights file, the single truth for predicting with it.

Written as a STAC Item with the Machine Learning Model (MLM) extension, so that other tools can read it. What MLM
has no word for stands in properties that begin with `mtl:`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .errors import ModelError
from .jsonfile import read_json

STAC_VERSION = "1.1.0"
MLM_SCHEMA = "https://stac-extensions.github.io/mlm/v1.6.0/schema.json"

_LFS = b"version https://git-lfs"

SCALING_RULES = ("scene-robust", "scene-meanstd", "fixed")


@dataclass(frozen=True)
class Scaling:
    """How pixel values become network input: clip((x - centre) / spread, -clip, clip), band by band.

    Attributes:
        rule: "scene-robust" (median and half the distance between the 16th and 84th percentile of each scene),
            "scene-meanstd" (mean and standard deviation of each scene) or "fixed" (`centre` and `spread` below).
        centre: One value a band, in the unit of `ModelCard.quantity`: what the training scenes had.
        spread: Likewise.
        clip: Bound of the network input, in spreads.
    """

    rule: str
    centre: Tuple[float, ...]
    spread: Tuple[float, ...]
    clip: float


@dataclass(frozen=True)
class ModelCard:
    """What must be known to use a weights file, and what should be known to trust it.

    Attributes:
        name: Unique name of the model, also the stem of its files.
        created: ISO date and time (UTC).
        description: One or two sentences for people.
        bands: Band names in the order of the network's input.
        may_lack: Bands that an image may lack; the network then gets 0, each band's centre, as it did in training.
        unlearned: Bands that no training image had. The network does not look at them until it is fine-tuned.
        quantity: Unit of the values before scaling: "toa_reflectance", "surface_reflectance" or "counts".
        scaling: How values become network input.
        patch_size_px: Side of the training patches.
        pixel_size_range_m: Smallest and largest pixel size that the model was trained for.
        filters, up_convolutions, parameters: The network (see network.unet).
        threshold: Probability from which a pixel counts as landslide.
        threshold_rule: How the threshold was chosen.
        loss: Name and settings of the loss.
        training: Dates, landslide counts, preset, training epochs, seed, base model: for people.
        metrics: Numbers by name; `measured` says on what ground.
        measured: How the metrics were measured.
        training_ground: GeoJSON geometry (WGS 84) of the ground whose labels the weights have seen; None if unknown.
        versions: Library versions.
        licence: SPDX identifier or text.
        weights: File name of the weights, beside the card.
        sha256: Checksum of the weights file.
        weights_bytes: Size of the weights file.
        start, end: Dates (ISO) of the first and last image it learned from.
        warnings: What speaks against trusting it everywhere, in plain sentences.
    """

    name: str
    created: str
    bands: Tuple[str, ...]
    quantity: str
    scaling: Scaling
    patch_size_px: int
    pixel_size_range_m: Tuple[float, float]
    filters: int
    up_convolutions: str
    parameters: int
    threshold: float
    threshold_rule: str
    weights: str
    sha256: str
    weights_bytes: int = 0
    description: str = ""
    loss: Dict[str, Any] = field(default_factory=dict)
    training: Dict[str, Any] = field(default_factory=dict)
    metrics: Dict[str, Any] = field(default_factory=dict)
    measured: str = ""
    training_ground: Optional[Dict[str, Any]] = None
    versions: Dict[str, str] = field(default_factory=dict)
    licence: str = "GPL-2.0-or-later"
    start: Optional[str] = None
    end: Optional[str] = None
    warnings: Tuple[str, ...] = ()
    may_lack: Tuple[str, ...] = ()
    unlearned: Tuple[str, ...] = ()

    @property
    def learned_bands(self) -> Tuple[str, ...]:
        """The bands that it has really learned from."""
        return tuple(band for band in self.bands if band not in self.unlearned)


def to_stac(card: ModelCard) -> Dict[str, Any]:
    """The card as a STAC Item with the MLM extension."""
    n = len(card.bands)
    statistics = [
        {"type": "z-score", "mean": centre, "stddev": spread}
        for centre, spread in zip(card.scaling.centre, card.scaling.spread)
    ]
    properties: Dict[str, Any] = {
        "datetime": card.created,
        "title": card.name,
        "description": card.description,
        "license": card.licence,
        "mlm:name": card.name,
        "mlm:architecture": "U-Net",
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:framework": "Keras",
        "mlm:framework_version": card.versions.get("keras", ""),
        "mlm:total_parameters": card.parameters,
        "mlm:accelerator_constrained": False,
        "mlm:pretrained": True,
        "mlm:hyperparameters": {
            "filters": card.filters,
            "up_convolutions": card.up_convolutions,
            "loss": card.loss,
        },
        "mlm:input": [
            {
                "name": card.quantity,
                "bands": [{"name": band} for band in card.bands],
                "input": {
                    "shape": [-1, card.patch_size_px, card.patch_size_px, n],
                    "dim_order": ["batch", "height", "width", "channel"],
                    "data_type": "float32",
                },
                # The statistics of the training scenes; mtl:scaling says whether they or the scene's own are used.
                "value_scaling": statistics,
                "pre_processing_function": None,
            }
        ],
        "mlm:output": [
            {
                "name": "landslide probability",
                "bands": [],
                "tasks": ["semantic-segmentation"],
                "result": {
                    "shape": [-1, card.patch_size_px, card.patch_size_px, 1],
                    "dim_order": ["batch", "height", "width", "channel"],
                    "data_type": "float32",
                },
                "classification:classes": [
                    {"value": 0, "name": "no_landslide", "description": "No landslide"},
                    {"value": 1, "name": "landslide", "description": "Landslide"},
                ],
                "post_processing_function": None,
            }
        ],
    }
    if card.start and card.end:
        properties["start_datetime"] = f"{card.start}T00:00:00Z"
        properties["end_datetime"] = f"{card.end}T23:59:59Z"
    for name in ("quantity", "patch_size_px", "pixel_size_range_m", "threshold", "threshold_rule", "training",
                 "metrics", "measured", "versions", "sha256", "warnings", "may_lack", "unlearned"):
        value = getattr(card, name)
        properties[f"mtl:{name}"] = list(value) if isinstance(value, tuple) else value
    properties["mtl:scaling"] = dataclasses.asdict(card.scaling)
    item: Dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [MLM_SCHEMA],
        "id": card.name,
        "geometry": card.training_ground,
        "properties": properties,
        "links": [],
        "assets": {
            "weights": {
                "href": card.weights,
                "type": "application/x-hdf5",
                "title": "Network weights",
                "roles": ["mlm:model", "mlm:weights"],
                "mlm:artifact_type": "keras.Model.save_weights",
                "file:size": card.weights_bytes,
            }
        },
    }
    if card.training_ground is not None:
        item["bbox"] = _bbox(card.training_ground)
    return item


def from_stac(item: Dict[str, Any], name: str = "The model card") -> ModelCard:
    """The card in a STAC Item.

    Args:
        item: The item.
        name: What messages call it.

    Raises:
        ModelError: The item is not one of our cards.
    """
    try:
        properties = item["properties"]
        model_input = properties["mlm:input"][0]
        hyper = properties["mlm:hyperparameters"]
        scaling = dict(properties["mtl:scaling"])
        low, high = properties["mtl:pixel_size_range_m"]
        card = ModelCard(
            name=properties["mlm:name"],
            created=properties["datetime"],
            description=properties["description"],
            bands=tuple(band["name"] for band in model_input["bands"]),
            scaling=Scaling(scaling["rule"], tuple(scaling["centre"]), tuple(scaling["spread"]), scaling["clip"]),
            pixel_size_range_m=(float(low), float(high)),
            filters=hyper["filters"],
            up_convolutions=hyper["up_convolutions"],
            loss=hyper["loss"],
            parameters=properties["mlm:total_parameters"],
            weights=item["assets"]["weights"]["href"],
            weights_bytes=item["assets"]["weights"]["file:size"],
            training_ground=item["geometry"],
            licence=properties["license"],
            start=_day(properties.get("start_datetime")),
            end=_day(properties.get("end_datetime")),
            warnings=tuple(properties.get("mtl:warnings", ())),
            # Cards of earlier versions have neither: their models need every band and learned from each.
            may_lack=tuple(properties.get("mtl:may_lack", ())),
            unlearned=tuple(properties.get("mtl:unlearned", ())),
            **{
                name: properties[f"mtl:{name}"]
                for name in ("quantity", "patch_size_px", "threshold", "threshold_rule", "training", "metrics",
                             "measured", "versions", "sha256")
            },
        )
        wrong = _wrong_entry(card)
    except KeyError as error:
        raise _unusable(f"{name} is no model card of this tool: it has no entry {error}.") from error
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise _unusable(f"{name} is no model card of this tool, or it is damaged.") from error
    if wrong:
        raise _unusable(f"{name} cannot be used: {wrong}.")
    return card


def read_card(path: Path) -> ModelCard:
    """Reads a card from its JSON file, or from the one beside a weights file (`x.weights.h5` has `x.json`).

    Raises:
        ModelError: There is no card, or it is not one of ours.
    """
    card_path = card_path_of(path)
    try:
        item = read_json(card_path)
    except FileNotFoundError as error:
        raise ModelError(
            "card.missing",
            f"There is no model card {card_path.name} beside the weights.",
            "Keep the .json file that was written with the weights in the same folder.",
            path=str(card_path),
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(
            "card.unreadable", f"{card_path} is not a model card.", "Choose the .json file beside the weights.",
            path=str(card_path),
        ) from error
    return from_stac(item, str(card_path))


def card_path_of(path: Path) -> Path:
    """The card's path for a weights file, a card or a folder with exactly one card-and-weights pair."""
    if path.is_dir():
        pairs = sorted(p for p in path.glob("*.weights.h5"))
        if not pairs:
            raise ModelError("card.folder", f"The folder {path} holds no weights (*.weights.h5).",
                             "Choose the folder or the weights file of a model.", path=str(path))
        if len(pairs) > 1:
            raise ModelError("card.folder", f"The folder {path} holds {len(pairs)} models.",
                             f"Choose one of them: {', '.join(pair.name for pair in pairs)}.", path=str(path))
        path = pairs[0]
    if path.name.endswith(".weights.h5"):
        return path.with_name(path.name[: -len(".weights.h5")] + ".json")
    if path.suffix == ".json":
        return path
    raise ModelError(
        "card.not-a-model",
        f"{path.name} is not a model of this tool.",
        "Choose a *.weights.h5 file with its *.json card beside it.",
        path=str(path),
    )


def check_weights(card: ModelCard, folder: Path) -> Path:
    """The path of the card's weights, after its checksum was found right.

    Raises:
        ModelError: The file is missing or is not the one that the card describes.
    """
    path = folder / card.weights
    try:
        digest = sha256(path)
    except OSError as error:
        raise ModelError(
            "weights.missing", f"The weights {path} cannot be read.", "Keep weights and card in the same folder.",
            path=str(path),
        ) from error
    if digest != card.sha256:
        with path.open("rb") as stream:
            pointer = stream.read(len(_LFS)) == _LFS
        raise ModelError(
            "weights.checksum",
            f"The weights {path.name} are only a pointer of Git LFS, not the weights themselves." if pointer else
            f"The weights {path.name} are not the ones that the card describes: the checksum differs.",
            "Fetch them with `git lfs pull`, or download them from the web page of their repository." if pointer else
            "Copy weights and card again from where they were made.",
            path=str(path),
        )
    return path


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _wrong_entry(card: ModelCard) -> Optional[str]:
    """What makes a complete card unusable, as half a sentence."""
    scaling, n = card.scaling, len(card.bands)
    numbers = (*scaling.centre, *scaling.spread, scaling.clip)
    checks = (
        (n > 0 and len(set(card.bands)) == n and all(isinstance(band, str) for band in card.bands),
         "the names of its bands are wrong"),
        (set(card.may_lack) <= set(card.bands) and set(card.unlearned) < set(card.bands)
         and len(set(card.may_lack)) < n, "what it says of missing bands does not fit its bands"),
        (scaling.rule in SCALING_RULES, f"its scaling rule {scaling.rule!r} is unknown"),
        (len(scaling.centre) == len(scaling.spread) == n and all(map(_is_number, numbers))
         and min(*scaling.spread, scaling.clip) > 0, "its scaling does not fit its bands"),
        (isinstance(card.filters, int) and card.filters > 0 and card.up_convolutions in ("scaled", "paper"),
         "its network is unknown"),
        (_is_number(card.threshold) and 0 < card.threshold < 1, "its threshold does not lie between 0 and 1"),
        (isinstance(card.weights, str), "it names no weights file"),
        (card.training_ground is None or bool(card.training_ground["coordinates"]),
         "its training ground is no polygon"),
    )
    return next((wrong for right, wrong in checks if not right), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _unusable(message: str) -> ModelError:
    return ModelError("card.incomplete", message, "Use the card that was written with the weights.")


def _day(moment: Optional[str]) -> Optional[str]:
    return moment[:10] if moment else None


def _bbox(geometry: Dict[str, Any]) -> List[float]:
    points = list(_points(geometry["coordinates"]))
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return [min(xs), min(ys), max(xs), max(ys)]


def _points(coordinates: Any) -> Any:
    if isinstance(coordinates[0], (int, float)):
        yield coordinates
    else:
        for part in coordinates:
            yield from _points(part)
