"""A child process of our own: it never blocks us, and it can be ended with all that it has started."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import queue
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from .endings import explain_no_start
from .log_file import LogFile

SYSTEM = platform.system()
CHUNK_BYTES = 65536
# So much waits at most for a reader who is busy; then the child has to wait.
CHUNKS_WAITING = 64
NICE = "10"
# Of Windows' CreateProcess.
_BELOW_NORMAL_PRIORITY_CLASS = 0x4000
_CREATE_NO_WINDOW = 0x08000000

_LIVE: Set[Child] = set()


class Child:
    """A running child. What it prints on stderr goes to the log; stdout is read in pieces.

    On Linux and macOS it leads a session of its own, so that a signal reaches all that it has started. Its stdin is a
    pipe: where QGIS is killed, the pipe ends, and the engine knows.

    Args:
        words: The command.
        env: All of its environment variables.
        folder: Its working folder.
        log: Takes its stderr.
        low_priority: Other programs go first.

    Attributes:
        dismissed: It was ended because QGIS closes or the plugin is unloaded.

    Raises:
        ResourceError: It did not start.
    """

    def __init__(self, words: Sequence[str], *, env: Mapping[str, str], folder: Path, log: LogFile,
                 low_priority: bool = True) -> None:
        self.log = log
        self.dismissed = False
        self._chunks: queue.Queue[bytes] = queue.Queue(CHUNKS_WAITING)
        self._closed = threading.Event()
        self._signalled = False
        command = polite(words, SYSTEM, low_priority, shutil.which("nice"))
        try:
            _check(words[0])  # `nice` would swallow the reason
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(env),
                cwd=str(folder), bufsize=0, **start_options(SYSTEM, low_priority),
            )
        except OSError as error:
            raise explain_no_start(error, words[0] if Path(folder).is_dir() else str(folder)) from error
        _LIVE.add(self)
        self._readers = [threading.Thread(target=reader, daemon=True) for reader in (self._read_out, self._read_err)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def read(self, timeout_s: float) -> Optional[bytes]:
        """The next piece of its stdout; empty at the end; None when nothing came in time."""
        try:
            return self._chunks.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def say(self, line: str) -> None:
        """Writes a line to its stdin; a child that has ended does not hear it."""
        stdin = self._process.stdin
        with contextlib.suppress(OSError, ValueError):
            if stdin is not None:
                stdin.write(line.encode() + b"\n")

    def hang_up(self) -> None:
        """Ends its stdin: it is told nothing, and waits for no answer to a question."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def exit_code(self, timeout_s: float = 0.0) -> Optional[int]:
        """Its exit code (negative: a signal); None while it runs."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self, hard: bool) -> None:
        """Ends it and all that it has started: `hard` leaves no choice."""
        self._signalled = not hard
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            if SYSTEM == "Windows":
                subprocess.run(end_command(self.pid, os.environ), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, timeout=10, check=False,
                               creationflags=_CREATE_NO_WINDOW)
            else:
                os.killpg(self.pid, signal.SIGKILL if hard else signal.SIGTERM)

    def close(self) -> None:
        """Leaves nothing: ends what still runs, the readers and the pipes."""
        if self.exit_code() is None:
            self.end(hard=True)
            self.exit_code(5.0)
        self._closed.set()
        for reader in self._readers:
            reader.join(0.5)
        if self._signalled or any(reader.is_alive() for reader in self._readers):
            # Something that the child has started did not heed the signal, or still holds its pipes.
            self.end(hard=True)
            for reader in self._readers:
                reader.join(2.0)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
        _LIVE.discard(self)

    def _read_out(self) -> None:
        chunk = b"-"
        while chunk and not self._closed.is_set():
            chunk = _read(self._process.stdout)
            while not self._closed.is_set():
                with contextlib.suppress(queue.Full):
                    self._chunks.put(chunk, timeout=0.2)
                    break

    def _read_err(self) -> None:
        while True:
            chunk = _read(self._process.stderr)
            if not chunk:
                return
            self.log.write(chunk)


def any_runs() -> bool:
    """True while a child of this QGIS runs."""
    return any(child.exit_code() is None for child in list(_LIVE))


def end_all(patience_s: float = 1.0) -> None:
    """Ends every child that still runs. For the moment when the plugin is unloaded or QGIS closes."""
    living = [child for child in list(_LIVE) if child.exit_code() is None]
    for child in living:
        child.dismissed = True
        child.end(hard=False)
    until = time.monotonic() + patience_s
    for child in living:
        if child.exit_code(max(0.0, until - time.monotonic())) is None:
            child.end(hard=True)


def polite(words: Sequence[str], system: str, low_priority: bool, nice: Optional[str]) -> List[str]:
    """The command, behind `nice` where that gives way to other programs; it keeps the process number."""
    lead = [nice, "-n", NICE] if low_priority and nice and system != "Windows" else []
    return [*lead, *words]


def start_options(system: str, low_priority: bool) -> Dict[str, Any]:
    """What `subprocess.Popen` needs on a system, so that the child has no window and can be ended as a tree."""
    if system == "Windows":
        return {"creationflags": _CREATE_NO_WINDOW | (_BELOW_NORMAL_PRIORITY_CLASS if low_priority else 0)}
    return {"start_new_session": True}


def end_command(pid: int, environ: Mapping[str, str]) -> List[str]:
    """Windows' way to end a tree of processes; programs without a window know no milder way."""
    root = next((value for name, value in environ.items() if name.upper() == "SYSTEMROOT"), r"C:\Windows")
    return [root + r"\System32\taskkill.exe", "/T", "/F", "/PID", str(pid)]


def _check(program: str) -> None:
    if Path(program).is_absolute():
        Path(program).stat()
        if not os.access(program, os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), program)


def _read(pipe: Any) -> bytes:
    try:
        return os.read(pipe.fileno(), CHUNK_BYTES)
    except (OSError, ValueError):  # closed
        return b""
