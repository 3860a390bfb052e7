"""JSON event lines on stdout for QGIS, one event a line; requests to stop come in on stdin.

Both are taken before any framework loads. Whatever else a library prints goes to stderr. And nobody else has the stdin
that a thread waits for: on Windows libraries look at it while they load, and would wait too (numpy issue 24290).
"""

from __future__ import annotations

import json
import math
import os
import platform
import stat
import sys
import threading
from typing import Any, Callable, Optional

from . import __version__
from .contract import events
from .contract.errors import Cancelled, MtlError

HEARTBEAT_S = 2.0
# Nobody is there any more when stdin ends or stdout is closed; a stage that does not look up within this time is ended
# the hard way.
ORPHAN_GRACE_S = 10.0
INTERNAL_ERROR = 1


class Wire(events.Report):
    """A report that writes JSON lines. Use it as a context manager around the work."""

    def __init__(self) -> None:
        super().__init__()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._gone = threading.Event()
        self._lock = threading.Lock()
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._in = _take_stdin()
        python = platform.python_version()
        self.emit("hello", version=events.VERSION, engine=__version__, python=python, pid=os.getpid())

    def __enter__(self) -> Wire:
        threading.Thread(target=self._beat, daemon=True).start()
        if self._in is not None:
            threading.Thread(target=self._listen, args=(self._in,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()

    def emit(self, kind: str, **values: Any) -> None:
        """Writes one event; a reader that has gone away counts as a request to stop."""
        # ASCII: no line separator of Unicode splits an event, and a file name that is no UTF-8 passes too.
        line = json.dumps({"event": kind, **_plain(values)}, default=str, allow_nan=False) + "\n"
        with self._lock:
            try:
                self._out.write(line.encode("ascii"))
                self._out.flush()
            except (OSError, ValueError):
                self._gone.set()
                self._stop.set()

    def cancelled(self) -> bool:
        """True once stdin said `cancel`, or nobody is there any more."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raises `Cancelled` when the analyst asked to stop or QGIS has ended."""
        if self._gone.is_set():
            raise Cancelled("cancelled.orphan", "The program that started the engine has closed the connection.",
                            "In a script, start the engine with < /dev/null, so that it waits for nobody.")
        super().check()

    def done(self, result: events.Result) -> int:
        """Writes the result event."""
        self.emit("result", outputs=result.outputs, summary=result.summary)
        return 0

    def fail(self, error: MtlError) -> int:
        """Writes the failure event and returns the exit code."""
        self.emit("failure", **events.failure(error))
        return error.exit_code

    def bug(self, text: str) -> int:
        """Reports an error that nobody foresaw; the traceback goes to the log."""
        print(text, file=sys.stderr, flush=True)
        self.emit("failure", code="internal", message="The engine met an error that it does not know.",
                  hint="Please report it with the log file.", details={"error": text.strip().splitlines()[-1]})
        return INTERNAL_ERROR

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            self.emit("heartbeat")
            if self._gone.is_set():
                self._leave()

    def _listen(self, stdin: int) -> None:
        rest = b""
        while chunk := _read(stdin):
            *lines, rest = (rest + chunk).split(b"\n")
            if any(line.strip() == b"cancel" for line in lines):
                self._stop.set()
        self._leave()

    def _leave(self) -> None:
        """Nobody is there any more: asks the stage to stop, and ends the process where it does not."""
        self._gone.set()
        self._stop.set()
        if not self._ended.wait(ORPHAN_GRACE_S):
            os._exit(Cancelled.exit_code)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Windows' way to say that the pipe is broken
        return b""


def _take_stdin() -> Optional[int]:
    """The pipe from QGIS; None where stdin is a terminal, a file or /dev/null (cron), whose end is no wish to stop."""
    try:
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return None
    except OSError:  # there is no stdin at all
        return None
    taken = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return taken


def _plain(value: Any) -> Any:
    """JSON-ready copy: what is no number becomes null, numpy scalars numbers, tuples lists."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    item: Optional[Callable[[], Any]] = getattr(value, "item", None)
    if item is not None:
        value = item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
