"""Runs scripts in a real QGIS, in its own process and with a fresh profile. Tests skip where there is none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

LIMIT_S = 120
HEAD = """
import sys, traceback
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface, plugins

def main():
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    QgsProject.instance().clear()
    sys.stdout.flush(); sys.stderr.flush()
    QgsApplication.exit(code)

QTimer.singleShot(0, main)
"""


@pytest.fixture
def profile(tmp_path):
    """A folder for QGIS's profiles, with a fresh one in it."""
    folder = tmp_path / "profiles"
    settings = folder / "profiles" / "default" / "QGIS"
    settings.mkdir(parents=True)
    (settings / "QGIS3.ini").write_text("[qgis]\ncheckVersion=false\nshowTips=false\n")
    return folder


@pytest.fixture
def window(profile, tmp_path):
    """Runs `def work()` in QGIS's window: (exit code, what was printed)."""
    for program in ("qgis", "xvfb-run"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")

    def run(script, **extra):
        code = tmp_path / "script.py"
        code.write_text(script + HEAD, encoding="utf-8")
        (tmp_path / "run").mkdir(mode=0o700, exist_ok=True)
        env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "run"), "LC_ALL": "C.UTF-8", **extra}
        for name in ("QGIS_PLUGINPATH", "PYTHONPATH", "VIRTUAL_ENV", "QT_QPA_PLATFORM"):
            env.pop(name, None)
        env.update(extra)
        done = subprocess.run(
            ["timeout", "-k", "5", str(LIMIT_S), "xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", "qgis", "--profiles-path", str(profile),
             "--nologo", "--noversioncheck", "--code", str(code)], env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def qgis_process(profile):
    """Runs qgis_process in a fresh profile: (exit code, what was printed)."""
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        pytest.skip("qgis_process is not on this machine")

    def run(*words, **extra):
        env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QGIS_CUSTOM_CONFIG_PATH": str(profile), **extra}
        done = subprocess.run([program, *words], env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def plugin_zip(tmp_path_factory):
    """The plugin's zip, made from the checkout."""
    root = Path(__file__).parents[2]
    folder = tmp_path_factory.mktemp("checkout")
    done = subprocess.run(["python3", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import package; from pathlib import Path; "
                           "print(package.make_zip(Path(sys.argv[2])))", str(root / "requirements"), str(folder)],
                          capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())
