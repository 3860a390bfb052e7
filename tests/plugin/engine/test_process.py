"""The talk with the engine: the real one, and fake ones that misbehave."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from mtl_qgis_plugin.engine import child, process
from mtl_qgis_plugin.engine.door import errors
from mtl_qgis_plugin.engine.job_file import write_job
from mtl_qgis_plugin.engine.process import Engine, Manners, Patience, run_job

posix = pytest.mark.skipif(os.name == "nt", reason="signals and process groups of POSIX")
QUIET = Manners(keep_awake=False)
SHORT = Patience(silent=0.6, hung=1.5, leaving=1.0, cancel=0.6, end=0.4)


@pytest.fixture
def go(tmp_path):
    """Runs a job with an engine and returns (result or error, events)."""
    def run(engine, stage="models", stopped=lambda: False, patience=SHORT, manners=QUIET, **values):
        told = []
        job = write_job(stage, values, tmp_path)
        try:
            outcome = run_job(engine, job, tmp_path / "logs", told.append, stopped, manners, patience)
        except errors.MtlError as error:
            outcome = error
        return outcome, told

    return run


def after(condition):
    """A request to stop that comes once the condition holds."""
    return lambda: bool(condition())


def log_of(error):
    return Path(error.details["log"]).read_text()


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")")[-1].split()[0]


# the real engine

def test_the_real_engine_lists_its_models(real, go):
    result, told = go(real, patience=Patience(), manners=Manners())
    assert result.summary["models"]
    assert [event["event"] for event in told] == ["hello", "result"]


def test_the_real_engine_makes_a_sample_where_spaces_and_letters_of_any_language_are(real, go, tmp_path):
    out = tmp_path / "Ünïversität 地すべり" / "ein Beispiel"
    result, told = go(real, "sample", out=str(out), kind="pair", size_px=128, n_landslides=3, patience=Patience())
    assert Path(result.outputs["series"]) == out / "series.json"
    assert any(event["event"] == "progress" for event in told)
    assert json.loads((out.parent / "ein Beispiel.job.json").read_text(encoding="utf-8"))["stage"] == "sample"


def test_a_failure_that_the_real_engine_tells_arrives_as_its_own_kind_of_error(real, go, tmp_path):
    error, _ = go(real, "predict", scene=[str(tmp_path / "absent.tif")], model="absent", out=str(tmp_path / "map"),
                  patience=Patience())
    assert isinstance(error, (errors.InputError, errors.ModelError))
    assert "absent" in error.message and error.hint and Path(error.details["log"]).exists()
    assert not (tmp_path / "map").exists()


def test_the_real_engine_stops_when_asked(real, go, tmp_path):
    began = []
    error, told = go(real, "sample", stopped=after(lambda: (began and time.monotonic() - began[0] > 1.5) or began.append(time.monotonic())),
                     out=str(tmp_path / "sample"), small=True, patience=Patience())
    assert isinstance(error, errors.Cancelled)
    assert [event["event"] for event in told].count("stopping") == 1
    assert not (tmp_path / "sample").exists()


# what the engine may do wrong

def test_a_result_and_exit_code_0_are_success(fake, go):
    result, told = go(fake("hello(); tell('stage', name='a'); result(map='m.tif')"))
    assert (result.outputs, result.summary) == ({"map": "m.tif"}, {"n": 1})
    assert [event["event"] for event in told] == ["hello", "stage", "result"]


@pytest.mark.parametrize("body, code", [
    ("hello()", "engine.no-result"),
    ("hello(); result(); sys.exit(3)", "engine.died"),
    ("hello(); os._exit(7)", "engine.died"),
    ("sys.exit(1)", "engine.died"),
    ("hello(); import nothing_like_this", "engine.incomplete"),
    ("hello(); [0] * 10**14", "engine.memory"),
    ("hello(2); time.sleep(30)", "engine.version"),
    ("print('Welcome to another program'); time.sleep(30)", "engine.garbled"),
    ("hello(); raw(b'{\"event\": \"result\", \"outputs\"')", "engine.garbled"),
    ("hello(); raw(b'{\"event\": \"result\"}\\n')", "engine.garbled"),
    ("hello(); raw(b'\\xff\\xfe nonsense\\n[1]\\n{}\\nnull\\n')", "engine.garbled"),
    ("hello()\nwhile True: raw(b'x' * 65536)", "engine.garbled"),
    ("hello()\nwhile True: raw(b'no event\\n' * 1000)", "engine.garbled"),
    ("hello(); time.sleep(30)", "engine.hung"),
    ("time.sleep(30)", "engine.hung"),
    ("hello(); result(); time.sleep(30)", "engine.hung"),
])
def test_anything_but_a_result_and_exit_code_0_is_one_clear_error(fake, go, body, code):
    began = time.monotonic()
    error, _ = go(fake(body))
    assert isinstance(error, errors.ResourceError)
    assert error.code == code, error
    assert error.message.endswith(".") and error.hint.endswith(".")
    assert Path(error.details["log"]).is_file()
    assert time.monotonic() - began < 10


@posix
@pytest.mark.parametrize("name, code", [("SIGKILL", "engine.memory"), ("SIGSEGV", "engine.crashed"), ("SIGILL", "engine.processor"),
                                        ("SIGTERM", "engine.stopped")])
def test_an_engine_that_a_signal_ended_is_explained(fake, go, name, code):
    error, _ = go(fake(f"hello(); os.kill(os.getpid(), signal.{name}); time.sleep(30)"))
    assert error.code == code


@posix
def test_an_engine_that_meets_its_memory_limit_is_explained(fake, go):
    error, _ = go(fake("""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
        hello(); keep = [bytearray(2**20) for _ in range(1000)]
    """))
    assert error.code == "engine.memory"


def test_what_was_no_event_and_how_the_engine_ended_stands_in_the_log(fake, go):
    error, _ = go(fake("hello(); raw(b'half a li'); sys.stderr.write('last words'); sys.exit(9)"))
    assert "half a li" in log_of(error) and "last words" in log_of(error) and "exit code 9" in log_of(error)


def test_the_log_has_the_stages_name_and_a_bad_job_file_is_explained_by_the_engine(fake, real, go, tmp_path):
    go(fake("hello(); result()"), "sample", out=str(tmp_path / "[results] 1"))
    assert len(list((tmp_path / "logs").glob("sample.*.log"))) == 1
    (tmp_path / "bad.job.json").write_text("{")
    with pytest.raises(errors.UsageError, match="not a job file"):
        run_job(real, tmp_path / "bad.job.json", tmp_path / "logs", manners=QUIET)
    assert len(list((tmp_path / "logs").glob("job.*.log"))) == 1


def test_a_stray_line_among_the_events_does_no_harm(fake, go):
    result, _ = go(fake("hello(); raw(b'a stray line\\n'); tell('news', of='later'); result(a='b')"))
    assert result.outputs == {"a": "b"}


def test_events_come_whole_however_they_are_cut_and_megabytes_pass(fake, go):
    result, told = go(fake("""
        hello()
        for byte in b'{"event": "log", "level": "info", "message": "slowly"}\\n':
            raw(bytes([byte])); time.sleep(0.002)
        for i in range(20000):
            tell("metric", name="loss", step=i, value=0.5)
        tell("log", level="info", message="x" * 3_000_000)
        sys.stderr.write("e" * 5_000_000)
        result()
    """), patience=Patience())
    assert told[1]["message"] == "slowly"
    assert [event["step"] for event in told if event["event"] == "metric"] == list(range(20000))
    assert result.summary == {"n": 1}


def test_the_analyst_is_told_of_silence_once_and_a_sign_of_life_ends_it(fake, go):
    result, told = go(fake("""
        hello(); time.sleep(1.1); tell("heartbeat"); time.sleep(1.1); result()
    """))
    assert result.summary
    assert [event["event"] for event in told] == ["hello", "silent", "heartbeat", "silent", "result"]


def test_a_listener_that_fails_leaves_no_engine_behind(fake, tmp_path):
    pid = []

    def listen(event):
        pid.append(event["pid"])
        raise RuntimeError("a bug in the plugin")

    with pytest.raises(RuntimeError):
        run_job(fake("hello(); time.sleep(30)"), write_job("models", {}, tmp_path), tmp_path / "logs", listen, manners=QUIET)
    assert not lives(pid[0])


# stopping

def test_a_request_to_stop_is_answered_within_half_a_second(fake, tmp_path):
    asked, answered = [], []
    engine = fake("""
        hello()
        for line in sys.stdin:
            if line.strip() == "cancel":
                tell("failure", code="cancelled", message="Stopped.", hint="Go on with --resume.", details={}); sys.exit(4)
    """)

    def listen(event):
        if event["event"] == "hello":
            threading.Timer(0.1, lambda: asked.append(time.monotonic())).start()
        if event["event"] == "stopping":
            answered.append(time.monotonic())

    with pytest.raises(errors.Cancelled) as caught:
        run_job(engine, write_job("models", {}, tmp_path), tmp_path / "logs", listen, lambda: bool(asked), QUIET)
    assert len(answered) == 1 and answered[0] - asked[0] < 0.5
    assert caught.value.hint == "Go on with --resume."


@posix
def test_an_engine_that_does_not_listen_is_ended_with_all_that_it_has_started(fake, go):
    engine = fake("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        other = subprocess.Popen([sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"])
        hello(); tell("metric", name="pid", step=other.pid, value=0)
        while True: tell("heartbeat"); time.sleep(0.1)
    """)
    told = []
    began = time.monotonic()
    job = write_job("models", {}, Path(engine.folder))
    with pytest.raises(errors.Cancelled):
        run_job(engine, job, engine.folder / "logs", told.append, lambda: len(told) > 3, QUIET, SHORT)
    assert time.monotonic() - began < 6
    pids = [told[0]["pid"], next(event["step"] for event in told if event["event"] == "metric")]
    time.sleep(0.1)
    assert not any(map(lives, pids))


@posix
def test_what_the_engine_has_started_does_not_outlive_it_nor_hold_us_up(fake, go):
    engine = fake("""
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=out.fileno())
        hello(); result(pid=str(other.pid)); os._exit(0)
    """)
    result, _ = go(engine)
    assert not lives(int(result.outputs["pid"]))


def test_ending_all_engines_is_no_error_of_theirs(fake, go):
    engine = fake("hello()\nwhile True: tell('heartbeat'); time.sleep(0.1)")
    timer = threading.Timer(1.0, child.end_all)
    timer.start()
    error, _ = go(engine)
    assert isinstance(error, errors.Cancelled)
    assert not child._LIVE


@posix
def test_the_engine_ends_where_qgis_is_killed(real, tmp_path):
    """The parent is killed without a chance to tidy up; the real engine sees the end of its stdin."""
    job = write_job("sample", {"out": str(tmp_path / "sample")}, tmp_path)
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(f"""
        import sys; sys.path.insert(0, {str(real.folder)!r})
        from pathlib import Path
        from mtl_qgis_plugin.engine.process import Engine, run_job
        run_job(Engine(Path({str(real.python)!r}), Path({str(real.folder)!r})), Path({str(job)!r}), Path({str(tmp_path)!r}) / "logs",
                lambda event: print(event.get("pid", ""), flush=True))
    """)], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 15
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not lives(pid)
    parent.stdout.close()


# how it is started

def test_the_command_ignores_what_lies_beside_the_data():
    engine = Engine(Path("/opt/my engine/bin/python"), Path("/plugins/bundled"))
    words = process.command(engine, ["run", "/data/a b.job.json"])
    assert words == ["/opt/my engine/bin/python", "-I", "-u", "-c",
                     "import sys,runpy; sys.path.insert(0,sys.argv.pop(1)); runpy.run_module('model_core',run_name='__main__',alter_sys=True)",
                     "/plugins/bundled", "run", "/data/a b.job.json"]


def test_cores_and_backend_reach_the_engine_and_qgis_variables_do_not(fake, go, monkeypatch):
    monkeypatch.setenv("PROJ_LIB", "/usr/share/proj")
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    engine = fake("hello(); result(**{name: value for name, value in os.environ.items()})")
    result, _ = go(Engine(engine.python, engine.folder, "torch"), manners=Manners(cores=2, keep_awake=False))
    assert result.outputs["KERAS_BACKEND"] == "torch" and result.outputs["OMP_NUM_THREADS"] == "2"
    assert not {"PROJ_LIB", "PYTHONHOME"} & set(result.outputs)


@posix
def test_a_low_priority_is_the_engines_own(fake, go):
    engine = fake("hello(); result(nice=str(os.nice(0)), leads=str(os.getsid(0) == os.getpid()))")
    here = os.nice(0)
    polite, _ = go(engine, manners=Manners(low_priority=True, keep_awake=False))
    equal, _ = go(engine, manners=Manners(low_priority=False, keep_awake=False))
    assert int(polite.outputs["nice"]) == min(here + 10, 19) and int(equal.outputs["nice"]) == here
    assert polite.outputs["leads"] == "True"


def test_an_engine_that_was_removed_is_named(tmp_path, go):
    error, _ = go(Engine(tmp_path / "gone" / "python", tmp_path))
    assert (error.code, "Repair" in error.hint) == ("engine.missing", True)


@posix
def test_an_engine_that_may_not_run_is_named(tmp_path, go):
    (tmp_path / "python").write_text("#!/bin/sh\n")
    error, _ = go(Engine(tmp_path / "python", tmp_path), manners=Manners(low_priority=False, keep_awake=False))
    assert error.code == "engine.blocked" and "administrator" in error.hint


def test_windows_gets_no_window_less_priority_and_a_killed_tree():
    assert child.start_options("Windows", True) == {"creationflags": 0x08000000 | 0x4000}
    assert child.start_options("Windows", False) == {"creationflags": 0x08000000}
    assert child.end_command(77, {"SystemRoot": r"D:\Windows"}) == [r"D:\Windows\System32\taskkill.exe", "/T", "/F", "/PID", "77"]
    assert child.polite(["python"], "Windows", True, "/usr/bin/nice") == ["python"]


def test_linux_and_macos_lead_a_session_and_are_nice_where_there_is_nice():
    for system in ("Linux", "Darwin"):
        assert child.start_options(system, True) == {"start_new_session": True}
        assert child.polite(["python"], system, True, "/usr/bin/nice") == ["/usr/bin/nice", "-n", "10", "python"]
        assert child.polite(["python"], system, True, None) == child.polite(["python"], system, False, "/usr/bin/nice") == ["python"]
