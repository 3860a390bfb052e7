"""What an analyst meets where results cannot be written, and with runs that did not end."""

import subprocess
import sys
from pathlib import Path

import pytest

from model_core.contract.errors import Cancelled, OutputError, UsageError

from .conftest import QUICK_WORDS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("words", [["predict", "--model", "absent", "--scene", "absent.tif"],
                                   ["train", "--scene", "absent.tif"]])
def test_results_that_could_not_be_written_are_refused_before_the_input_is_read(refused, tmp_path, words):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.doc").touch()
    (tmp_path / "file").touch()
    assert "exists already" in refused(OutputError, *words, out="taken")[0]
    assert "exists already" in refused(OutputError, *words, out="file")[0]
    # Even the superuser cannot make a folder below a file.
    assert "a part of its path is a file" in refused(OutputError, *words, out="file/below/it")[0]
    assert "its name is too long" in refused(OutputError, *words, out="x" * 300)[0]


def test_a_folder_that_may_not_be_written(refused, tmp_path, monkeypatch):
    # Permissions do not bind the superuser: the refusal of the system is acted.
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("model_core.geo.files.tempfile.TemporaryFile", denied)
    message, hint = refused(OutputError, "train", "--scene", "absent.tif")
    assert message.endswith("cannot be written: no permission, or it is in use.") and "another folder" in hint


def limited(bytes_, *words):
    """Runs a command in a process that may write files of this size only: what a full disk looks like from inside."""
    pytest.importorskip("resource")
    code = (f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_}, {bytes_})); "
            "from model_core.cli import main; sys.exit(main())")
    return subprocess.run([sys.executable, "-c", code, *(str(word) for word in words)], cwd=ROOT, capture_output=True,
                          timeout=120, check=False)


@pytest.mark.parametrize(("bytes_", "stage"), [
    (20_000, "sample"), (600_000, "sample"), (4_000, "compare"), (100_000, "compare"),
])
def test_a_full_disk(tmp_path, slides, bytes_, stage):
    words = ["--kind", "pair", "--size-px", "256"] if stage == "sample" else ["--polygons", slides, "--reference", slides]
    done = limited(bytes_, stage, *words, "--out", tmp_path / "out")
    assert done.returncode == OutputError.exit_code, done.stderr
    message, hint = done.stderr.decode().splitlines()
    assert "could not be written" in message and "ree some space" in hint
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_when_weights_are_saved(tmp_path, series):
    """HDF5 would crash the process at its end, most surely where little is missing: room is made sure of before."""
    done = limited(1_900_000, "train", "--series", series, "--out", tmp_path / "out", *QUICK_WORDS)
    assert done.returncode == OutputError.exit_code, done.stderr
    assert done.stderr.decode().splitlines() == [f"{tmp_path / 'out'} could not be written: the disk is full.",
                                                 "Free some space or choose another folder."]
    assert not list(tmp_path.iterdir())


def test_an_unfinished_training_is_neither_lost_nor_mixed_with_another(refused, mtl, series, tmp_path, monkeypatch):
    words = ["train", "--series", series, *QUICK_WORDS]
    first_epoch = tmp_path / "out.partial" / "state" / "epoch_0001"
    with monkeypatch.context() as patch:
        patch.setattr("model_core.console.Console.cancelled", lambda _: first_epoch.exists())
        code, _, err = mtl(*words)
    assert code == Cancelled.exit_code and "--resume" in err
    message, hint = refused(OutputError, *words)
    assert "An unfinished run lies in" in message and "--resume" in hint
    message, hint = refused(UsageError, *words, "--resume", "--seed", "1", "--fold", "2")
    assert "has other settings" in message and "fold was 0, now 2" in message and "seed was 0, now 1" in message
    scrap = tmp_path / "out.partial" / ".curves.png.killed.partial"
    scrap.mkdir()
    assert mtl(*words, "--resume")[0] == 0
    assert not list((tmp_path / "out").rglob(".*"))
