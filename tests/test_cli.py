"""The command line as a person meets it: help, mistakes, Ctrl-C, bugs."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from model_core import cli
from model_core.contract.errors import Cancelled
from model_core.contract.events import Result
from model_core.contract.presets import PRESETS
from model_core.contract.stages import STAGES

ROOT = Path(__file__).parents[1]
HEAVY = {"tensorflow", "keras", "numpy", "scipy", "rasterio", "geopandas", "pandas", "shapely", "pyproj", "matplotlib"}
SOON_S = 20
# Puts a stage of a few lines in the place of `models`, whose parameters are all optional.
DRIVER = """
import sys, types
from model_core import cli
from model_core.contract import errors
from model_core.contract.events import Result
def run(params, report):
{body}
    return Result({{"map": "/data/karte.tif"}}, {{"landslides": 3, "table": [{{"date": "2015", "F1": 0.5}}]}})
stage = types.ModuleType("model_core.stages.models")
stage.run = run
sys.modules["model_core.stages.models"] = stage
sys.exit(cli.main(["models", *sys.argv[1:]]))
"""


def driver(body):
    return [sys.executable, "-c", DRIVER.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    "))]


def piped(command, **environment):
    return subprocess.run(command, capture_output=True, cwd=ROOT, env={**os.environ, **environment}, timeout=60)


@pytest.fixture
def mtl(capsys):
    """Runs a command here: exit code, stdout, stderr."""
    def run(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as leave:  # tyro's way to end after help or a mistake
            code = leave.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def one_line(text):
    """Text without the frame and the line breaks that a box of 80 columns gives it."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", text)


# -- help ----------------------------------------------------------------------------------------------------------

def test_help_lists_every_command_and_loads_nothing_else():
    code = "import sys; from model_core.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = piped([sys.executable, "-c", code])
    assert done.returncode == 0
    for stage in STAGES.values():
        assert f"  {stage.name} " in done.stdout.decode() and stage.title in done.stdout.decode()
    loaded = {name.split(".")[0] for name in done.stderr.decode().split()}
    assert "model_core" in loaded
    assert not loaded & (HEAVY | {"tyro", "rich"})


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_help_loads_no_framework(stage):
    code = f"import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); " \
           f"from model_core.cli import main; main(['{stage}', '--help'])"
    done = piped([sys.executable, "-c", code])
    assert done.returncode == 0 and b"usage: mtl " + stage.encode() in done.stdout
    loaded = {name.split(".")[0] for name in done.stderr.decode().split()}
    assert "tyro" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("words", [[], ["-h"], ["help"], ["--help"], ["run", "--help"], ["run", "-h"], ["--version"]])
def test_help_is_no_failure(mtl, words):
    code, out, err = mtl(*words)
    assert code == 0 and "mtl" in out and err == ""


def test_help_shows_every_option_once_with_default_and_choices(mtl):
    code, out, _ = mtl("train", "--help")
    text = one_line(out)
    assert code == 0
    for name in STAGES["train"].params_class().__dataclass_fields__:
        assert len(re.findall(rf"^[│ ]*--{name.replace('_', '-')}[ ,]", out, re.MULTILINE)) == 1, name
    assert "--scene FILE [FILE ...]" in text
    assert "--filters {8,16,32} Filters of the first level; the paper tried 8, 16 and 32. (default: 32)" in text
    assert "(default: )" not in text and "None" not in text


def test_a_preset_changes_the_defaults_that_help_shows(mtl):
    for words in (["--preset", "paper", "--help"], ["--help", "--preset=paper"]):
        text = one_line(mtl("train", *words)[1])
        assert f"Passes over the training ground. (default: {PRESETS['paper']['training_epochs']})" in text
        assert "(default: precision)" in text
    assert "Passes over the training ground. (default: 120)" in one_line(mtl("train", "--help")[1])


# -- mistakes ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("words", "said"), [
    (["trian"], "Did you mean train?"),
    (["fly"], "There is no command 'fly'. See: mtl --help."),
    (["train", "--epochs", "3"], "--training-epochs"),
    (["train", "--scene", "a.tif", "--scene=b.tif"], "The option --scene is given twice. Give --scene once; where it"),
    (["train", "--wings", "3"], "Unrecognized options: --wings, 3"),
    (["train", "--date"], "Missing value for argument '--date'"),
    (["train", "--preset", "best"], "There is no preset 'best'. Choose from: recommended, paper, paper-exact."),
    (["train", "--training-epochs", "many"], "Training epochs (training_epochs) cannot be 'many'. It must be a whole"),
    (["train", "--threads", "1.5"], "Threads (threads) cannot be '1.5'. It must be a whole number."),
    (["train", "--learning-rate", "1e-3x"], "It must be a number."),
    (["train", "--learning-rate", "nan"], "It must lie between 1e-07 and 1.0."),
    (["train", "--filters", "12"], "Filters (filters) cannot be 12. Choose from: 8, 16, 32."),
    (["train", "--device", "tpu"], "Choose from: auto, cpu, gpu."),
    (["train"], "No image is given. Give either --series or --scene."),
    (["train", "--scene", "a.tif"], "Output folder (out) is missing."),
    (["train", "--scene", "\udce9.tif", "--out", "x"], "The name \\udce9.tif has characters that are no text."),
    (["predict", "--scene", "a.tif", "--out", "x"], "Model (model) is missing."),
    (["run"], "Expected: mtl run JOB.json"),
    (["run", "a.json", "b.json"], "Expected: mtl run JOB.json"),
    (["run", "a.json", "--wings"], "mtl run does not know --wings."),
    (["run", "a.json", "--out"], "Expected: mtl run JOB.json"),
    (["run", "absent.json", "--events=bars"], "absent.json cannot be opened"),
])
def test_a_mistake_is_named_and_answered(mtl, words, said):
    code, out, err = mtl(*words, *(["--events=bars"] if words[0] == "run" else []))
    assert code == 2
    assert said in one_line(err)
    assert out == "" and "Traceback" not in err


# -- values --------------------------------------------------------------------------------------------------------

@pytest.fixture
def job_of(monkeypatch):
    """The parameters that a command line would run with."""
    def run(*words):
        jobs = []
        monkeypatch.setattr(cli, "run_stage", lambda job, report: jobs.append(job) or Result({}, {}))
        assert cli.main([str(word) for word in words]) == 0
        return jobs[0].params

    return run


@pytest.mark.parametrize("words", [["blue,green,-,nir"], ["blue", "green", "-", "nir"], ["blue, green,", "-,nir"]])
def test_bands_may_stand_in_one_word_or_in_several(job_of, words):
    assert job_of("train", "--scene", "a.tif", "--out", "x", "--bands", *words).bands == ("blue", "green", "-", "nir")


def test_numbers_of_a_grid_may_stand_in_one_word_or_in_several(job_of):
    params = job_of("tune", "--scene", "a.tif", "--out", "x", "--filters", "8,16", "--learning-rate", "1e-3", "1e-4")
    assert (params.filters, params.learning_rate) == ((8, 16), (1e-3, 1e-4))


def test_files_keep_their_commas_and_become_absolute(job_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = job_of("train", "--scene", "a,b.tif", "../c d.tif", "--landslides", "s.gpkg|layername=2015", "--out", "ü x")
    assert params.scene == (str(tmp_path / "a,b.tif"), str(tmp_path.parent / "c d.tif"))
    assert params.landslides == f"{tmp_path / 's.gpkg'}|layername=2015"
    assert params.out == str(tmp_path / "ü x")


@pytest.mark.parametrize(("words", "field"), [
    (["study", "a.json", "--training", "b.json", "--out", "x"], "series"), (["sample", "a.json"], "out"),
    (["report", "a.json", "--out", "x"], "study"), (["models", "a.json"], "model")])
def test_the_first_word_may_be_the_main_input(job_of, tmp_path, monkeypatch, words, field):
    monkeypatch.chdir(tmp_path)
    given = getattr(job_of(*words), field)
    assert given == getattr(job_of(words[0], f"--{field}", *words[1:]), field)
    assert given.endswith("a.json")


def test_given_values_beat_the_preset_and_empty_ones_are_not_given(job_of):
    params = job_of("train", "--scene", "a.tif", "--out", "x", "--preset", "paper", "--batch-size", "4", "--no-flips",
                    "--landslides", "")
    assert (params.training_epochs, params.batch_size, params.flips, params.landslides) == (250, 4, False, None)


def test_a_job_file_runs_into_another_folder_and_resumes(job_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    job = tmp_path / "there" / "job.json"
    job.write_text(json.dumps({"stage": "train", "params": {"scene": ["a.tif"], "out": "model"}}))
    assert job_of("run", job, "--events=bars").out == str(tmp_path / "there" / "model")
    for words in (["--out=new", "--resume"], ["--resume", "--out", "new"]):
        params = job_of("run", *words, "there/job.json", "--events", "bars")
        assert (params.scene, params.out, params.resume) == ((str(tmp_path / "there" / "a.tif"),),
                                                             str(tmp_path / "new"), True)


# -- what it prints ------------------------------------------------------------------------------------------------

def test_a_piped_run_is_plain_text_without_bars():
    done = piped(driver("""
        report.stage("Working"); report.progress(0.5, "half"); report.warn("Clouds are not masked.")
        import os; os.write(2, b"noise of a library")
    """))
    assert done.returncode == 0
    out = done.stdout.decode()
    assert out.splitlines()[:2] == ["Working ...", "Note: Clouds are not masked."]
    assert "landslides: 3" in out and "map: /data/karte.tif" in out
    assert "\x1b" not in out and "\r" not in out and "%" not in out
    assert done.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_lacks_letters_is_no_reason_to_fail(encoding):
    done = piped(driver("report.stage('Größe [m²] 地すべり'); raise errors.InputError('a.b', '地すべり.tif is bad.')"),
                 PYTHONIOENCODING=encoding)
    assert done.returncode == 3
    assert b"???" in done.stdout and b".tif is bad." in done.stderr


def test_failures_go_to_stderr_in_two_lines():
    done = piped(driver("raise errors.InputError('a.b', 'a [red] file.tif is damaged.', 'Copy it again.')"))
    assert done.returncode == 3
    assert done.stderr.decode().splitlines() == ["a [red] file.tif is damaged.", "Copy it again."]


def test_a_bug_is_one_sentence_and_a_log_with_the_traceback(tmp_path):
    done = piped(driver("print('a hint', file=sys.stderr); return 1 / 0"), TMPDIR=str(tmp_path))
    assert done.returncode == 1
    first, second = done.stderr.decode().splitlines()
    assert first == "The engine met an error that it does not know: ZeroDivisionError: division by zero"
    log = Path(second.removeprefix("Please report it with this file: "))
    assert log.parent == tmp_path
    assert "a hint" in log.read_text() and "Traceback" in log.read_text()
    assert "Traceback" not in done.stdout.decode()


def test_a_bug_before_the_work_is_no_traceback_either(tmp_path):
    code = "from model_core import cli; cli._parse = lambda *_: 1 / 0; raise SystemExit(cli.main(['models']))"
    done = piped([sys.executable, "-c", code], TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert len(done.stderr.decode().splitlines()) == 2
    assert "Traceback" in next(tmp_path.glob("*.log")).read_text()


def test_a_run_without_a_bug_leaves_no_log(tmp_path):
    for body in ("pass", "raise errors.InputError('a.b', 'Bad.')"):
        piped(driver(body), TMPDIR=str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_read_enough_gets_no_traceback():
    command = " ".join([sys.executable, "-m", "model_core", "train", "--help"])
    done = piped(["sh", "-c", f"{command} | head -1"])
    assert done.stdout == b"usage: mtl train [-h] [OPTIONS]\n"
    assert done.stderr == b""


# -- Ctrl-C --------------------------------------------------------------------------------------------------------

CTRL_C = b"\x03"
BUSY = """
    import time
    report.stage("Working")
    for i in range(1000):
        report.progress(i / 1000, "busy"); time.sleep(0.02)
"""
DEAF = """
    import time
    report.stage("Working"); report.progress(0.1, "busy")
    for _ in range(1000):
        time.sleep(0.02)
"""
HANGS = """
    import time
    report.stage("Working"); report.progress(0.1, "busy")
    try:
        time.sleep(60)
    finally:
        while True:
            try:
                report.log("clearing up"); time.sleep(60)
            except KeyboardInterrupt:
                pass
"""


def on_a_terminal(command, *presses, timeout=SOON_S):
    """Runs a command on a terminal; (text, keys): as soon as the text shows, the keys are pressed.

    Returns exit code and what the terminal showed, without colours.
    """
    pid, terminal = pytest.importorskip("pty").fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "100"})
    waiting, shown, seen, end = list(presses), b"", 0, time.monotonic() + timeout
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            read = b""
        if not read:
            break
        shown += read
        if waiting and waiting[0][0].encode() in shown[seen:]:
            seen = len(shown)
            os.write(terminal, waiting.pop(0)[1])
    else:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return code, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_one_ctrl_c_ends_after_the_step():
    code, shown = on_a_terminal(driver(BUSY), ("busy", CTRL_C))
    assert code == Cancelled.exit_code
    assert "press Ctrl-C again to stop at once" in shown
    assert "The work was stopped on request." in shown
    assert "Traceback" not in shown and "KeyboardInterrupt" not in shown


def test_a_second_ctrl_c_ends_at_once():
    code, shown = on_a_terminal(driver(DEAF), ("busy", CTRL_C), ("again", CTRL_C))
    assert code == Cancelled.exit_code
    assert "Stopped at once." in shown
    assert "Traceback" not in shown


def test_a_third_ctrl_c_does_not_wait_for_clearing_up():
    code, shown = on_a_terminal(driver(HANGS), ("busy", CTRL_C), ("again", CTRL_C), ("clearing up", CTRL_C))
    assert code == Cancelled.exit_code
    assert "Traceback" not in shown


def test_a_training_stopped_by_ctrl_c_says_how_to_go_on_and_shows_no_noise_of_libraries(tmp_path):
    assert cli.main(["sample", "--kind", "pair", "--out", str(tmp_path / "study"), "--size-px", "128", "--n-landslides", "30"]) == 0
    command = [sys.executable, "-m", "model_core", "train", "--series", str(tmp_path / "study" / "series.json"),
               "--out", str(tmp_path / "model"), "--filters", "8", "--training-epochs", "500", "--batch-size", "2",
               "--patch-size-px", "32", "--stride-px", "32", "--jitter-px", "0", "--guard-px", "0", "--n-blocks", "3",
               "--min-landslides", "1", "--device", "cpu"]
    code, shown = on_a_terminal(command, ("Training epoch 2 of 500", CTRL_C), timeout=120)
    assert code == Cancelled.exit_code, shown[-2000:]
    assert shown.rstrip().splitlines()[-2:] == ["The work was stopped; what was learned so far is kept.",
                                                "Go on with the same command and --resume."]
    assert not re.search(r"oneDNN|TF_|absl|WARNING|Warning|Traceback", shown)
    assert (tmp_path / "model.partial").exists() and not (tmp_path / "model").exists()
