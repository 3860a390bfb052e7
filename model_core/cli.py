"""The command line: `mtl STAGE --option value ...` for people and `mtl run job.json` for QGIS and batch work.

Nothing heavy is imported before a stage is known, so that help answers at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import difflib
import functools
import os
import sys
import traceback
import typing
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from . import __version__
from .contract.errors import Cancelled, MtlError, ResourceError, UsageError
from .contract.job import Job, make_job, read_job, with_absolute_paths
from .contract.paths import absolute
from .contract.stages import STAGES
from .stages import run_stage

# Of glibc's malloc.h: M_ARENA_MAX, M_MMAP_THRESHOLD (the most that it takes) and M_TRIM_THRESHOLD.
_HEAP = ((-8, 1), (-3, 32 * 2**20), (-1, 256 * 2**20))
HELP = ("-h", "--help", "help")
HELP_GROUPS = ("Input", "Output", "Training", "Network", "Split", "Grid", "Polygons", "Density", "Augmentation",
               "Device")
RUN_HELP = """usage: mtl run JOB.json [--out FOLDER] [--resume] [--events json|bars]

Runs a job file, such as the job.json beside earlier results. Relative paths in it begin at the folder of the file.

  --out FOLDER        new folder for the results, instead of the one that the job names
  --resume            goes on with a training that was stopped
  --events json|bars  how to tell the progress; default: bars in a terminal, else events as JSON lines on stdout, and
                      on stdin, if that is a pipe, the line "cancel" or its end stops the work"""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs one command and returns its exit code (contract.errors; 0 = done)."""
    words = list(sys.argv[1:] if argv is None else argv)
    share_heap()
    try:
        return _command(words)
    except KeyboardInterrupt:
        return Cancelled.exit_code
    finally:
        _flush()


def share_heap() -> None:
    """One heap for all threads, which keeps what is freed; to be asked for before there are any.

    The C library of Linux gives each thread a heap of its own, in which large images leave 0.2 GB that others lack. It
    also takes new memory for every large image and gives it back, which costs half as much as reading the image.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such setting
            libc = ctypes.CDLL(None)
            for setting, value in _HEAP:
                libc.mallopt(setting, value)


def _command(words: List[str]) -> int:
    if not words or words[0] in HELP:
        print(_overview())
    elif words[0] == "--version":
        print(f"mtl {__version__}")
    elif words[0] != "run":
        return _serve(_front("bars"), lambda: _parse(words[0], words[1:]))
    elif set(words) & set(HELP):
        print(RUN_HELP)
    else:
        return _serve(_front(_option(words, "--events")), lambda: _read(words[1:]))
    return 0


def _serve(front: Any, job_of: Callable[[], Job]) -> int:
    """Runs a job. `front` is the console or the wire: both are a Report with `done`, `fail` and `bug`."""
    try:
        job = job_of()
    except Exception as error:
        return _failed(front, error)
    with front:
        try:
            return int(front.done(run_stage(job, front)))
        except (Exception, KeyboardInterrupt) as error:
            return _failed(front, error)


def _flush() -> None:
    """Writes out what is left here, where a reader that has gone can be met; at the interpreter's end it cannot."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()


def _forget_stdout() -> None:
    """`mtl ... | head` has read enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _failed(front: Any, error: BaseException) -> int:
    if isinstance(error, BrokenPipeError):
        _forget_stdout()
        return 1
    if isinstance(error, KeyboardInterrupt):
        error = Cancelled("cancelled", "Stopped at once.")
    if isinstance(error, MemoryError):
        error = ResourceError("memory", "The memory does not suffice for this much ground at a time.",
                              "Give a smaller area of interest or larger pixels, or use a machine with more memory.")
    if isinstance(error, MtlError):
        return int(front.fail(error))
    # A bug: the person gets one sentence, the log the traceback.
    return int(front.bug("".join(traceback.format_exception(error))))


def _front(events: Optional[str]) -> Any:
    if events == "json" or (events != "bars" and not sys.stdout.isatty()):
        from .wire import Wire

        return Wire()
    from .console import Console

    return Console()


def _read(words: List[str]) -> Job:
    """Reads the job file that is named after `run`."""
    values: Dict[str, str] = {}
    files = []
    rest = iter(words)
    for word in rest:
        name, sign, value = word.partition("=")
        if name in ("--out", "--events"):
            values[name] = value if sign else next(rest, "")
        elif word == "--resume":
            values[word] = "yes"
        else:
            files.append(word)
    unknown = [file for file in files if file.startswith("-")]
    events, out = values.get("--events", "json"), values.get("--out", "given by the job")
    if unknown or len(files) != 1 or events not in ("json", "bars") or not out or out.startswith("--"):
        what = f"mtl run does not know {unknown[0]}." if unknown else "That is no complete command."
        raise UsageError("cli.run", what, "Expected: mtl run JOB.json [--out FOLDER] [--resume] [--events json|bars].")
    changes: Dict[str, Any] = {"resume": True} if "--resume" in values else {}
    if "--out" in values:
        changes["out"] = absolute(values["--out"], Path.cwd())
    return read_job(Path(files[0]), **changes)


def _parse(stage: str, words: List[str]) -> Job:
    """Reads a stage's options with tyro; the limits are the contract's own."""
    if stage not in STAGES:
        raise UsageError("cli.stage", f"There is no command {stage!r}.", _meant(stage))
    lead = STAGES[stage].lead
    if lead and words and not words[0].startswith("-"):
        words = [f"--{lead}", *words]
    import tyro

    names = [word.partition("=")[0].replace("_", "-") for word in words if word.startswith("--")]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:  # the first one would be lost without a word
        raise UsageError("cli.twice", f"The option {twice} is given twice.",
                         f"Give {twice} once; where it takes several values, all after it.")
    cls = STAGES[stage].params_class()
    options = _options(cls, _defaults(stage, _option(words, "--preset")))
    about = f"{cls.__doc__}\n\nThe first word may be the value of --{lead}." if lead else cls.__doc__
    parsed = tyro.cli(options, args=words, prog=f"mtl {stage}", description=about)
    return with_absolute_paths(make_job(stage, dataclasses.asdict(parsed)), Path.cwd())


def _defaults(stage: str, preset: Optional[str]) -> Dict[str, Any]:
    """Default values of a stage's parameters under a preset, unchecked (inputs are still missing)."""
    from .contract.presets import preset_values

    cls = STAGES[stage].params_class()
    values = {f.name: f.default for f in dataclasses.fields(cls)}
    if preset is not None:
        values.update(preset_values(cls, preset), preset=preset)
    return values


def _options(cls: Any, defaults: Dict[str, Any]) -> Any:
    """A copy of a params class in tyro's terms; what a value may be is the contract's own affair."""
    import tyro

    hints = typing.get_type_hints(cls)
    rows = []
    for f in sorted(dataclasses.fields(cls), key=_help_order):
        hint, default = hints[f.name], defaults[f.name]
        marks: List[Any] = [tyro.conf.arg(help=f.metadata["help"], help_behavior_hint=_default_shown(default))]
        if hint is not bool:
            marks.append(tyro.constructors.PrimitiveConstructorSpec(
                nargs="*" if isinstance(f.default, tuple) else 1,
                metavar=_metavar(f, hint),
                instance_from_str=functools.partial(_value, f, hint),
                is_instance=lambda _: True,
                str_from_instance=lambda value: [str(value)],
            ))
        rows.append((f.name, typing.Annotated[(hint, *marks)], dataclasses.field(default=default)))
    return dataclasses.make_dataclass(cls.__name__, rows, frozen=True)


def _value(f: dataclasses.Field[Any], hint: Any, words: List[str]) -> Any:
    """What an option's words say; words that are no number stay words, for the contract to refuse them by name."""
    many = isinstance(f.default, tuple)
    if many and f.metadata["role"] not in ("raster", "vector"):  # a file's name may have commas
        words = [part.strip() for word in words for part in word.split(",") if part.strip()]
    kinds = [kind for kind in (int, float) if kind in (hint, *typing.get_args(hint))]
    values = [_number(kinds[0], word) if kinds else word for word in words]
    return tuple(values) if many else values[0]


def _number(kind: Callable[[str], Any], word: str) -> Any:
    try:
        return kind(word)
    except ValueError:
        return word


def _metavar(f: dataclasses.Field[Any], hint: Any) -> str:
    """What stands for the value in the help."""
    roles = {"raster": "FILE", "vector": "FILE", "file": "FILE", "folder": "FOLDER", "output_folder": "FOLDER",
             "crs": "CRS", "date": "YYYY-MM-DD", "model": "MODEL", "bands": "NAME"}
    number = "N" if "int" in str(hint) else "X" if "float" in str(hint) else "TEXT"
    word = roles.get(f.metadata["role"], number)
    if f.metadata["choices"]:
        word = "{" + ",".join(map(str, f.metadata["choices"])) + "}"
    return f"{word} [{word} ...]" if isinstance(f.default, tuple) else word


def _default_shown(default: Any) -> str:
    """Of an option's help; nothing where it is simply not given."""
    if default in (None, "", ()):
        return ""
    if isinstance(default, bool):
        return f"(default: {'yes' if default else 'no'})"
    return f"(default: {' '.join(map(str, default)) if isinstance(default, tuple) else default})"


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


def _meant(command: str) -> str:
    close = difflib.get_close_matches(command, [*STAGES, "run"], n=1)
    return f"Did you mean {close[0]}? See: mtl --help." if close else "See: mtl --help."


def _overview() -> str:
    lines = [
        "usage: mtl COMMAND [options]      mtl COMMAND --help",
        "       mtl run JOB.json [options]      mtl run --help",
        "",
        "Maps landslides through time from satellite images.",
    ]
    width = max(map(len, STAGES)) + 3
    for group in dict.fromkeys(stage.group for stage in STAGES.values()):
        lines += ["", group]
        lines += [f"  {s.name:<{width}}{s.title}" for s in STAGES.values() if s.group == group]
    return "\n".join(lines)
