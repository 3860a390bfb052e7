"""Is there an engine, does it fit this version of the plugin, and if not: what to do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from . import home as homes
from .child import SYSTEM
from .door import FOLDER, REQUIREMENTS, VERSION
from .endings import REPAIR
from .flavours import FLAVOURS
from .home import Stamp
from .process import Engine
from .pythons import program_behind, python_of

MISSING, READY, OLDER, BROKEN = "missing", "ready", "older", "broken"


@dataclass(frozen=True)
class State:
    """How it stands with the engine.

    Attributes:
        kind: missing, ready, older or broken.
        why: One sentence.
        hint: One sentence: what to do; empty when ready.
        engine: How to start it; where it is ready, or older and still usable.
        stamp: What the environment says of itself.
    """

    kind: str
    why: str
    hint: str = ""
    engine: Optional[Engine] = None
    stamp: Optional[Stamp] = None


def find(home: Path, own: Optional[Path] = None, requirements: Path = REQUIREMENTS) -> State:
    """Looks which engine there is; starts nothing, so it may be asked often.

    Args:
        home: The engine's folder, see `home.home_below`.
        own: A Python of the analyst's, to be used instead.
        requirements: Folder of the lists of versions.
    """
    if own is not None:
        return _find_own(home, own)
    found = [(path, homes.read_stamp(path / homes.STAMP)) for path in homes.environments(home)]
    states = [_judge(path, stamp, requirements) for path, stamp in found]
    for kind in (READY, OLDER, BROKEN):
        for state in states:
            if state.kind == kind:
                return state
    return State(MISSING, "The engine is not installed.", "Click 'Install engine' in the plugin's settings.")


def digest(listed: Path) -> str:
    """Of a list of versions, the same however its lines end; empty where there is no list."""
    try:
        return hashlib.sha256(listed.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    except OSError:
        return ""


def _find_own(home: Path, own: Path) -> State:
    stamp = homes.read_stamp(home / "own.json")
    if not own.exists():
        return State(BROKEN, f"Your own Python {own} is not there.", "Choose another one in the plugin's settings.")
    if stamp is None or stamp.program != str(own):
        return State(BROKEN, f"Your own Python {own} was not tried yet.", "Click 'Try' in the plugin's settings.")
    engine = Engine(own, FOLDER, stamp.backend)
    if stamp.plugin != VERSION or program_behind(own) != stamp.base:
        return State(OLDER, f"Your own Python was tried by version {stamp.plugin}, or has changed since.",
                     "Click 'Try' in the plugin's settings.", engine, stamp)
    return State(READY, f"Your own Python {stamp.python}, {own}.", "", engine, stamp)


def _judge(folder: Path, stamp: Optional[Stamp], requirements: Path) -> State:
    python = python_of(folder, SYSTEM)
    if stamp is None:
        return State(BROKEN, f"{folder / homes.STAMP} cannot be read.", REPAIR)
    if not python.exists() or program_behind(python) != stamp.base or not Path(stamp.base).exists():
        return State(BROKEN, f"The Python {stamp.python} that the engine was made from has gone, perhaps with an older "
                     "QGIS or system.", REPAIR, None, stamp)
    packages = "Lib/site-packages" if SYSTEM == "Windows" else "lib/python*/site-packages"
    gone = [part for part in ("keras", "rasterio", "numpy") if not any(folder.glob(f"{packages}/{part}"))]
    if gone:
        return State(BROKEN, f"The engine lacks {gone[0]}: files were removed.", REPAIR, None, stamp)
    engine = Engine(python, FOLDER, stamp.backend)
    if stamp.digest != digest(requirements / f"{stamp.flavour}.txt"):
        return State(OLDER, f"The engine was installed by version {stamp.plugin}; this version was tested with other "
                     "libraries.", "Click 'Update engine' in the plugin's settings.", engine, stamp)
    device = stamp.verified.get("device", "?")
    return State(READY, f"Installed: {_title(stamp.flavour)}, Python {stamp.python}; computes on {device}.", "", engine,
                 stamp)


def _title(name: str) -> str:
    titles: List[str] = [flavour.title for flavour in FLAVOURS if flavour.name == name]
    return titles[0] if titles else name
