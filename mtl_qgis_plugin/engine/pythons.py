"""Finds the Pythons and the uv that an environment can be made with.

`sys.executable` inside QGIS is qgis-bin.exe, or simply the first python3 on PATH: it is never taken unseen. Every
candidate is started and asked what it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Iterable, List, Mapping, Optional, Tuple

from .child import SYSTEM, start_options
from .child_environment import child_environment, clean_path
from .door import errors
from .endings import explain_no_start
from .hardware import ask, machine

# The best tried first.
VERSIONS = ((3, 12), (3, 13), (3, 11), (3, 14))
PROBE_S = 60.0
_PROBE = """
import importlib.util, json, platform, struct, sys
has = lambda name: importlib.util.find_spec(name) is not None
print(json.dumps({"version": list(sys.version_info[:3]), "bits": struct.calcsize("P") * 8, "prefix": sys.prefix,
    "base": sys.base_prefix, "machine": platform.machine(), "can_make": has("venv") and has("ensurepip")}))
"""


@dataclass(frozen=True)
class Python:
    """An interpreter that has answered.

    Attributes:
        path: The program.
        version: Three numbers.
        bits: 64, or 32, for which the libraries have no builds.
        machine: The processor that it was built for.
        prefix: Its own folder.
        base: The folder of the Python that it was made from; equal to `prefix` outside environments.
        can_make: It has venv and ensurepip, which Debian keeps in a package of their own.
    """

    path: Path
    version: Tuple[int, ...]
    bits: int
    machine: str
    prefix: str
    base: str
    can_make: bool

    @property
    def is_environment(self) -> bool:
        """True for an environment's Python."""
        return self.prefix != self.base


def probe(path: Path) -> Python:
    """Asks an interpreter what it is.

    Raises:
        ResourceError: It does not start, or is no Python.
    """
    try:
        run = subprocess.run([str(path), "-I", "-c", _PROBE], env=child_environment(os.environ, SYSTEM),
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_S, check=False,
                             **start_options(SYSTEM, False))
        told = json.loads(run.stdout.decode("utf-8", "replace").strip().splitlines()[-1])
        return Python(path, tuple(told["version"]), told["bits"], told["machine"], told["prefix"], told["base"],
                      told["can_make"])
    except OSError as error:
        raise explain_no_start(error, str(path)) from error
    except (ValueError, KeyError, IndexError, TypeError, subprocess.TimeoutExpired) as error:
        raise errors.ResourceError("python.no-python", f"{path} does not answer as Python does.",
                                   "Choose the program python (python.exe) of a Python 3.11 to 3.13.",
                                   path=str(path)) from error


def find_pythons(lowest: Tuple[int, int] = (3, 6)) -> List[Python]:
    """All Pythons of this machine that answer, fit it and can be the base of an environment, the best first."""
    found: List[Python] = []
    here = machine()
    for candidate in candidates(SYSTEM, os.environ, sys.exec_prefix, which=_which):
        if not Path(candidate).exists():
            continue
        try:
            python = probe(Path(candidate))
        except errors.MtlError:
            continue
        known = [other.base for other in found if other.version == python.version]
        if not python.is_environment and python.bits == 64 and python.version >= lowest and python.base not in known \
                and python.machine.lower() == here:
            found.append(python)
    ranks = {version: rank for rank, version in enumerate(VERSIONS)}
    return sorted(found, key=lambda python: ranks.get((python.version[0], python.version[1]), len(ranks)))


def fitting(pythons: Iterable[Python], versions: Tuple[Tuple[int, int], Tuple[int, int]]) -> List[Python]:
    """Those whose version lies between two, both included."""
    return [python for python in pythons if versions[0] <= python.version[:2] <= versions[1]]


def candidates(system: str, environ: Mapping[str, str], exec_prefix: str, which: Any) -> List[str]:
    """Where to look, without looking.

    Args:
        system: As `platform.system()` says.
        environ: QGIS's variables.
        exec_prefix: `sys.exec_prefix` of QGIS's Python.
        which: Finds a program by name, or None.
    """
    if system == "Windows":
        return list(dict.fromkeys(_on_windows({name.upper(): value for name, value in environ.items()}, exec_prefix)))
    names = [f"python{major}.{minor}" for major, minor in VERSIONS]
    found = [which(name) for name in names]
    folders = ["/opt/homebrew/bin", "/usr/local/bin"] if system == "Darwin" else ["/usr/bin", "/usr/local/bin"]
    found += [f"{folder}/{name}" for folder in folders for name in names]
    if system == "Darwin":
        found += [f"/Library/Frameworks/Python.framework/Versions/{name[6:]}/bin/{name}" for name in names]
    own = PurePosixPath(exec_prefix) / "bin"
    found += [str(own / name) for name in [*names, "python3"]] + [which("python3"), "/usr/bin/python3"]
    return list(dict.fromkeys(path for path in found if path))


def find_uv(home: Path) -> Optional[Path]:
    """The program uv: on the PATH, where its installer puts it, or where we did."""
    for place in uv_places(SYSTEM, os.environ, home):
        if place.is_file():
            return place
    found = _which("uv")
    # A stand-in, such as pyenv's, only says that there is no such version.
    return Path(found) if found and ask([found, "--version"]) else None


def uv_places(system: str, environ: Mapping[str, str], home: Path) -> List[Path]:
    """Where uv may lie outside the PATH."""
    if system == "Windows":
        given = {name.upper(): value for name, value in environ.items()}
        person = given.get("USERPROFILE")
        links = given.get("LOCALAPPDATA")
        return [home / "uv" / "Scripts" / "uv.exe",
                *([Path(person) / ".local" / "bin" / "uv.exe"] if person else []),
                *([Path(links) / "Microsoft" / "WinGet" / "Links" / "uv.exe"] if links else [])]
    person = environ.get("HOME")
    places = [home / "uv" / "bin" / "uv"]
    places += [Path(person) / ".local" / "bin" / "uv", Path(person) / ".cargo" / "bin" / "uv"] if person else []
    return [*places, Path("/opt/homebrew/bin/uv")] if system == "Darwin" else places


def python_of(environment: Path, system: str = SYSTEM) -> Path:
    """The interpreter of an environment."""
    return environment / ("Scripts/python.exe" if system == "Windows" else "bin/python")


def program_behind(python: Path, system: str = SYSTEM) -> str:
    """The program behind an interpreter: an environment's is a link, on Windows a starter that reads pyvenv.cfg."""
    if system != "Windows":
        return os.path.realpath(python)
    try:
        lines = (python.parent.parent / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return str(python)
    rows = (line.partition("=") for line in lines)
    folders = [value.strip() for name, _, value in rows if name.strip() == "home"]
    return str(Path(folders[0]) / "python.exe") if folders else str(python)


def _on_windows(environ: Mapping[str, str], exec_prefix: str) -> List[str]:
    # python.exe on the PATH is not among them: it may be the stub that opens the Microsoft Store.
    folders = [PureWindowsPath(exec_prefix)]
    for name, below in (("OSGEO4W_ROOT", "apps"), ("LOCALAPPDATA", "Programs/Python"), ("PROGRAMFILES", ""),
                        ("SYSTEMDRIVE", "")):
        if environ.get(name):
            root = environ[name] + "\\" if name == "SYSTEMDRIVE" else environ[name]
            folders += [PureWindowsPath(root) / below / f"Python{major}{minor}" for major, minor in VERSIONS]
    return [str(folder / "python.exe") for folder in folders]


def _which(name: str) -> Optional[str]:
    return shutil.which(name, path=clean_path(os.environ.get("PATH", ""), os.environ, SYSTEM))
