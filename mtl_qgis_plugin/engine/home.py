"""The folder of the engine's environments: where it lies, what is in it, who works on it.

HOME/env/0.1.0-py312-cpu    an environment; its engine.json is written last, so without it it is none
HOME/cache, tmp, uv, python    of the installation
HOME/logs, jobs    of the runs
HOME/own.json    a Python of the analyst's that was tried and works
HOME/lock    held while something is changed here
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from .child import SYSTEM
from .door import errors, jsonfile

NAME = "mtl-engine"
STAMP = "engine.json"
FORMAT = 1
PARTS = ("env", "cache", "tmp", "uv", "python", "logs", "jobs", "own.json", "lock")
# Windows refuses longer paths unless the machine was told otherwise; the longest name in TensorFlow has 163 letters.
_PATH_LIMIT = 259
_LONGEST_BELOW = len("/env/0.10.10-py312-nvidia-windows-2/Lib/site-packages/") + 163


@dataclass(frozen=True)
class Stamp:
    """What an environment says of itself.

    Attributes:
        plugin: Version of the plugin that made it.
        python: Version of its Python.
        flavour: Name of its build; "own" for an own Python.
        backend: What Keras computes with.
        digest: Of the list of versions.
        program: Its interpreter.
        base: The real program behind it, which may go with an older QGIS or system.
        verified: What it found when it was tried.
    """

    plugin: str
    python: str
    flavour: str
    backend: str
    digest: str
    program: str
    base: str
    verified: Dict[str, Any] = field(default_factory=dict)


def default_home(system: str, environ: Mapping[str, str], person: Path) -> Path:
    """Where the engine goes unless the analyst chooses: outside QGIS's profile, which an update of the plugin empties.

    Args:
        system: As `platform.system()` says.
        environ: QGIS's variables.
        person: The person's own folder.
    """
    if system == "Windows":
        # LOCALAPPDATA does not travel with roaming profiles. The name is short, see `too_long`.
        return Path(environ.get("LOCALAPPDATA") or person / "AppData" / "Local") / NAME
    if system == "Darwin":
        return person / "Library" / "Application Support" / NAME
    return Path(environ.get("XDG_DATA_HOME") or person / ".local" / "share") / NAME


def home_below(chosen: Path) -> Path:
    """The engine's own folder below one that the analyst chose: nothing beside it is ever removed."""
    return chosen if chosen.name == NAME else chosen / NAME


def too_long(home: Path, system: str) -> bool:
    """True where Windows would refuse the names of some files."""
    return system == "Windows" and len(str(home)) + _LONGEST_BELOW > _PATH_LIMIT


def environments(home: Path) -> List[Path]:
    """The whole environments, the newest first."""
    folder = home / "env"
    found = [path.parent for path in folder.glob(f"*/{STAMP}")] if folder.is_dir() else []
    return sorted(found, key=lambda path: (path / STAMP).stat().st_mtime_ns, reverse=True)


def new_folder(home: Path, name: str) -> Path:
    """A folder that does not exist yet: environments cannot be moved, so each is made in its place."""
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(path for path in (home / "env" / name for name in names) if not path.exists())


def write_stamp(path: Path, stamp: Stamp) -> None:
    """Makes an environment whole, in one step."""
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps({"format": FORMAT, **asdict(stamp)}, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def read_stamp(path: Path) -> Optional[Stamp]:
    """What was written; None where it is missing or no stamp of ours."""
    try:
        data = jsonfile.read_json(path)
        if data.pop("format") != FORMAT:
            return None
        return Stamp(**data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Within it no other QGIS changes this folder. The system opens the lock when its owner dies.

    Raises:
        ResourceError: Another QGIS is at it.
        OutputError: The folder cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = (home / "lock").open("a+b")
    except OSError as error:
        raise errors.OutputError("engine.folder", f"{home} cannot be written ({error.strerror or error}).",
                                 "Choose another folder for the engine in the plugin's settings.") from error
    with file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise errors.ResourceError("engine.busy", "Another QGIS is installing or removing the engine.",
                                       "Wait until it has ended.") from error
        yield


def sweep(home: Path, keep: Optional[Path] = None) -> None:
    """Removes what broken installations left, and all environments but `keep` if that is given."""
    folder = home / "env"
    whole = set(environments(home))
    for path in folder.iterdir() if folder.is_dir() else ():
        if path != keep and (keep is not None or path not in whole):
            remove_tree(path)
    remove_tree(home / "tmp")


def remove_all(home: Path) -> None:
    """Removes the engine, and its folder unless other files lie there.

    Raises:
        OutputError: Something is in use, or this is no folder of ours.
    """
    if home.name != NAME:
        raise errors.OutputError("engine.folder", f"{home} is no folder of the engine.", "Remove it by hand.")
    with locked(home):
        for folder in environments(home):
            remove_tree(folder)
        left = [str(home / part) for part in PARTS if part != "lock" and not remove_tree(home / part)]
    with contextlib.suppress(OSError):
        (home / "lock").unlink()
    if left:
        raise errors.OutputError("engine.in-use", f"{left[0]} could not be removed: it is in use.",
                                 "End all work of the engine, close other QGIS windows, and try again.")
    with contextlib.suppress(OSError):  # something of the analyst's is in it
        home.rmdir()


def remove_tree(path: Path) -> bool:
    """Removes a file or folder; False where something of it is in use."""
    if path.is_file() or path.is_symlink():
        with contextlib.suppress(OSError):
            path.unlink()
        return not path.exists()
    if not path.exists():
        return True
    # An environment without its stamp is none, whatever happens to the rest.
    with contextlib.suppress(OSError):
        (path / STAMP).unlink()
    for pause_s in (0.0, 0.5, 1.0):  # virus scanners hold new files for a moment
        time.sleep(pause_s)
        shutil.rmtree(path, onerror=_make_writable)
        if not path.exists():
            return True
    return False


def size_mb(folders: List[Path]) -> float:
    """Size of the files below some folders; one with several names counts once."""
    total, waiting = 0.0, [str(folder) for folder in folders]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        status = entry.stat(follow_symlinks=False)
                        total += status.st_size / max(1, status.st_nlink)
    return total / 1e6


def _make_writable(function: Any, path: str, _: Any) -> None:
    with contextlib.suppress(OSError):
        Path(path).parent.chmod(0o700)
        Path(path).chmod(0o700)
        function(path)


def _lock(descriptor: int) -> None:
    if SYSTEM == "Windows":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # of Windows only
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
