"""JSON event lines on stdout for QGIS, one event a line; requests to stop come in on stdin.

The real stdout is taken before any framework loads: whatever else a library prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
import threading
from typing import Any, Callable, Optional

from . import __version__
from .contract import events
from .contract.errors import MtlError

HEARTBEAT_S = 2.0
# The parent died when stdin closes; a stage that does not look up within this time is ended the hard way.
ORPHAN_GRACE_S = 10.0
INTERNAL_ERROR = 1


class Wire(events.Report):
    """A report that writes JSON lines. Use it as a context manager around the work."""

    def __init__(self) -> None:
        super().__init__()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        python = platform.python_version()
        self.emit("hello", version=events.VERSION, engine=__version__, python=python, pid=os.getpid())

    def __enter__(self) -> Wire:
        threading.Thread(target=self._beat, daemon=True).start()
        if _is_pipe(sys.stdin):
            threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()

    def emit(self, kind: str, **values: Any) -> None:
        """Writes one event; a reader that has gone away counts as a request to stop."""
        line = json.dumps({"event": kind, **values}, ensure_ascii=False, default=str, allow_nan=False)
        with self._lock:
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except (BrokenPipeError, ValueError):
                self._stop.set()

    def metric(self, name: str, step: int, value: float) -> None:
        """A number for a curve; JSON has no NaN, so an undefined one is null."""
        self.emit("metric", name=name, step=step, value=value if value == value else None)

    def cancelled(self) -> bool:
        """True once stdin said `cancel` or was closed."""
        return self._stop.is_set()

    def done(self, result: events.Result) -> int:
        """Writes the result event."""
        self.emit("result", outputs=result.outputs, summary=_plain(result.summary))
        return 0

    def fail(self, error: MtlError) -> int:
        """Writes the failure event and returns the exit code."""
        self.emit("failure", **events.failure(error))
        return error.exit_code

    def bug(self, text: str) -> int:
        """Reports an error that nobody foresaw; the traceback goes to the log."""
        print(text, file=sys.stderr)
        self.emit("failure", code="internal", message="The engine met an error that it does not know.",
                  hint="Please report it with the log file.", details={"error": text.strip().splitlines()[-1]})
        return INTERNAL_ERROR

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            self.emit("heartbeat")

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == "cancel":
                self._stop.set()
        # End of file: nobody is there any more.
        self._stop.set()
        if not self._ended.wait(ORPHAN_GRACE_S):
            os._exit(4)


def _is_pipe(stream: Optional[Any]) -> bool:
    # A terminal or /dev/null (cron) is nobody's wish to stop; only a pipe is QGIS.
    try:
        return stream is not None and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _plain(value: Any) -> Any:
    """JSON-ready copy: NaN becomes null, numpy scalars numbers, tuples lists."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    item: Optional[Callable[[], Any]] = getattr(value, "item", None)
    if item is not None:
        value = item()
    return None if isinstance(value, float) and value != value else value
