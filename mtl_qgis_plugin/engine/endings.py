"""What it means that a child did not start, or ended as it should not: one sentence, and what to do."""

from __future__ import annotations

import errno
import re
import signal
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from .door import errors

Words = Tuple[str, str, str]  # code, message, hint
REPAIR = "Click 'Repair engine' in the plugin's settings."
REPORT = "Please report it with the log file."
_SMALLER = "Close other programs, give a smaller area or a smaller batch, or use a machine with more memory."

_MEMORY: Words = ("engine.memory", "The engine's memory did not suffice and the system ended it.", _SMALLER)
_CRASH: Words = ("engine.crashed", "The engine crashed.", f"Try again with the device cpu. {REPORT}")
_PROCESSOR: Words = ("engine.processor", "This machine's processor lacks instructions that the network's library "
                     "needs.", "Use a machine with AVX instructions (most since 2013), or an own Python with a "
                     "library built for this processor.")
_LIBRARIES: Words = ("engine.libraries", "A library of the engine cannot be loaded.",
                     f"{REPAIR} On Windows also install the Microsoft Visual C++ Redistributable.")
_STOPPED: Words = ("engine.stopped", "Another program ended the engine.", "Run it again.")

_SIGNALS = {"SIGKILL": _MEMORY, "SIGILL": _PROCESSOR, "SIGTERM": _STOPPED, "SIGINT": _STOPPED, "SIGHUP": _STOPPED,
            "SIGSEGV": _CRASH, "SIGBUS": _CRASH, "SIGABRT": _CRASH, "SIGFPE": _CRASH, "SIGTRAP": _CRASH}
# NTSTATUS values, which Windows gives as exit codes.
_NTSTATUS = {0xC0000017: _MEMORY, 0xC000012D: _MEMORY, 0xC00000FD: _CRASH, 0xC0000005: _CRASH, 0xC0000374: _CRASH,
             0xC0000409: _CRASH, 0xC000001D: _PROCESSOR, 0xC0000135: _LIBRARIES, 0xC0000139: _LIBRARIES,
             0xC000007B: _LIBRARIES, 0xC0000142: _LIBRARIES, 0xC000013A: _STOPPED, 0x40010004: _STOPPED}
_LAST_WORDS = (
    (re.compile(r"MemoryError|bad_alloc|[Oo]ut of memory|Cannot allocate memory|RESOURCE_EXHAUSTED"), _MEMORY),
    (re.compile(r"DLL load failed|cannot open shared object|Library not loaded"), _LIBRARIES),
    (re.compile(r"Illegal instruction|was compiled to use \w+ instructions"), _PROCESSOR),
)
_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?")
# Windows' reasons not to start a program.
_BLOCKED = {5: "access is denied", 225: "the virus scanner takes it for harmful", 1260: "a group policy forbids it",
            4551: "the application control forbids it", 577: "it has no signature that this machine trusts"}


def explain_end(code: int, last_words: str, system: str) -> Words:
    """Why a child ended that gave no account of itself.

    Args:
        code: Exit code; negative: the signal, as `subprocess` has it.
        last_words: The end of its log.
        system: As `platform.system()` says.
    """
    missing = _NO_MODULE.findall(last_words)
    if missing:
        return "engine.incomplete", f"The engine lacks the library {missing[-1]}.", REPAIR
    for pattern, words in _LAST_WORDS:
        if pattern.search(last_words):
            return words
    if system == "Windows":
        known = _NTSTATUS.get(code & 0xFFFFFFFF)
        return known or ("engine.died", f"The engine ended unexpectedly (exit code {code & 0xFFFFFFFF:#x}).", REPORT)
    if code < 0:
        return _SIGNALS.get(_signal_name(-code), _CRASH)
    return "engine.died", f"The engine ended unexpectedly (exit code {code}).", REPORT


def explain_no_start(error: OSError, program: str) -> errors.MtlError:
    """Why a program did not start at all."""
    reason = _BLOCKED.get(getattr(error, "winerror", None) or 0)
    if reason is None and error.errno in (errno.EACCES, errno.EPERM):
        reason = "access is denied"
    if reason is not None:
        return errors.ResourceError(
            "engine.blocked", f"This machine does not let {Path(program).name} start: {reason}.",
            f"Ask your administrator to allow {program}, or install the engine into a folder from which programs may "
            "run.", program=program,
        )
    if isinstance(error, FileNotFoundError) or error.errno in (errno.ENOENT, errno.ENOTDIR):
        return errors.ResourceError("engine.missing", f"{program} is not there.", REPAIR, program=program)
    if error.errno in (errno.ENOMEM, errno.EAGAIN):
        return errors.ResourceError("engine.memory", "There is too little memory to start the engine.", _SMALLER)
    return errors.ResourceError("engine.no-start", f"{program} does not start ({error.strerror or error}).", REPAIR,
                                program=program)


def error_of(exit_code: int, words: Words, details: Optional[Dict[str, Any]] = None) -> errors.MtlError:
    """The contract's error of an exit code; unknown codes give the root of the errors."""
    kinds = {kind.exit_code: kind for kind in errors.MtlError.__subclasses__()}
    return kinds.get(exit_code, errors.MtlError)(*words, **(details or {}))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # not one of this system's
        return ""
