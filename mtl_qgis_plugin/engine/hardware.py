"""What this machine really is: processor and graphics cards."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import List, Sequence

from .child import SYSTEM, start_options
from .child_environment import child_environment, clean_path

ANSWER_S = 10.0


def machine() -> str:
    """The processor's family as `platform.machine()` names it, in lower case.

    QGIS for macOS was long built for Intel only; on Apple's processors it then runs translated and is told Intel.
    """
    told = platform.machine().lower()
    if SYSTEM == "Darwin" and told == "x86_64" and ask(["/usr/sbin/sysctl", "-n", "hw.optional.arm64"]).strip() == "1":
        return "arm64"
    return told


def nvidia_cards() -> List[str]:
    """Names of NVIDIA's graphics cards whose driver answers."""
    path = clean_path(os.environ.get("PATH", ""), os.environ, SYSTEM)
    program = shutil.which("nvidia-smi", path=path)
    return card_names(ask([program, "-L"])) if program else []


def card_names(told: str) -> List[str]:
    """The names in what `nvidia-smi -L` says."""
    return re.findall(r"^GPU \d+: (.+?)(?: \(UUID.*)?$", told, re.MULTILINE)


def ask(command: Sequence[str]) -> str:
    """What a small program says; empty where it fails or is absent."""
    try:
        run = subprocess.run(list(command), env=child_environment(os.environ, SYSTEM), cwd=str(Path.home().anchor),
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False,
                             **start_options(SYSTEM, False))
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.decode("utf-8", "replace").replace("\r\n", "\n") if run.returncode == 0 else ""
