"""What a person sees in a terminal: bars with the time left, warnings, and where the results are."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional

from rich import box
from rich.console import Console as Terminal
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from .contract import events
from .contract.errors import Cancelled, MtlError

INTERNAL_ERROR = 1
# Into a file or a pipe tables need not be squeezed into the 80 columns that rich then assumes.
PIPE_WIDTH = 120


class Console(events.Report):
    """A report for people. Use it as a context manager around the work."""

    def __init__(self) -> None:
        super().__init__()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
                stream.reconfigure(errors="replace")
        self._terminal = _terminal(stderr=False)
        self._bars = Progress(
            TextColumn("{task.description:<26}"), BarColumn(24), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), TextColumn("{task.fields[left]}"), TextColumn("{task.fields[message]}"),
            console=self._terminal, disable=not self._terminal.is_terminal,
        )
        self._task: Optional[TaskID] = None
        self._interrupts = 0
        self._before: Any = None
        self._stderr: Optional[int] = None
        self._log = Path()
        self._keep_log = False

    def __enter__(self) -> Console:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        self._silence_libraries()
        self._bars.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._bars.stop()
        self._restore_stderr()
        if not self._keep_log:
            self._log.unlink()
        signal.signal(signal.SIGINT, self._before)

    def cancelled(self) -> bool:
        """True after the first Ctrl-C."""
        return self._interrupts > 0

    def emit(self, kind: str, **values: Any) -> None:
        """Draws one event."""
        if kind == "stage":
            self._finish()
            if not self._terminal.is_terminal:
                self._terminal.print(f"{values['name']} ...")
            self._task = self._bars.add_task(values["name"], total=1.0, left="", message="")
        elif kind == "progress" and self._task is not None:
            left = values["eta_s"]
            text = f"{_clock(left)} left" if left is not None and values["fraction"] < 1 else ""
            self._bars.update(self._task, completed=values["fraction"], left=text, message=escape(values["message"]))
        elif kind == "log":
            style = "[yellow]Note:[/] " if values["level"] == "warning" else ""
            self._bars.console.print(style + escape(values["message"]))

    def done(self, result: events.Result) -> int:
        """Prints the numbers and where the files are."""
        self._finish()
        self._bars.stop()
        for name, value in result.summary.items():
            self._show(name, value)
        for role, path in result.outputs.items():
            self._terminal.print(f"  {role.replace('_', ' ')}: ", escape(path), sep="", soft_wrap=True)
        return 0

    def fail(self, error: MtlError) -> int:
        """Prints what happened and what to do, and returns the exit code."""
        self._bars.stop()
        self._restore_stderr()
        problems = _terminal(stderr=True)
        problems.print(f"[red]{escape(error.message)}[/]", soft_wrap=True)
        if error.hint:
            problems.print(escape(error.hint), soft_wrap=True)
        return error.exit_code

    def bug(self, text: str) -> int:
        """Reports an error that nobody foresaw; the traceback goes to the log file."""
        self._bars.stop()
        if self._stderr is None:
            self._silence_libraries()
        with self._log.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(text)
        self._keep_log = True
        self._restore_stderr()
        problems = _terminal(stderr=True)
        last = text.strip().splitlines()[-1]
        problems.print(f"[red]The engine met an error that it does not know:[/] {escape(last)}", soft_wrap=True)
        problems.print(f"Please report it with this file: {escape(str(self._log))}", soft_wrap=True)
        return INTERNAL_ERROR

    def _silence_libraries(self) -> None:
        """Frameworks write pages of hints to stderr, from C code too; they go to a log file."""
        log, name = tempfile.mkstemp(prefix="mtl-", suffix=".log")
        self._log = Path(name)
        sys.stderr.flush()
        self._stderr = os.dup(2)
        os.dup2(log, 2)
        os.close(log)

    def _restore_stderr(self) -> None:
        if self._stderr is not None:
            sys.stderr.flush()
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            self._stderr = None

    def _finish(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=1.0, left="")

    def _interrupt(self, *_: Any) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            self._bars.console.print("Stopping after this step; press Ctrl-C again to stop at once.")
        elif self._interrupts == 2:
            raise KeyboardInterrupt
        else:  # clearing up takes too long
            os._exit(Cancelled.exit_code)

    def _show(self, name: str, value: Any) -> None:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            self._terminal.print(_table(name, value))
        elif isinstance(value, dict):
            self._terminal.print(_table(name, [value]))
        else:
            self._terminal.print(f"  {escape(name.replace('_', ' '))}: {escape(_text(value))}", soft_wrap=True)


def _terminal(stderr: bool) -> Terminal:
    stream = sys.stderr if stderr else sys.stdout
    return Terminal(stderr=stderr, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


def _table(name: str, rows: List[Dict[str, Any]]) -> Table:
    table = Table(title=escape(name.replace("_", " ")), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
                  pad_edge=False)
    known = [key for key in dict.fromkeys(key for row in rows for key in row)
             if any(row.get(key) is not None for row in rows)]
    for column in known:
        numeric = all(isinstance(row.get(column), (int, float, type(None))) for row in rows)
        table.add_column(escape(column.replace("_", " ")), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(escape(_text(row.get(column))) for column in known))
    return table


def _text(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, float):
        if abs(value) >= 100:
            return f"{value:,.0f}"
        return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.1e}"
    return str(value)


def _clock(seconds: int) -> str:
    minutes, s = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{s:02}" if hours else f"{minutes}:{s:02}"
