"""Log files of the engine: one a run, of limited size, the newest few kept."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import BinaryIO

LIMIT_BYTES = 2_000_000
KEPT = 10


class LogFile:
    """Takes what a child prints. Beyond the limit the older half moves to `NAME.old`, so the last words always stay.

    Several threads may write.

    Args:
        path: A new file; see `new_log`.
        limit_bytes: Most that the file and its `.old` hold each.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._size = 0
        self._file: BinaryIO = path.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        """Adds bytes; a full disk loses the log, not the run."""
        with self._lock:
            for start in range(0, len(data), self._limit):
                self._add(data[start:start + self._limit])

    def line(self, text: str) -> None:
        """Adds a line of our own, with the time."""
        self.write(f"[{time.strftime('%H:%M:%S')}] {text}\n".encode("utf-8", "backslashreplace"))

    def tail(self, n_bytes: int = 8192) -> str:
        """The last words."""
        with self._lock, self.path.open("rb") as file:
            file.seek(max(0, self._size - n_bytes))
            return file.read().decode("utf-8", "replace")

    def close(self) -> None:
        """Ends the log; later words are dropped."""
        with self._lock:
            self._file.close()

    def _add(self, data: bytes) -> None:
        if self._file.closed:
            return
        try:
            if self._size + len(data) > self._limit:
                self._file.close()  # Windows renames no open file
                self.path.replace(self.path.with_name(self.path.name + ".old"))
                self._file = self.path.open("wb", buffering=0)
                self._size = 0
            self._file.write(data)
            self._size += len(data)
        except OSError:
            self._file.close()


def new_log(folder: Path, name: str, limit_bytes: int = LIMIT_BYTES) -> LogFile:
    """Begins the log of a run, and removes the oldest of the same name.

    Args:
        folder: Made where it is missing.
        name: Of the stage.
        limit_bytes: See `LogFile`.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    older = sorted(folder.glob(f"{name}.*.log"), key=_age)
    for path in older[:max(0, len(older) - KEPT + 1)]:
        for gone in (path, path.with_name(path.name + ".old")):
            try:
                gone.unlink()
            except OSError:  # another QGIS writes it, or has removed it
                continue
    stamp = time.strftime("%Y%m%d-%H%M%S")
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    free = (folder / f"{name}.{stamp}-{os.getpid()}{number}.log" for number in numbers)
    return LogFile(next(path for path in free if not path.exists()), limit_bytes)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another QGIS has removed it meanwhile
        return 0.0
