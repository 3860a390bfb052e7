"""The engine as QGIS starts it: another process, jobs in, JSON lines out."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import pytest

from model_core.contract import errors, events

ROOT = Path(__file__).parents[1]
START = ("import sys,runpy; sys.path.insert(0,sys.argv.pop(1)); "
         "runpy.run_module('model_core',run_name='__main__',alter_sys=True)")
SOON_S = 20  # far more than anything here needs, far less than a hang

# Puts a stage of a few lines in the place of `models`, whose parameters are all optional; no framework is loaded.
DRIVER = """
import sys, types
sys.path.insert(0, sys.argv.pop(1))
import model_core.wire as wire
from model_core.contract import errors
from model_core.contract.events import Result
def run(params, report):
{body}
    return Result({{}}, {{}})
stage = types.ModuleType("model_core.stages.models")
stage.run = run
sys.modules["model_core.stages.models"] = stage
{before}
import runpy
runpy.run_module("model_core", run_name="__main__", alter_sys=True)
"""


def start(job, code=START, stdin=subprocess.PIPE, **options):
    """The engine on a job file, in the way that the plugin starts it."""
    return subprocess.Popen([sys.executable, "-I", "-u", "-c", code, str(ROOT), "run", str(job)], stdin=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def driver(body, before=""):
    return DRIVER.format(body=textwrap.indent(textwrap.dedent(body).strip() or "pass", "    "), before=before)


def finish(process, timeout=SOON_S):
    """Exit code, events and stderr; stdin stays open, as QGIS keeps it."""
    watchdog = threading.Timer(timeout, process.kill)
    watchdog.start()
    with ThreadPoolExecutor(1) as pool:
        err = pool.submit(process.stderr.read)
        out = process.stdout.read()
    code = process.wait()
    watchdog.cancel()
    return code, [json.loads(line) for line in out.decode().splitlines()], err.result().decode()


def until(process, wanted):
    """Reads events until one of them is wanted, and returns it."""
    for line in process.stdout:
        event = json.loads(line)
        if wanted(event):
            return event
    raise AssertionError(f"the engine ended before: {process.stderr.read().decode()}")


@pytest.fixture
def job(tmp_path):
    """Writes a job file and returns its path."""
    def write(stage="models", **params):
        path = tmp_path / "job.json"
        path.write_text(json.dumps({"stage": stage, "params": params}))
        return path

    return write


@pytest.fixture
def act(job):
    """Runs a stage of a few lines to its end: exit code, events, stderr."""
    def run(body, before=""):
        return finish(start(job(), driver(body, before)))

    return run


def test_the_first_line_says_hello_with_the_versions(act):
    code, told, _ = act("")
    assert code == 0
    assert told[0]["event"] == "hello"
    assert told[0]["version"] == events.VERSION == 1
    assert told[-1] == {"event": "result", "outputs": {}, "summary": {}}


def test_every_event_has_the_entries_that_the_contract_lists(act):
    _, told, _ = act("""
        import time
        report.stage("Working"); report.metric("loss", 1, 0.5); report.log("a"); report.warn("b")
        report.progress(0.1, "step"); time.sleep(0.3); report.progress(0.2, "step")
    """, "wire.HEARTBEAT_S = 0.1")
    assert {event["event"] for event in told} == set(events.KINDS) - {"failure"}
    for event in told:
        assert set(event) - {"event"} == set(events.KINDS[event["event"]])


def test_nothing_but_events_reaches_stdout(act):
    code, told, err = act("""
        import ctypes, os, subprocess
        print("from python")
        sys.__stdout__.write("from the first stdout\\n")
        os.write(1, b"from the descriptor\\n")
        libc = ctypes.CDLL(None)
        libc.printf(b"from C\\n"); libc.fflush(None)
        subprocess.run(["echo", "from a child"])
    """)
    assert code == 0
    assert [event["event"] for event in told] == ["hello", "result"]
    for source in ("python", "the first stdout", "the descriptor", "C", "a child"):
        assert f"from {source}\n" in err


def test_a_silent_step_is_told_to_be_alive(act):
    _, told, _ = act("import time; time.sleep(0.7)", "wire.HEARTBEAT_S = 0.1")
    assert sum(event["event"] == "heartbeat" for event in told) >= 3


def test_progress_tells_the_remaining_seconds(act):
    _, told, _ = act("""
        import time
        report.stage("Working")
        report.progress(0.0); time.sleep(1.1); report.progress(0.5, "half")
    """)
    first, half = (event for event in told if event["event"] == "progress")
    assert first["eta_s"] is None
    assert (half["fraction"], half["message"], half["eta_s"]) == (0.5, "half", 1)


def test_what_json_or_lines_cannot_hold_is_told_all_the_same(act):
    code, told, _ = act("""
        report.metric("loss", 1, float("nan")); report.metric("loss", 2, float("inf"))
        report.log("one\\nline \\u2028 of \\u00fc")
        report.log("/data/\\udce9t\\udce9.tif")
        raise errors.InputError("x.y", "Message.", value=float("-inf"), path=sys)
    """)
    assert code == 3
    assert [event["value"] for event in told if event["event"] == "metric"] == [None, None]
    assert [event["message"] for event in told if event["event"] == "log"] == ["one\nline \u2028 of ü", "/data/\udce9t\udce9.tif"]
    assert told[-1]["details"]["value"] is None


@pytest.mark.parametrize("kind", errors.MtlError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_a_failure_says_what_to_do_and_its_kind_is_the_exit_code(act, kind):
    code, told, _ = act(f"raise errors.{kind.__name__}('a.b', 'What.', 'Do this.', name='x')")
    assert code == kind.exit_code
    assert told[-1] == {"event": "failure", "code": "a.b", "message": "What.", "hint": "Do this.",
                        "details": {"name": "x"}}


def test_the_kinds_of_failure_have_different_exit_codes():
    codes = [kind.exit_code for kind in errors.MtlError.__subclasses__()]
    assert len(set(codes)) == len(codes) == 6 and not {0, 1} & set(codes)


def test_a_bug_is_one_sentence_on_stdout_and_a_traceback_in_the_log(act):
    code, told, err = act("raise ZeroDivisionError('by nought')")
    assert code == 1
    assert told[-1]["code"] == "internal"
    assert "Traceback" not in json.dumps(told)
    assert "Traceback" in err and "ZeroDivisionError: by nought" in err


def test_too_little_memory_is_no_bug(act):
    code, told, _ = act("import numpy; numpy.zeros((2**20, 2**20, 2**10))")
    assert (code, told[-1]["code"]) == (errors.ResourceError.exit_code, "memory")


def test_a_bad_job_file_fails_after_the_hello(tmp_path):
    code, told, _ = finish(start(tmp_path / "absent.json"))
    assert code == 2
    assert [event["event"] for event in told] == ["hello", "failure"]
    assert "absent.json" in told[-1]["message"]


BUSY = """
    import time
    report.log("ready")
    while True:
        report.check()
        time.sleep(0.02)
"""
STUBBORN = """
    import time
    report.log("ready")
    while True:
        time.sleep(0.02)
"""
IMPATIENT = "wire.HEARTBEAT_S = 0.1; wire.ORPHAN_GRACE_S = 0.5"


@pytest.mark.parametrize("words", [[b"cancel\n"], [b"cancel\r\n"], [b"hello\ncan", b"cel\nmore"]])
def test_a_line_on_stdin_cancels(job, words):
    process = start(job(), driver(BUSY))
    until(process, lambda event: event["event"] == "log")
    for word in words:
        process.stdin.write(word)
        process.stdin.flush()
        time.sleep(0.1)
    assert process.wait(SOON_S) == errors.Cancelled.exit_code
    code, told, _ = finish(process)
    assert (told[-1]["event"], told[-1]["code"]) == ("failure", "cancelled")


def test_other_words_on_stdin_do_not_cancel(job):
    process = start(job(), driver("import time; time.sleep(0.5); report.check()"))
    process.stdin.write(b"cancellation\nstop\n")
    process.stdin.flush()
    assert process.wait(SOON_S) == 0


def test_the_end_of_stdin_ends_the_work(job):
    process = start(job(), driver(BUSY))
    until(process, lambda event: event["event"] == "log")
    process.stdin.close()
    assert process.wait(SOON_S) == errors.Cancelled.exit_code
    failure = json.loads(process.stdout.read().splitlines()[-1])
    assert failure["code"] == "cancelled.orphan"
    assert "/dev/null" in failure["hint"]


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_no_orphan_lives_on_even_where_the_stage_does_not_look_up(job, closed):
    process = start(job(), driver(STUBBORN, IMPATIENT))
    until(process, lambda event: event["event"] == "log")
    getattr(process, closed).close()
    assert process.wait(SOON_S) == errors.Cancelled.exit_code


def test_a_reader_that_goes_away_ends_the_work(job):
    process = start(job(), driver(BUSY, IMPATIENT))
    until(process, lambda event: event["event"] == "log")
    process.stdout.close()
    assert process.wait(SOON_S) == errors.Cancelled.exit_code


def test_an_engine_that_was_told_nothing_ends_while_stdin_stays_open(job):
    """A thread that waits for stdin must not hold up or crash the end of the interpreter."""
    process = start(job(), driver(""))
    assert process.wait(SOON_S) == 0
    assert b"Fatal" not in process.stderr.read()


def test_libraries_find_an_empty_stdin_and_take_nothing_from_the_wire(job):
    process = start(job(), driver("""
        import subprocess
        report.log(repr(sys.stdin.read()) + subprocess.run(["cat"], capture_output=True, text=True).stdout)
        import time
        for _ in range(500):
            report.check(); time.sleep(0.02)
    """))
    assert until(process, lambda event: event["event"] == "log")["message"] == "''"
    process.stdin.write(b"cancel\n")
    process.stdin.flush()
    assert process.wait(SOON_S) == errors.Cancelled.exit_code


def test_a_terminal_a_file_and_nothing_as_stdin_are_no_wish_to_stop(job, tmp_path):
    waits = driver("import time; time.sleep(0.3); report.check()")
    terminal, slave = pytest.importorskip("pty").openpty()
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open() as file:
        for stdin in (subprocess.DEVNULL, slave, file):
            code, told, _ = finish(start(job(), waits, stdin=stdin))
            assert (code, told[-1]["event"]) == (0, "result")
    os.close(terminal)
    os.close(slave)


def test_stray_modules_beside_the_data_and_on_pythonpath_are_not_imported(job, tmp_path):
    for name in ("numpy", "rasterio", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('stray module imported')")
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("geopandas", "scipy", "sitecustomize", "usercustomize"):
        (hostile / f"{name}.py").write_text("raise SystemExit('hostile module imported')")
    process = start(job("sample", out="sample", kind="pair", size_px=128, n_landslides=3), cwd=tmp_path,
                    env={**os.environ, "PYTHONPATH": str(hostile), "PYTHONSTARTUP": str(hostile / "scipy.py")})
    code, told, err = finish(process, 120)
    assert code == 0, err
    assert Path(told[-1]["outputs"]["series"]) == tmp_path / "sample" / "series.json"


def test_paths_with_spaces_and_letters_of_any_language_go_through(tmp_path):
    folder = tmp_path / "Ünïversität 地すべり"
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"stage": "sample", "params": {"out": "ein Beispiel/мир", "kind": "pair", "size_px": 128, "n_landslides": 3}}),
                                     encoding="utf-8-sig")
    code, told, err = finish(start(folder / "job.json", cwd="/", env={"PATH": os.environ["PATH"]}), 120)
    assert code == 0, err
    assert Path(told[-1]["outputs"]["series"]) == folder / "ein Beispiel" / "мир" / "series.json"
    assert all(Path(path).exists() for path in told[-1]["outputs"].values())


TINY = {"filters": 8, "training_epochs": 3, "batch_size": 2, "patch_size_px": 64, "stride_px": 24, "jitter_px": 8,
        "guard_px": 8, "n_blocks": 3, "min_landslides": 1, "precision": "float32", "device": "cpu", "threads": 2}


def test_a_training_that_is_cancelled_then_killed_goes_on_to_the_same_weights_and_card(tmp_path):
    def write_job(name, **params):
        path = tmp_path / "job.json"
        path.write_text(json.dumps({"stage": "train", "params": {"series": "study/series.json", "out": f"{name}/model",
                                                                 **TINY, **params}}))
        return path

    job = tmp_path / "sample.json"
    job.write_text(json.dumps({"stage": "sample", "params": {"out": "study", "kind": "pair", "size_px": 192, "n_landslides": 40}}))
    assert finish(start(job), 120)[0] == 0

    code, told, err = finish(start(write_job("whole")), 300)
    assert code == 0, err
    assert {event["event"] for event in told} <= set(events.KINDS)
    assert [event["step"] for event in told if event["event"] == "metric" and event["name"] == "loss"] == [1, 2, 3]
    assert any(event["event"] == "progress" and event["eta_s"] is not None for event in told)
    assert all(Path(path).exists() for path in told[-1]["outputs"].values())

    process = start(write_job("broken"))
    until(process, lambda event: event["event"] == "metric")
    process.stdin.write(b"cancel\n")
    process.stdin.flush()
    assert process.wait(60) == errors.Cancelled.exit_code
    failure = json.loads(process.stdout.read().splitlines()[-1])
    assert "--resume" in failure["hint"]
    unfinished = tmp_path / "broken" / "model.partial"
    assert 1 <= n_saved_epochs(unfinished) < 3

    process = start(write_job("broken", resume=True))
    until(process, lambda event: event["event"] == "progress" and "epoch 2" in event["message"])
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert n_saved_epochs(unfinished) < 3, "killed too late to prove anything"
    assert not (tmp_path / "broken" / "model").exists()

    code, _, err = finish(start(write_job("broken", resume=True)), 300)
    assert code == 0, err
    assert not unfinished.exists()
    whole, broken = tmp_path / "whole" / "model", tmp_path / "broken" / "model"
    assert files_below(whole) == files_below(broken)
    for name in ("history.csv", "accuracy.json"):
        assert (whole / name).read_text() == (broken / name).read_text()
    assert weights(whole) == weights(broken)


def n_saved_epochs(folder):
    return max(int(path.name.removeprefix("epoch_")) for path in folder.glob("state/epoch_*"))


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def weights(folder):
    """The bytes of every array; the files themselves differ in names that Keras counts up within a process."""
    found = {}
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()}) if hasattr(item, "shape") else None)
    assert found
    return found
