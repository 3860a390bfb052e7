"""Runs a job in the engine's process and answers with its result, or with one clear error.

The engine writes JSON events on its stdout. A run has succeeded only where the engine ended with exit code 0 *and* has
told a result; whatever else happens raises.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

from .child import SYSTEM, Child
from .child_environment import child_environment
from .door import errors, events, jsonfile, stages
from .endings import REPAIR, REPORT, Words, error_of, explain_end
from .event_lines import Event, EventLines
from .keep_awake import kept_awake
from .log_file import LogFile, new_log

# -I: neither PYTHONPATH nor a numpy.py beside the data takes part; so the folder comes onto the path here.
START = ("import sys,runpy; sys.path.insert(0,sys.argv.pop(1)); "
         "runpy.run_module('model_core',run_name='__main__',alter_sys=True)")
POLL_S = 0.2
GARBAGE_BYTES = 1_000_000
# Each library has its own name for the number of its threads; a stage's parameter `threads` goes before.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GDAL_NUM_THREADS",
            "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
CANCELLED: Words = ("cancelled", "The work was stopped on request.", "")


@dataclass(frozen=True)
class Engine:
    """Where the engine is.

    Attributes:
        python: Its interpreter.
        folder: Holds model_core and weights.
        backend: What Keras computes with: "tensorflow", "torch" or "jax".
    """

    python: Path
    folder: Path
    backend: str = "tensorflow"


@dataclass(frozen=True)
class Manners:
    """How a run behaves on the analyst's machine.

    Attributes:
        low_priority: Other programs go first.
        cores: Most processor threads; None: all.
        keep_awake: The computer does not fall asleep meanwhile.
    """

    low_priority: bool = True
    cores: Optional[int] = None
    keep_awake: bool = True


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        silent: A sign of life comes every 2 s; after so much silence the analyst is told.
        hung: After so much silence the engine is ended. Loading libraries through a virus scanner holds up the signs of
            life for a minute and more.
        leaving: From the result to the end of the process.
        cancel: From the request to stop to the signal to end; the current batch may take so long.
        end: From that signal to the one that cannot be refused.
    """

    silent: float = 30.0
    hung: float = 300.0
    leaving: float = 60.0
    cancel: float = 10.0
    end: float = 3.0


Listener = Callable[[Event], None]
Stopped = Callable[[], bool]


def run_job(engine: Engine, job_file: Path, log_folder: Path, listen: Listener = lambda event: None,
            stopped: Stopped = lambda: False, manners: Manners = Manners(),
            patience: Patience = Patience()) -> events.Result:
    """Runs a job to its end. For a worker thread: it blocks.

    Args:
        engine: Which engine.
        job_file: See `job_file.write_job`.
        log_folder: Gets the log of this run.
        listen: Is given every event in this thread: those of the contract, and the plugin's own `stopping` (once, at
            the latest 0.2 s after `stopped`) and `silent` (with `seconds`).
        stopped: True once the analyst wants to stop; asked several times a second.
        manners: Priority, cores, sleep.
        patience: How long to wait for a silent engine.

    Returns:
        What the stage left.

    Raises:
        Cancelled: It was stopped.
        MtlError: What the engine says, or why it says nothing; `details["log"]` is the path of the log.
    """
    try:
        log = new_log(log_folder, _stage_of(job_file))
    except OSError as error:
        raise errors.OutputError("engine.log", f"No log can be written to {log_folder} ({error.strerror or error}).",
                                 "Choose another folder for the engine in the plugin's settings.") from error
    try:
        with kept_awake(manners.keep_awake):
            return _run(engine, job_file, log, listen, stopped, manners, patience)
    except errors.MtlError as error:
        error.details["log"] = str(log.path)
        raise
    finally:
        log.close()


def command(engine: Engine, words: List[str]) -> List[str]:
    """The command that starts the engine."""
    return [str(engine.python), "-I", "-u", "-c", START, str(engine.folder), *words]


def environment_of(engine: Engine, manners: Manners) -> Dict[str, str]:
    """The engine's environment variables."""
    extra = {"KERAS_BACKEND": engine.backend}
    if manners.cores is not None:
        extra.update((name, str(manners.cores)) for name in _THREADS)
    return child_environment(os.environ, SYSTEM, extra=extra)


def _stage_of(job_file: Path) -> str:
    """The stage's name; what is wrong with the file the engine itself says best."""
    try:
        stage = jsonfile.read_json(job_file)["stage"]
    except (OSError, ValueError, TypeError, KeyError):
        return "job"
    return str(stage) if stage in stages.STAGES else "job"


def _run(engine: Engine, job_file: Path, log: LogFile, listen: Listener, stopped: Stopped, manners: Manners,
         patience: Patience) -> events.Result:
    words = command(engine, ["run", str(job_file), "--events", "json"])
    log.line(" ".join(words))
    child = Child(words, env=environment_of(engine, manners), folder=job_file.parent, log=log,
                  low_priority=manners.low_priority)
    try:
        talk = _Talk(child, listen, patience)
        while talk.going():
            if stopped():
                talk.stop()
        code = child.exit_code(patience.leaving) if talk.verdict is None else None
    finally:
        child.close()
    return talk.outcome(code)


@dataclass
class _Talk:
    """What has been said in a run."""

    child: Child
    listen: Listener
    patience: Patience
    verdict: Optional[Words] = None  # why we ended it
    _lines: EventLines = field(default_factory=EventLines)
    _greeted: bool = False
    _result: Optional[Event] = None
    _failure: Optional[Event] = None
    _silent_s: float = 0.0
    _told_silent: bool = False
    _asked: Optional[float] = None  # when the engine was asked to stop
    _signalled: Optional[float] = None

    def going(self) -> bool:
        """Takes what comes within a moment; False at the end of the talk."""
        began = time.monotonic()
        chunk = self.child.read(POLL_S)
        if chunk == b"" or (chunk is None and self._is_dead()):
            self._lines.end()
            return False
        found = self._lines.feed(chunk) if chunk else []
        for event in found:
            self._take(event)
        if found:
            self._silent_s, self._told_silent = 0.0, False
        else:
            # A computer that slept counts one moment, whatever its clock says.
            self._silent_s += min(time.monotonic() - began, 2 * POLL_S)
        self._judge()
        if self._asked is not None:
            self._press()
        return self.verdict is None

    def stop(self) -> None:
        """Asks the engine to stop, once."""
        if self._asked is None:
            self._asked = time.monotonic()
            self.child.say("cancel")
            self.listen({"event": "stopping"})

    def outcome(self, code: Optional[int]) -> events.Result:
        """The result, or the reason why there is none."""
        log = self.child.log
        if self._lines.n_garbage_bytes:
            log.line(f"{self._lines.n_garbage_bytes} bytes on stdout were no events: {self._lines.garbage!r} ...")
        log.line(f"The engine ended with exit code {code}.")
        if code == 0 and self._result is not None:
            return events.Result(self._result["outputs"], self._result["summary"])
        if self._failure is not None:
            raise self._told_failure(self._failure, code)
        if self._asked is not None or self.child.dismissed:
            raise error_of(errors.Cancelled.exit_code, CANCELLED)
        raise error_of(errors.ResourceError.exit_code, self.verdict or self._unexplained(code))

    def _take(self, event: Event) -> None:
        kind = event["event"]
        if kind == "hello":
            self._greeted = True
            if event["version"] != events.VERSION:
                self.verdict = ("engine.version", f"The engine speaks version {event['version']} of the events, the "
                                f"plugin version {events.VERSION}.", f"They are not of one release. {REPAIR}")
        elif kind == "result":
            self._result = event
        elif kind == "failure":
            self._failure = event
        self.listen(event)

    def _judge(self) -> None:
        """Decides whether to wait on."""
        garbage = self._lines.n_garbage_bytes
        if garbage > GARBAGE_BYTES or (garbage and not self._greeted and self._silent_s > POLL_S):
            self.verdict = ("engine.garbled", "The engine's answers cannot be understood.",
                            f"Another program may stand in its place. {REPAIR}")
        elif self._silent_s > (self.patience.hung if self._result is None else self.patience.leaving):
            self.verdict = ("engine.hung", f"The engine has given no sign of life for {self._silent_s:.0f} s and was "
                            "ended.", f"Run it again. If it happens again: {REPORT[0].lower()}{REPORT[1:]}")
        elif self._silent_s > self.patience.silent and not self._told_silent:
            self._told_silent = True
            self.listen({"event": "silent", "seconds": round(self._silent_s)})

    def _is_dead(self) -> bool:
        """True where the engine has ended, though something that it has started still holds its stdout."""
        return self._silent_s > 2 * POLL_S and self.child.exit_code() is not None

    def _press(self) -> None:
        """After a request to stop: first patience, then the signal, then the end."""
        now = time.monotonic()
        if self._signalled is None and now - (self._asked or now) > self.patience.cancel:
            self._signalled = now
            self.child.end(hard=False)
        elif self._signalled is not None and now - self._signalled > self.patience.end:
            self.verdict = CANCELLED

    def _told_failure(self, event: Event, code: Optional[int]) -> errors.MtlError:
        words = (str(event["code"]), str(event["message"]), str(event["hint"]))
        details = event["details"] if isinstance(event["details"], dict) else {}
        if words[0] == "internal":
            # What is a bug to the engine may be a broken installation.
            known = explain_end(1, str(details.get("error", "")), SYSTEM)
            if known[0] != "engine.died":
                return error_of(errors.ResourceError.exit_code, known)
        details = {name: value for name, value in details.items() if name not in ("code", "message", "hint", "self")}
        return error_of(code or 1, words, details)

    def _unexplained(self, code: Optional[int]) -> Words:
        if code is None:
            return ("engine.hung", "The engine's process did not end.", f"Run it again. {REPORT}")
        if code == 0 and self._lines.n_garbage_bytes:
            return ("engine.garbled", "The engine's answers cannot be understood.", REPORT)
        if code == 0:
            return ("engine.no-result", "The engine ended without a result.", REPORT)
        return explain_end(code, self.child.log.tail(), SYSTEM)
