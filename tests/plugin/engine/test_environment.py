"""Installing with a uv that is faked by a script: what may break must leave the old environment usable."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from mtl_qgis_plugin.engine import environment, states
from mtl_qgis_plugin.engine import home as homes
from mtl_qgis_plugin.engine.child import Child
from mtl_qgis_plugin.engine.door import FOLDER, REQUIREMENTS, VERSION, errors, events
from mtl_qgis_plugin.engine.flavours import FLAVOURS
from mtl_qgis_plugin.engine.log_file import new_log
from mtl_qgis_plugin.engine.process import Engine
from mtl_qgis_plugin.engine.pythons import Python, probe, python_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the faked uv is a script of POSIX")

ROOT = Path(__file__).parents[3]
CPU = FLAVOURS[0]
BASE = probe(Path(os.path.realpath(sys.executable)))
FAKE_UV = """#!{python} -I
import os, subprocess, sys, time
from pathlib import Path
words = sys.argv[1:]
Path({seen!r}).open("a").write(" ".join(words) + "\\n")
if words[0] == "venv":
    subprocess.run([{base!r}, "-m", "venv", "--without-pip", words[-1]], check=True)
else:
    site = next((Path(words[3]).parent.parent / "lib").glob("python*")) / "site-packages"
    (site / "keras").mkdir()
    {body}
    for name in ("rasterio", "numpy"):
        (site / name).mkdir()
"""


class Listener(events.Recorder):
    """Stops the work once `stop_at` was told."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.stop_at = stop_at

    def cancelled(self):
        return any(self.stop_at in str(event) for event in self.events) if self.stop_at else False


@pytest.fixture
def home(tmp_path):
    return tmp_path / "Ünï 地 space" / homes.NAME


@pytest.fixture
def lists(tmp_path):
    """A folder with lists of versions, to be changed."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "cpu.txt").write_bytes((REQUIREMENTS / "cpu.txt").read_bytes())
    return folder


@pytest.fixture
def install(tmp_path, home, lists, monkeypatch):
    """Installs by a faked uv whose `pip install` does `body`; the trial of the engine is faked too."""
    monkeypatch.setattr(environment, "find_pythons", lambda: [BASE])
    monkeypatch.setattr(environment, "verify", lambda *_: {"device": "a faked one"})

    def run(body="pass", report=None, **options):
        uv = tmp_path / "uv"
        uv.write_text(FAKE_UV.format(python=BASE.path, base=str(BASE.path), seen=str(tmp_path / "seen.txt"), body=body))
        uv.chmod(0o755)
        monkeypatch.setattr(environment, "find_uv", lambda _: uv)
        return environment.make(home, CPU, report or events.Recorder(), requirements=lists, **options)

    return run


def test_nothing_is_installed_at_first(home):
    state = states.find(home)
    assert (state.kind, state.engine) == (states.MISSING, None)
    assert "Install engine" in state.hint


def test_an_installed_engine_is_ready_and_says_what_it_is(install, home, lists, tmp_path):
    report = events.Recorder()
    state = install(report=report)
    assert state.kind == states.READY and state == states.find(home, requirements=lists)
    assert state.engine == Engine(python_of(home / "env" / f"{VERSION}-py{BASE.version[0]}{BASE.version[1]}-cpu"), FOLDER)
    assert state.stamp.verified == {"device": "a faked one"} and state.stamp.flavour == "cpu"
    assert [event["name"] for event in report.events if event["event"] == "stage"] == [
        "Looking for Python", "Making the environment", "Fetching and installing the libraries"]
    assert "--require-hashes" in (tmp_path / "seen.txt").read_text()
    assert sorted(path.name for path in home.iterdir()) == ["env", "lock", "logs"]


@pytest.mark.parametrize("body, code", [
    ("sys.exit('error: Failed to fetch: dns error')", "install.network"),
    ("sys.exit('No space left on device (os error 28)')", "install.no-space"),
    ("os.kill(os.getpid(), 9)", "install.failed"),
    ("sys.exit(2)", "install.failed"),
])
def test_what_breaks_leaves_the_old_environment_usable(install, home, lists, body, code):
    old = install()
    (lists / "cpu.txt").write_text("keras==99\n")
    assert states.find(home, requirements=lists).kind == states.OLDER
    with pytest.raises(errors.ResourceError) as caught:
        install(body)
    assert caught.value.code == code
    assert Path(caught.value.details["log"]).is_file()
    state = states.find(home, requirements=lists)
    assert (state.kind, state.engine) == (states.OLDER, old.engine)
    assert len(list((home / "env").iterdir())) == 1
    assert install().kind == states.READY
    assert len(list((home / "env").iterdir())) == 1, "the older one is removed once the new one works"


def test_an_engine_that_does_not_work_does_not_count(install, home, lists, monkeypatch):
    def fails(*_):
        raise errors.ResourceError("doctor.trial", "The tiny network did not learn.", "Report it.")

    monkeypatch.setattr(environment, "verify", fails)
    with pytest.raises(errors.ResourceError, match="did not learn"):
        install()
    assert states.find(home, requirements=lists).kind == states.MISSING
    assert not list((home / "env").iterdir())


def test_a_wish_to_stop_ends_the_installation_soon_and_leaves_no_child(install, home, tmp_path):
    pid = tmp_path / "pid.txt"
    began = time.monotonic()
    with pytest.raises(errors.Cancelled):
        install(f"Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(60)", Listener("MB"))
    assert time.monotonic() - began < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert not list((home / "env").iterdir())


def test_a_disk_that_fills_up_at_the_last_moment_is_said(install, home, lists, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(homes, "write_stamp", full)
    with pytest.raises(errors.OutputError, match=r"cannot be written \(No space left"):
        install()
    assert not list((home / "env").iterdir())


def test_what_was_fetched_before_a_break_is_kept_for_the_next_time(install, home):
    with pytest.raises(errors.ResourceError):
        install("c = Path(os.environ['UV_CACHE_DIR']); c.mkdir(parents=True); (c / 'wheel').touch(); sys.exit('timed out')")
    assert (home / "cache" / "uv" / "wheel").exists()
    install("assert (Path(os.environ['UV_CACHE_DIR']) / 'wheel').exists()")
    assert not (home / "cache").exists()


def test_a_killed_qgis_leaves_the_old_environment_and_the_next_time_tidies_up(install, home, lists, tmp_path):
    old = install()
    install_slowly = textwrap.dedent(f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from mtl_qgis_plugin.engine import environment
        from mtl_qgis_plugin.engine.door import events
        from mtl_qgis_plugin.engine.flavours import FLAVOURS
        from mtl_qgis_plugin.engine.pythons import probe
        environment.find_pythons = lambda: [probe(Path({str(BASE.path)!r}))]
        environment.find_uv = lambda _: Path({str(tmp_path / "slow")!r})
        environment.make(Path({str(home)!r}), FLAVOURS[0], events.Report(), requirements=Path({str(lists)!r}))
    """)
    slow = tmp_path / "slow"
    slow.write_text((tmp_path / "uv").read_text().replace("    pass\n", f"    Path({str(tmp_path / 'began')!r}).touch(); time.sleep(3); sys.exit(1)\n"))
    slow.chmod(0o755)
    qgis = subprocess.Popen([sys.executable, "-c", install_slowly])
    while not (tmp_path / "began").exists():
        assert qgis.poll() is None
        time.sleep(0.05)
    with pytest.raises(errors.ResourceError, match="Another QGIS"):
        install()
    qgis.send_signal(signal.SIGKILL)
    qgis.wait()
    assert states.find(home, requirements=lists).engine == old.engine
    assert len(list((home / "env").iterdir())) == 2
    assert install().kind == states.READY
    assert len(list((home / "env").iterdir())) == 1


def test_what_was_broken_behind_our_back_is_found_and_repaired(install, home, lists):
    for damage in ("python", "library", "stamp"):
        state = install()
        folder = home / "env" / next((home / "env").iterdir()).name
        if damage == "python":
            state.engine.python.unlink()
        elif damage == "library":
            next(folder.glob("lib/python*/site-packages/rasterio")).rmdir()
        else:
            (folder / homes.STAMP).write_text("{")
        broken = states.find(home, requirements=lists)
        assert broken.kind == states.BROKEN and broken.engine is None
        assert "Repair" in broken.hint and broken.why.endswith(".")


def test_a_python_that_went_with_an_older_qgis_is_noticed(install, home, lists):
    state = install()
    state.engine.python.unlink()
    state.engine.python.symlink_to("/usr/bin/env")
    broken = states.find(home, requirements=lists)
    assert broken.kind == states.BROKEN and "has gone" in broken.why


def test_a_graphics_card_that_is_not_used_is_said_loudly(install, lists, monkeypatch):
    monkeypatch.setattr(environment, "verify", lambda *_: {"device": "AMD (cpu)", "why": "There is no GPU."})
    for name, said in (("cpu", False), ("nvidia-linux", True)):
        flavour = next(flavour for flavour in FLAVOURS if flavour.name == name)
        (lists / f"{name}.txt").write_text("keras==3\n")
        monkeypatch.setattr(sys.modules[__name__], "CPU", flavour)
        report = events.Recorder()
        assert "AMD (cpu)" in install(report=report).why
        assert any("graphics card is not used" in str(event) for event in report.events) == said


def test_removing_leaves_nothing(install, home, lists):
    install()
    environment.remove(home)
    assert not home.exists()
    assert states.find(home, requirements=lists).kind == states.MISSING


def test_an_engine_at_work_is_neither_replaced_nor_removed(install, home, tmp_path):
    state = install()
    log = new_log(tmp_path, "at-work")
    child = Child([sys.executable, "-c", "import time; time.sleep(60)"], env=os.environ, folder=tmp_path, log=log)
    for change in (install, lambda: environment.remove(home)):
        with pytest.raises(errors.ResourceError, match="at work"):
            change()
    child.close()
    log.close()
    assert state.engine.python.exists()
    environment.remove(home)


def test_a_build_without_a_list_is_refused(home, lists):
    with pytest.raises(errors.ResourceError, match="no list of versions"):
        environment.make(home, FLAVOURS[1], events.Recorder(), requirements=lists)


def test_too_little_disk_is_said_before_anything_is_fetched(home, lists, monkeypatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1e9}))
    with pytest.raises(errors.OutputError, match=r"needs 3\.\d GB, but .* has 1\.0 GB left"):
        environment.make(home, CPU, events.Recorder(), requirements=lists)
    assert not home.exists()


def test_an_offline_folder_and_a_proxy_reach_uv(install, tmp_path, home):
    install(wheels=tmp_path / "wheels")
    assert f"--no-index --find-links {tmp_path / 'wheels'}" in (tmp_path / "seen.txt").read_text()
    install("assert os.environ['HTTPS_PROXY'] == 'http://anu:secret@p'", proxy={"HTTPS_PROXY": "http://anu:secret@p"})
    assert not any("secret" in path.read_text() for path in (home / "logs").iterdir())


def test_a_python_too_old_for_the_engine_fetches_uv_first(install, home, monkeypatch, tmp_path):
    old = Python(BASE.path, (3, 9, 1), 64, "x86_64", "/", "/", True)
    ran = []
    install()
    monkeypatch.setattr(environment, "find_uv", lambda _: None)
    monkeypatch.setattr(environment, "find_pythons", lambda: [old])
    monkeypatch.setattr(environment, "_run", lambda _, words, *__: ran.append(words) or (_ for _ in ()).throw(errors.ResourceError("x", "y", "z")) if len(ran) > 2 else ran.append(words))
    with pytest.raises(errors.MtlError):
        environment.make(home, CPU, events.Recorder())
    assert ran[0][1:4] == ["-I", "-m", "venv"] and ran[0][-1] == str(home / "uv")
    assert str(REQUIREMENTS / "uv.txt") in ran[1]
    assert ran[2][0] == str(home / "uv" / "bin" / "uv") and "3.12" in ran[2]


def test_an_own_python_must_be_tried_once_and_again_after_a_change(home, monkeypatch, tmp_path):
    own = tmp_path / "my python"
    own.symlink_to(BASE.path)
    assert "not tried" in states.find(home, own).why
    monkeypatch.setattr(environment, "verify", lambda *_: {"device": "mine"})
    state = environment.use_own(home, own, events.Recorder())
    assert state.kind == states.READY and state == states.find(home, own)
    own.unlink()
    assert "not there" in states.find(home, own).why
    own.symlink_to("/usr/bin/env")
    assert states.find(home, own).kind == states.OLDER


def test_an_own_python_of_another_version_is_refused(home, tmp_path):
    own = tmp_path / "python"
    own.write_text('#!/bin/sh\necho \'{"version": [3, 9, 1], "bits": 64, "machine": "x", "prefix": "/", "base": "/", "can_make": true}\'\n')
    own.chmod(0o755)
    with pytest.raises(errors.ResourceError, match=r"Python 3\.9\.1.*needs Python 3\.11 to 3\.14"):
        environment.use_own(home, own, events.Recorder())


def test_an_own_python_that_lacks_libraries_is_told_which(home):
    bare = home.parent / "bare"
    subprocess.run([str(BASE.path), "-m", "venv", "--without-pip", str(bare)], check=True)
    with pytest.raises(errors.MtlError) as caught:
        environment.use_own(home, python_of(bare), events.Recorder())
    assert caught.value.code == "engine.incomplete" and "geopandas" in caught.value.message
    assert f"{python_of(bare)} -m pip install -r" in caught.value.hint
    assert states.find(home, python_of(bare)).kind == states.BROKEN


def test_the_engine_that_runs_these_tests_passes_the_trial(home):
    found = environment.verify(Engine(Path(sys.executable), ROOT), home, events.Recorder())
    assert "cpu" in found["device"] or "gpu" in found["device"]
    assert found["why"] and "keras" in found["libraries"]


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_the_locked_libraries_are_really_installed_and_work(home, tool, monkeypatch):
    if tool == "uv" and environment.find_uv(home) is None:
        pytest.skip("no uv on this machine")
    if tool == "pip":
        monkeypatch.setattr(environment, "find_uv", lambda _: None)
    report = events.Recorder()
    state = environment.make(home, CPU, report)
    assert state.kind == states.READY
    assert "tensorflow" in state.stamp.verified["backend"]
    fractions = [event["fraction"] for event in report.events if event["event"] == "progress"]
    assert fractions == sorted(fractions) and fractions[-1] == 1 and len(fractions) > 3
    environment.remove(home)
    assert not home.exists()
