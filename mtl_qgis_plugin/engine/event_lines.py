"""Turns what comes out of the engine's stdout into events. What is no event is counted, not believed."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from .door import events

# The longest events are results with many files; beyond this it is no event.
LIMIT_BYTES = 4_000_000
Event = Dict[str, Any]


class EventLines:
    """Takes bytes as they come, gives events as they are whole.

    Attributes:
        n_garbage_bytes: So much was no event.
        garbage: The beginning of what was no event, for the log.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.n_garbage_bytes = 0
        self.garbage = b""
        self._limit = limit_bytes
        self._parts: List[bytes] = []
        self._n_bytes = 0

    def feed(self, chunk: bytes) -> List[Event]:
        """The events that this chunk completes."""
        *lines, rest = chunk.split(b"\n")
        found = []
        for line in lines:
            self._keep(line)
            event = self._finish()
            if event is not None:
                found.append(event)
        self._keep(rest)
        return found

    def end(self) -> None:
        """Nothing more comes: a line that was begun is garbage."""
        self._waste(b"".join(self._parts))
        self._parts, self._n_bytes = [], 0

    def _keep(self, part: bytes) -> None:
        self._n_bytes += len(part)
        if self._n_bytes > self._limit:  # not kept in memory, however long the line gets
            self._waste(b"".join(self._parts) + part)
            self._parts = []
        elif part:
            self._parts.append(part)

    def _finish(self) -> Optional[Event]:
        too_long = self._n_bytes > self._limit
        line = b"".join(self._parts)
        self._parts, self._n_bytes = [], 0
        if too_long or not line.strip():
            return None
        event = _event(line)
        if event is None:
            self._waste(line + b"\n")
        return event

    def _waste(self, data: bytes) -> None:
        self.n_garbage_bytes += len(data)
        self.garbage = (self.garbage + data[:1000])[:1000]


def _event(line: bytes) -> Optional[Event]:
    """The event in a line, with all that the contract says of its kind; events of unknown kinds pass."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        event = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    return event if set(events.KINDS.get(event["event"], ())) <= set(event) else None
