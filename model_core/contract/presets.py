"""Named sets of parameter values: the dataclass defaults are `recommended`; here is how the others differ."""

from __future__ import annotations

from typing import Any, Dict, Type, TypeVar

from .errors import UsageError
from .fields import from_dict

T = TypeVar("T")

# Bhuyan et al. 2023, GIScience & Remote Sensing 60:2182057, section 3 and Table 2. The ranges of rotation and shear are
# not in the paper; they are those of the authors' later work (Scientific Reports 13:162).
_PAPER: Dict[str, Any] = {
    "filters": 32,
    "up_convolutions": "paper",
    "stride_px": 128,
    "jitter_px": 0,
    "positive_share": None,
    "training_epochs": 250,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "loss": "precision",
    "epsilon": 1e-4,
    "pooled": True,
    "focal": 1.0,
    "monitor": "val_loss",
    "patience": None,
    "calibrate": False,
    "momentum": 0.99,
    "rotation_deg": 45.0,
    "shear_deg": 20.0,
    "flips": True,
    "zoom": 0.0,
    "gain": 0.0,
    "offset": 0.0,
    "band_dropout": 0.0,
}

PRESETS: Dict[str, Dict[str, Any]] = {
    "recommended": {},
    "paper": _PAPER,
    "paper-exact": {**_PAPER, "split": "paper", "drop_empty": True},
}


def with_preset(cls: Type[T], values: Dict[str, Any]) -> T:
    """Builds parameters from plain values over those of the preset that they name.

    Raises:
        UsageError: Unknown preset or parameter, or a value outside its limits.
    """
    fields = cls.__dataclass_fields__  # type: ignore[attr-defined]  # every params class is a dataclass
    if "preset" not in fields:
        return from_dict(cls, values)
    preset = preset_values(cls, values.get("preset", fields["preset"].default))
    return from_dict(cls, {**preset, **values})


def preset_values(cls: Any, name: str) -> Dict[str, Any]:
    """The values that a preset sets for a params class; a grid of values is never set by a preset.

    Raises:
        UsageError: There is no such preset.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise UsageError("params.preset", f"There is no preset {name!r}.", f"Choose from: {', '.join(PRESETS)}.")
    fields = cls.__dataclass_fields__
    return {key: value for key, value in PRESETS[name].items()
            if key in fields and not isinstance(fields[key].default, tuple)}
