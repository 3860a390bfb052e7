"""The command line: `mtl STAGE --option value ...` for people and `mtl run job.json` for QGIS and batch work.

Nothing heavy is imported before a stage is known, so that help answers at once.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import traceback
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import __version__
from .contract.errors import Cancelled, MtlError, UsageError
from .contract.events import Report, Result
from .contract.fields import to_dict
from .contract.job import Job, make_job, read_job
from .contract.stages import STAGES

PATH_ROLES = ("raster", "vector", "file", "folder", "output_folder", "output_file")
HELP_GROUPS = ("Input", "Output", "Training", "Network", "Split", "Grid", "Polygons", "Augmentation", "Device")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs one command and returns its exit code (contract.errors; 0 = done)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if words[0] == "--version":
        print(f"mtl {__version__}")
        return 0
    if words[0] == "run":
        return _run_job_file(words[1:])
    from .console import Console

    console = Console()
    try:
        job = _parse(words[0], words[1:])
    except MtlError as error:
        return console.fail(error)
    with console:
        return _run(job, console)


def run_stage(job: Job, report: Report) -> Result:
    """Runs a job's stage; the one place that turns a stage's name into its code."""
    module = importlib.import_module(f".stages.{STAGES[job.stage].module}", __package__)
    result: Result = module.run(job.params, report)
    return result


def _run(job: Job, front: Any) -> int:
    """`front` is the console or the wire: both are a Report with `done`, `fail` and `bug`."""
    try:
        return int(front.done(run_stage(job, front)))
    except MtlError as error:
        return int(front.fail(error))
    except KeyboardInterrupt:
        return int(front.fail(Cancelled("cancelled", "Stopped at once.", "What was finished before is kept.")))
    except Exception:  # a bug: the person gets one sentence, the log the traceback
        return int(front.bug(traceback.format_exc()))


def _run_job_file(words: List[str]) -> int:
    values: Dict[str, str] = {}
    paths = [word for word in words if not word.startswith("--")]
    for word in words:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            values[name] = value
    front = _front(values.pop("events", "auto"))
    try:
        if len(paths) != 1 or set(values) - {"out"}:
            raise UsageError("cli.run", "Expected: mtl run JOB.json [--out=FOLDER] [--events=json|bars].")
        job = read_job(Path(paths[0]))
        if "out" in values:
            job = make_job(job.stage, {**to_dict(job.params), "out": values["out"]})
        job = _with_absolute_paths(job)
    except MtlError as error:
        return int(front.fail(error))
    with front:
        return _run(job, front)


def _front(kind: str) -> Any:
    if kind == "json" or (kind == "auto" and not sys.stdout.isatty()):
        from .wire import Wire

        return Wire()
    from .console import Console

    return Console()


def _parse(stage: str, words: List[str]) -> Job:
    """Reads a stage's options with tyro; the limits are the contract's own."""
    if stage not in STAGES:
        raise UsageError("cli.stage", f"There is no command {stage!r}.", "See: mtl --help.")
    import tyro

    cls = STAGES[stage].params_class()
    preset = _option(words, "--preset")
    base = _defaults(stage, preset)
    parsed = tyro.cli(_described(cls, base), args=words, prog=f"mtl {stage}", description=cls.__doc__)
    values = {f.name: getattr(parsed, f.name) for f in dataclasses.fields(parsed)}
    for f in dataclasses.fields(cls):
        if f.metadata.get("role") == "bands" and values[f.name]:
            values[f.name] = [band for word in values[f.name] for band in word.split(",") if band]
    return _with_absolute_paths(make_job(stage, values))


def _defaults(stage: str, preset: Optional[str]) -> Dict[str, Any]:
    """Default values of a stage's parameters under a preset, unchecked (inputs are still missing)."""
    from .contract.presets import preset_values

    cls = STAGES[stage].params_class()
    values = {f.name: f.default for f in dataclasses.fields(cls)}
    if preset is not None:
        values.update(preset_values(cls, preset), preset=preset)
    return values


def _described(cls: Any, defaults: Dict[str, Any]) -> Any:
    """A copy of a params class in tyro's terms: help texts and choices come from the field metadata."""
    import typing

    import tyro

    hints = typing.get_type_hints(cls)
    rows = []
    for f in sorted(dataclasses.fields(cls), key=_help_order):
        hint = hints[f.name]
        choices = f.metadata.get("choices")
        if choices:
            options: Any = typing.Literal[tuple(choices)]  # type: ignore[valid-type]
            hint = typing.Tuple[options, ...] if isinstance(f.default, tuple) else options
        note = typing.Annotated[hint, tyro.conf.arg(help=f.metadata["help"])]  # type: ignore[valid-type]
        rows.append((f.name, note, dataclasses.field(default=defaults[f.name])))
    return dataclasses.make_dataclass(cls.__name__, rows, frozen=True)


def _help_order(f: dataclasses.Field[Any]) -> Tuple[bool, int]:
    """Everyday options first, then by group."""
    group = f.metadata.get("group", "")
    return f.metadata.get("advanced", False), HELP_GROUPS.index(group) if group in HELP_GROUPS else len(HELP_GROUPS)


def _option(words: List[str], name: str) -> Optional[str]:
    for i, word in enumerate(words):
        if word == name and i + 1 < len(words):
            return words[i + 1]
        if word.startswith(name + "="):
            return word[len(name) + 1:]
    return None


def _with_absolute_paths(job: Job) -> Job:
    """A job that means the same from any folder."""
    changed = {}
    for f in dataclasses.fields(job.params):
        value, role = getattr(job.params, f.name), f.metadata.get("role")
        if value and role in PATH_ROLES:
            changed[f.name] = tuple(map(_absolute, value)) if isinstance(value, tuple) else _absolute(value)
    return Job(job.stage, dataclasses.replace(job.params, **changed))


def _absolute(text: str) -> str:
    if text.startswith("/vsi"):
        return text
    file, bar, layer = text.partition("|")
    return str(Path(file).expanduser().absolute()) + bar + layer


def _overview() -> str:
    lines = [
        "usage: mtl COMMAND [options]      mtl COMMAND --help",
        "       mtl run JOB.json [--out=FOLDER] [--events=json|bars]",
        "",
        "Maps landslides through time from satellite images.",
    ]
    width = max(map(len, STAGES)) + 3
    for group in dict.fromkeys(stage.group for stage in STAGES.values()):
        lines += ["", group]
        lines += [f"  {s.name:<{width}}{s.title}" for s in STAGES.values() if s.group == group]
    return "\n".join(lines)
