import errno
import json
import subprocess
import sys

import pytest

from model_core.contract.errors import OutputError
from model_core.geo import files
from model_core.geo.files import check_space, check_writable, run_folder, write_json_atomic, write_text_atomic


def names(folder):
    return sorted(f.name for f in folder.iterdir())


def test_results_get_their_name_when_all_is_done(tmp_path):
    out = tmp_path / "new" / "run 1"
    with run_folder(out) as folder:
        assert folder == tmp_path / "new" / "run 1.partial"
        (folder / "map.tif").write_text("x")
        assert not out.exists()
    assert names(tmp_path / "new") == ["run 1"] and names(out) == ["map.tif"]


def test_a_failed_run_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), run_folder(tmp_path / "run") as folder:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_failed_run_may_be_kept_and_resumed(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(RuntimeError), run_folder(out, keep_partial=True) as folder:
        (folder / "epoch-1").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == ["run.partial"]
    with run_folder(out, resume=True) as folder:
        assert (folder / "epoch-1").exists()
    assert names(tmp_path) == ["run"] and names(out) == ["epoch-1"]


def test_a_new_run_clears_what_a_killed_one_left(tmp_path):
    with pytest.raises(RuntimeError), run_folder(tmp_path / "run", keep_partial=True) as folder:
        (folder / "old").write_text("x")
        raise RuntimeError
    with run_folder(tmp_path / "run") as folder:
        assert not (folder / "old").exists()


def test_a_foreign_folder_of_that_name_is_not_cleared(tmp_path):
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "thesis.doc").write_text("x")
    with pytest.raises(OutputError, match="in the way"), run_folder(tmp_path / "run"):
        pass
    assert (tmp_path / "run.partial" / "thesis.doc").exists()


def test_results_are_never_overwritten(tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    with run_folder(out):  # an empty folder is fine
        pass
    (out / "map.tif").write_text("x")
    with pytest.raises(OutputError, match="exists already") as caught, run_folder(out):
        pass
    assert caught.value.hint and (out / "map.tif").read_text() == "x"
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="exists already"), run_folder(tmp_path / "file"):
        pass


def test_text_and_json_are_written_whole(tmp_path):
    write_text_atomic(tmp_path / "a.txt", "größer\n")
    assert (tmp_path / "a.txt").read_bytes() == "größer\n".encode()
    write_json_atomic(tmp_path / "a.json", {"name": "नेपाल", "n": 3})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "नेपाल", "n": 3}
    assert "नेपाल" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert names(tmp_path) == ["a.json", "a.txt"]


def test_json_without_numbers_for_nan_is_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json_atomic(tmp_path / "a.json", {"x": float("nan")})
    assert names(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [
    (errno.ENOSPC, "output.no-space"), (errno.EROFS, "output.not-writable"), (errno.EACCES, "output.not-writable"),
    (errno.EIO, "output.failed")])
def test_errors_of_the_disk_are_said_in_plain_words_and_keep_the_old_file(tmp_path, monkeypatch, number, code):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(_):
        raise OSError(number, "no")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OutputError, match=r"a\.txt") as caught:
        write_text_atomic(path, "new")
    assert caught.value.code == code and caught.value.hint
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="folder does not exist"):
        write_text_atomic(tmp_path / "no" / "a.txt", "x")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_nothing(tmp_path):
    script = """
import resource, sys
from pathlib import Path
from model_core.contract.errors import OutputError
from model_core.geo.files import write_text_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    write_text_atomic(Path(sys.argv[1]), "x" * 5000)
except OutputError as error:
    print(error.code)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "a.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "output.no-space" and names(tmp_path) == []


def test_writable_places_are_told_before_the_work(tmp_path, monkeypatch):
    check_writable(tmp_path / "not" / "yet" / "there")
    assert names(tmp_path) == []

    def fail(**_):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", fail)
    with pytest.raises(OutputError, match="no permission"):
        check_writable(tmp_path / "a")


def test_too_little_room_is_told_in_numbers(tmp_path):
    check_space(tmp_path / "not yet", 1000)
    with pytest.raises(OutputError, match=r"need about 1048576\.0 GiB, but .* left"):
        check_space(tmp_path, 2**50)


def test_a_second_run_with_the_same_folder_is_refused_and_harms_nothing(tmp_path):
    script = ("import sys; from pathlib import Path; from model_core.geo.files import run_folder\n"
              "with run_folder(Path(sys.argv[1])) as folder:\n"
              "    (folder / 'map.tif').write_text('x'); print('begun', flush=True); sys.stdin.readline()")
    first = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run")], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "begun\n"
        with pytest.raises(OutputError, match="Another run is writing"), run_folder(tmp_path / "run"):
            pass
        assert (tmp_path / "run.partial" / "map.tif").exists()
        first.communicate("\n", timeout=60)
    finally:
        first.kill()
        first.wait()
    assert names(tmp_path) == ["run"] and names(tmp_path / "run") == ["map.tif"]


def test_the_lock_of_a_killed_run_is_no_hindrance(tmp_path):
    (tmp_path / ".run.lock").touch()
    with run_folder(tmp_path / "run"):
        pass
    assert names(tmp_path) == ["run"]
