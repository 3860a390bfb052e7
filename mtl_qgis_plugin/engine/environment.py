"""The engine's environment: make it, repair it, try it, remove it.

A new environment is made beside the old one and counts once it has been tried: whatever breaks before leaves the old
one as it was. Repairing is making it again.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from . import home as homes
from .child import SYSTEM, Child, any_runs
from .child_environment import child_environment
from .door import FOLDER, REQUIREMENTS, VERSION, errors, events
from .flavours import SPARE_MB, Flavour
from .hardware import machine
from .home import Stamp
from .installing import (
    MANAGED_PYTHON,
    Source,
    Way,
    choose_way,
    explain_failure,
    install_command,
    make_command,
    variables,
)
from .job_file import write_job
from .log_file import LogFile, new_log
from .process import Engine, Manners, run_job
from .pythons import find_pythons, find_uv, probe, program_behind, python_of
from .states import State, digest, find

OWN_PYTHONS = ((3, 11), (3, 14))
# Parts of the progress.
_INSTALLED = 0.85
_END_S = 3.0


def make(home: Path, flavour: Flavour, report: events.Report, *, proxy: Optional[Mapping[str, str]] = None,
         wheels: Optional[Path] = None, index_url: Optional[str] = None, requirements: Path = REQUIREMENTS) -> State:
    """Installs the engine, or installs it again. For a worker thread: it takes minutes.

    Args:
        home: The engine's folder.
        flavour: Which build.
        report: Is told the progress, and asked for a wish to stop.
        proxy: See `installing.proxy_variables`.
        wheels: Folder with all packages, for machines without a network.
        index_url: Instead of the flavour's own index.
        requirements: Folder of the lists of versions.

    Returns:
        The new state, which is ready.

    Raises:
        Cancelled: It was stopped; what was fetched is kept for the next time.
        ResourceError: It cannot be installed, or does not work; `details["log"]` is the path of the log.
        OutputError: The folder cannot be used.
    """
    listed = requirements / f"{flavour.name}.txt"
    if not listed.is_file():
        raise errors.ResourceError("install.no-list", f"This release has no list of versions for: {flavour.title}.",
                                   "Choose another build, or your own Python.")
    _check_idle()
    _check_place(home, flavour)
    source = Source(listed, flavour.index_url if index_url is None else index_url, wheels)
    with homes.locked(home):
        log = _open_log(home)
        folder = None
        try:
            homes.sweep(home)
            report.stage("Looking for Python")
            way = choose_way(flavour, find_pythons(), find_uv(home), SYSTEM, wheels is not None)
            setup = _Setup(home, log, report, variables(home, proxy))
            if way.uv_by is not None:
                way = Way(None, _fetch_uv(setup, way, requirements))
            folder = _make_folder(setup, way, flavour, source)
            _try_and_stamp(folder, flavour, listed, home, report)
        except errors.MtlError as error:
            error.details.setdefault("log", str(log.path))
            raise
        except OSError as error:
            raise _unwritable(home, error) from error
        finally:
            log.close()
            if folder is not None and not (folder / homes.STAMP).exists():
                homes.remove_tree(folder)
        homes.sweep(home, keep=folder)
        homes.remove_tree(home / "cache")
    report.progress(1.0, "Installed")
    return find(home, requirements=requirements)


def use_own(home: Path, python: Path, report: events.Report, backend: str = "tensorflow") -> State:
    """Tries a Python of the analyst's and remembers that it works.

    Raises:
        ResourceError: It is no Python or of another version, lacks libraries, or the network does not compute.
    """
    report.stage("Trying the Python")
    found = probe(python)
    if not OWN_PYTHONS[0] <= found.version[:2] <= OWN_PYTHONS[1] or found.bits != 64:
        low, high = (".".join(map(str, version)) for version in OWN_PYTHONS)
        raise errors.ResourceError(
            "python.version", f"{python} is Python {_dotted(found.version)} of {found.bits} bit.",
            f"The engine needs Python {low} to {high} of 64 bit.", path=str(python),
        )
    with homes.locked(home):
        try:
            verified = verify(Engine(python, FOLDER, backend), home, report)
        except errors.MtlError as error:
            if error.code == "engine.incomplete":
                error.hint = f"Install the libraries there: {python} -m pip install -r {REQUIREMENTS / 'cpu.txt'}"
            raise
        stamp = Stamp(VERSION, _dotted(found.version), "own", backend, "", str(python), program_behind(python),
                      verified)
        homes.write_stamp(home / "own.json", stamp)
    return find(home, python)


def remove(home: Path) -> None:
    """Removes the engine with everything in its folder that is not the analyst's.

    Raises:
        ResourceError: It is at work.
        OutputError: Something is in use by another program.
    """
    _check_idle()
    homes.remove_all(home)


def verify(engine: Engine, home: Path, report: events.Report) -> Dict[str, Any]:
    """Tries an engine: reads and writes images and layers, trains and predicts with a tiny network.

    Returns:
        What `doctor` found: device, why, backend, libraries.

    Raises:
        MtlError: It does not work.
    """
    trial = home / "tmp" / f"trial-{os.getpid()}"
    homes.remove_tree(trial)
    report.stage("Trying images and layers")
    sample = {"out": str(trial / "sample"), "kind": "pair", "size_px": 128, "n_landslides": 3}
    try:
        _try(engine, "sample", sample, home, report, trial)
        report.stage("Training and predicting with a tiny network")
        return dict(_try(engine, "doctor", {}, home, report, trial).summary)
    finally:
        homes.remove_tree(trial)


def _try(engine: Engine, stage: str, values: Dict[str, Any], home: Path, report: events.Report,
         trial: Path) -> events.Result:
    job = write_job(stage, values, trial)
    return run_job(engine, job, home / "logs", stopped=report.cancelled, manners=Manners(low_priority=False))


def _check_idle() -> None:
    if any_runs():
        raise errors.ResourceError("engine.at-work", "The engine is at work in this QGIS.",
                                   "Wait until it has ended, or stop it.")


def _check_place(home: Path, flavour: Flavour) -> None:
    if homes.too_long(home, SYSTEM):
        raise errors.OutputError("engine.path", f"The path {home} is too long for Windows.",
                                 "Choose a folder with a shorter path for the engine, for example C:\\mtl-engine.")
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    need, free = flavour.disk_mb + SPARE_MB, shutil.disk_usage(there).free / 1e6
    if free < need:
        raise errors.OutputError(
            "install.no-space", f"The engine needs {need / 1000:.1f} GB, but {there} has {free / 1000:.1f} GB left.",
            "Free some space, or choose another folder for the engine in the plugin's settings.",
        )


def _open_log(home: Path) -> LogFile:
    try:
        return new_log(home / "logs", "install")
    except OSError as error:
        raise _unwritable(home, error) from error


def _unwritable(home: Path, error: OSError) -> errors.OutputError:
    return errors.OutputError("engine.folder", f"{home} cannot be written ({error.strerror or error}).",
                              "Free some space, or choose another folder for the engine in the plugin's settings.")


@dataclass(frozen=True)
class _Setup:
    """What all steps of an installation need."""

    home: Path
    log: LogFile
    report: events.Report
    extra: Mapping[str, str]


def _fetch_uv(setup: _Setup, way: Way, requirements: Path) -> Path:
    """uv, installed by a Python that is too old for the engine; uv then brings one that fits."""
    folder = setup.home / "uv"
    homes.remove_tree(folder)
    old = Way(way.uv_by)
    setup.report.stage("Fetching uv")
    _run(setup, make_command(old, folder, SYSTEM, machine()))
    _run(setup, install_command(old, folder, Source(requirements / "uv.txt"), SYSTEM))
    return python_of(folder, SYSTEM).with_name("uv.exe" if SYSTEM == "Windows" else "uv")


def _make_folder(setup: _Setup, way: Way, flavour: Flavour, source: Source) -> Path:
    """An environment with all libraries, not yet tried."""
    setup.report.stage("Making the environment")
    version = MANAGED_PYTHON if way.base is None else _dotted(way.base.version[:2])
    beside = homes.new_folder(setup.home, f"{VERSION}-py{version.replace('.', '')}-{flavour.name}")
    try:
        _run(setup, make_command(way, beside, SYSTEM, machine()))
        made = probe(python_of(beside, SYSTEM))
        if not made.is_environment:
            raise errors.ResourceError("install.no-environment", f"{beside} is no environment of its own.",
                                       "Choose your own Python in the plugin's settings.")
        setup.report.stage("Fetching and installing the libraries")
        total_mb = flavour.disk_mb + (flavour.download_mb if way.uv is None and source.wheels is None else 0)
        places = [beside, setup.home / "cache", setup.home / "tmp"]

        most_mb = 0.0

        def measure() -> None:
            nonlocal most_mb
            done_mb = most_mb = max(most_mb, homes.size_mb(places))  # pip removes what it has unpacked
            fraction = min(_INSTALLED * done_mb / total_mb, _INSTALLED)
            setup.report.progress(fraction, f"{done_mb:,.0f} of about {total_mb:,} MB")

        _run(setup, install_command(way, beside, source, SYSTEM), measure, source.wheels is not None)
    except BaseException:
        homes.remove_tree(beside)
        raise
    return beside


def _try_and_stamp(folder: Path, flavour: Flavour, listed: Path, home: Path, report: events.Report) -> None:
    """Tries a new environment and makes it count."""
    python = python_of(folder, SYSTEM)
    found = probe(python)
    verified = verify(Engine(python, FOLDER, flavour.backend), home, report)
    if flavour.for_gpu and "(gpu)" not in str(verified.get("device")):
        report.warn(f"The graphics card is not used: the engine computes on {verified.get('device')}. "
                    f"{verified.get('why')} Update the card's driver, then click 'Repair engine'.")
    stamp = Stamp(VERSION, _dotted(found.version), flavour.name, flavour.backend, digest(listed), str(python),
                  program_behind(python), verified)
    homes.write_stamp(folder / homes.STAMP, stamp)


def _run(setup: _Setup, words: Sequence[str], measure: Callable[[], None] = lambda: None,
         offline: bool = False) -> None:
    """Runs one command of an installation; its words go to the log."""
    (setup.home / "tmp").mkdir(parents=True, exist_ok=True)
    setup.log.line(" ".join(words))
    env = child_environment(os.environ, SYSTEM, installing=True, extra=setup.extra)
    child = Child(words, env=env, folder=setup.home, log=setup.log, low_priority=False)
    child.hang_up()
    try:
        measured, chunk = time.monotonic(), None
        while chunk != b"":
            chunk = child.read(0.2)
            setup.log.write(chunk or b"")
            setup.report.check()
            # Counting thousands of files costs; so it is done now and then.
            if time.monotonic() - measured > 2.0:
                measure()
                measured = time.monotonic()
        code = child.exit_code(30.0)
    except errors.Cancelled:
        child.end(hard=False)
        child.exit_code(_END_S)
        raise
    finally:
        child.close()
    if code != 0:
        setup.log.line(f"It ended with exit code {code}.")
        raise explain_failure(setup.log.tail(), offline)


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
