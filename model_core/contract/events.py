"""What a stage tells while it works, and the shape of the lines that carry it to QGIS.

A stage only knows `Report`. The command line draws bars from it, the wire writes JSON lines, tests record it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from .errors import Cancelled, MtlError

VERSION = 1


class Report:
    """Receives what a stage tells; this base class stays silent. Subclasses override `emit`."""

    def __init__(self) -> None:
        self._phase_start: Optional[float] = None
        self._phase_fraction = 0.0

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
        self._phase_start, self._phase_fraction = time.monotonic(), 0.0
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
        # A resumed part begins above 0, so the speed is taken from what this process did itself.
        if self._phase_start is None or fraction >= 1:
            return None
        elapsed = time.monotonic() - self._phase_start
        if self._phase_fraction == 0.0 and fraction > 0 and elapsed < 0.5:
            self._phase_fraction = fraction
        done = fraction - (self._phase_fraction if self._phase_fraction < fraction else 0.0)
        if done <= 0 or elapsed < 1.0:
            return None
        return round(elapsed * (1 - fraction) / done)


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
