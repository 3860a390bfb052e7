"""Keeps the computer from falling asleep while the engine works. What cannot be had is done without."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import Callable, Iterator, List, Optional

from .child import SYSTEM, start_options
from .child_environment import child_environment

WHY = "Landslides are being mapped"
# Of Windows' SetThreadExecutionState.
_ES_CONTINUOUS = 0x80000000
_ES_SYSTEM_REQUIRED = 0x00000001


@contextlib.contextmanager
def kept_awake(wanted: bool = True) -> Iterator[None]:
    """Within it the system does not sleep by itself; the screen may go dark.

    To be used in the thread that waits for the engine: Windows counts it for that thread.
    """
    if not wanted:
        yield
    elif SYSTEM == "Windows":
        _tell_windows(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
        try:
            yield
        finally:
            _tell_windows(_ES_CONTINUOUS)
    else:
        helper = _start(awake_command(SYSTEM, shutil.which))
        try:
            yield
        finally:
            _end(helper)


def awake_command(system: str, which: Callable[[str], Optional[str]]) -> Optional[List[str]]:
    """The helper of Linux and macOS. It waits for `cat`, and `cat` for the end of its stdin, so it outlives nobody."""
    leads = {
        "Linux": ["systemd-inhibit", "--what=idle:sleep", "--who=QGIS", f"--why={WHY}", "--mode=block"],
        "Darwin": ["caffeinate", "-i", "-s"],
    }
    if system not in leads:
        return None
    name, *options = leads[system]
    program, cat = which(name), which("cat")
    return [program, *options, cat] if program and cat else None


def _start(command: Optional[List[str]]) -> Optional[subprocess.Popen[bytes]]:
    if command is None:
        return None
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=child_environment(os.environ, SYSTEM), **start_options(SYSTEM, False))
    except OSError:
        return None


def _end(helper: Optional[subprocess.Popen[bytes]]) -> None:
    if helper is None or helper.stdin is None:
        return
    with contextlib.suppress(OSError):
        helper.stdin.close()
    try:
        helper.wait(2.0)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()


def _tell_windows(state: int) -> None:
    import ctypes

    windll = getattr(ctypes, "windll", None)
    if windll is not None:
        windll.kernel32.SetThreadExecutionState(ctypes.c_uint(state))
