"""How long a person or QGIS waits before the engine says its first word.

Prints seconds and, so that machines can be compared, how many times as long as `python -c pass` takes. Claims: help
within 0.4 s, because no command loads what another one needs, and hello before any framework loads.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 7
START = ("import sys,runpy; sys.path.insert(0,sys.argv.pop(1)); "
         "runpy.run_module('model_core',run_name='__main__',alter_sys=True)")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        job.write_text(json.dumps({"stage": "doctor", "params": {"device": "cpu"}}))
        mtl = [sys.executable, "-m", "model_core"]
        rows = {
            "python -c pass": seconds([sys.executable, "-c", "pass"]),
            "mtl --help": seconds([*mtl, "--help"]),
            "mtl train --help": seconds([*mtl, "train", "--help"]),
            "mtl models": seconds([*mtl, "models"]),
            "mtl run: hello": seconds(
                [sys.executable, "-I", "-u", "-c", START, str(ROOT), "run", str(job)], first=True),
            "import tensorflow": seconds([sys.executable, "-c", "import tensorflow"], repeats=2),
        }
    shortest = rows["python -c pass"]
    print(f"{'':20}{'median s':>10}{'ratio':>8}")
    for name, value in rows.items():
        print(f"{name:20}{value:10.2f}{value / shortest:8.1f}")


def seconds(command: list[str], *, first: bool = False, repeats: int = REPEATS) -> float:
    """Median time until a command ends, or until its first line."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              cwd=ROOT) as process:
            assert process.stdout is not None
            if first:
                process.stdout.readline()
                times.append(time.perf_counter() - start)
                process.kill()
            else:
                process.communicate()
                times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
