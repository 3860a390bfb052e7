"""What a stage tells while it works, and the shape of the lines that carry it to QGIS.

A stage only knows `Report`. The command line draws bars from it, the wire writes JSON lines, tests record it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from .errors import Cancelled, MtlError

VERSION = 1

# What each kind of event says beside its own name. Readers ignore kinds and values that they do not know, so more of
# them may come; VERSION counts up when one of these changes its meaning or goes.
KINDS: Dict[str, Tuple[str, ...]] = {
    "hello": ("version", "engine", "python", "pid"),
    "stage": ("name",),
    "progress": ("fraction", "message", "eta_s"),
    "metric": ("name", "step", "value"),
    "log": ("level", "message"),
    "heartbeat": (),
    "result": ("outputs", "summary"),
    "failure": ("code", "message", "hint", "details"),
}
# The remaining time is told after this long.
MEASURED_S = 1.0


class Report:
    """Receives what a stage tells; this base class stays silent. Subclasses override `emit`."""

    def __init__(self) -> None:
        self._first: Optional[Tuple[float, float]] = None

    def emit(self, kind: str, **values: Any) -> None:
        """Takes one event. `kind` is one of stage, progress, metric, log."""

    def cancelled(self) -> bool:
        """True when the analyst asked to stop."""
        return False

    def check(self) -> None:
        """Raises `Cancelled` when the analyst asked to stop. Call it between batches and windows."""
        if self.cancelled():
            raise Cancelled("cancelled", "The work was stopped on request.")

    def stage(self, name: str) -> None:
        """A new part of the work begins; the remaining time is estimated anew from here."""
        self._first = None
        self.emit("stage", name=name)

    def progress(self, fraction: float, message: str = "") -> None:
        """`fraction` of the current part is done, 0 to 1. Also checks for a request to stop."""
        self.check()
        self.emit("progress", fraction=round(min(max(fraction, 0.0), 1.0), 4), message=message,
                  eta_s=self._remaining(fraction))

    def metric(self, name: str, step: int, value: float) -> None:
        """A number worth a curve, for example `val_loss` after training epoch `step`."""
        self.emit("metric", name=name, step=step, value=float(value))

    def log(self, message: str, level: str = "info") -> None:
        """A line for the log; `level` is info or warning."""
        self.emit("log", level=level, message=message)

    def warn(self, message: str) -> None:
        """Something that the analyst should know, though the work goes on."""
        self.log(message, "warning")

    def _remaining(self, fraction: float) -> Optional[int]:
        # The speed is taken from the first sign of progress on: before it a network is compiled, and a resumed part
        # begins above 0.
        now = time.monotonic()
        if self._first is None:
            self._first = now, fraction
        since, start = self._first
        if fraction >= 1 or fraction <= start or now - since < MEASURED_S:
            return None
        return round((now - since) * (1 - fraction) / (fraction - start))


@dataclass(frozen=True)
class Result:
    """What a stage leaves: files by role, and the numbers worth saying in one glance."""

    outputs: Dict[str, str]
    summary: Dict[str, Any] = field(default_factory=dict)


class Recorder(Report):
    """Keeps every event in `events`, for tests and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.events: List[Dict[str, Any]] = []

    def emit(self, kind: str, **values: Any) -> None:
        """Keeps the event."""
        self.events.append({"event": kind, **values})


def failure(error: MtlError) -> Dict[str, Any]:
    """The values of a `failure` event."""
    return {"code": error.code, "message": error.message, "hint": error.hint, "details": error.details}
