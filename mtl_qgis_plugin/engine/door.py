"""The one door to the engine's code: its contract, which is standard library only and runs in QGIS's own Python.

An installed plugin carries model_core in its folder `bundled`; in a checkout it lies beside the plugin. All other files
of the plugin take the contract from here: imported by two paths, each class would exist twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

_PLUGIN = Path(__file__).parents[1]
# Holds model_core, weights and requirements. Not resolved: in a development folder its entries are links.
FOLDER = _PLUGIN / "bundled" if (_PLUGIN / "bundled").is_dir() else _PLUGIN.parent
REQUIREMENTS = FOLDER / "requirements"

if TYPE_CHECKING or FOLDER.name != "bundled":
    from model_core import __version__
    from model_core.contract import errors, events, fields, job, jsonfile, library, stages
else:
    # As a part of the plugin's own package the name can meet no other model_core in QGIS.
    from ..bundled.model_core import __version__
    from ..bundled.model_core.contract import errors, events, fields, job, jsonfile, library, stages

VERSION: str = __version__

__all__ = ["FOLDER", "REQUIREMENTS", "VERSION", "errors", "events", "fields", "job", "jsonfile", "library", "stages"]
