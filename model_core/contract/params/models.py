"""Parameters of models and doctor."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import param
from .inputs import DeviceInputs


@dataclass(frozen=True)
class ModelsParams:
    """Lists the bundled models and those below a folder."""

    folder: str = param("", label="Folder", help="Also list the models below this folder.", role="folder")
    model: str = param("", label="Model", help="Show the card of this model in full.", role="model")


@dataclass(frozen=True)
class DoctorParams(DeviceInputs):
    """Checks the engine: device, precision, versions, disk; trains and predicts a tiny network."""
