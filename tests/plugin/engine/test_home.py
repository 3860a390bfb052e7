import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mtl_qgis_plugin.engine import home as homes
from mtl_qgis_plugin.engine.door import errors

ROOT = Path(__file__).parents[3]
STAMP = homes.Stamp("0.1.0", "3.12.1", "cpu", "tensorflow", "abc", "/p", "/b", {"device": "x"})


@pytest.fixture
def home(tmp_path):
    return tmp_path / "Ünï 地 space" / homes.NAME


def make(home, name, stamp=STAMP):
    folder = home / "env" / name
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "file").write_bytes(b"x" * 1000)
    if stamp:
        homes.write_stamp(folder / homes.STAMP, stamp)
    return folder


def test_the_folder_lies_outside_qgis_profile_on_every_system():
    person = Path("/home/anū")
    assert homes.default_home("Linux", {}, person) == Path("/home/anū/.local/share/mtl-engine")
    assert homes.default_home("Linux", {"XDG_DATA_HOME": "/data"}, person) == Path("/data/mtl-engine")
    assert homes.default_home("Darwin", {}, person) == Path("/home/anū/Library/Application Support/mtl-engine")
    assert homes.default_home("Windows", {"LOCALAPPDATA": "/local"}, person) == Path("/local/mtl-engine")


def test_a_chosen_folder_gets_a_folder_of_the_engines_own():
    assert homes.home_below(Path("/data")) == homes.home_below(Path("/data/mtl-engine")) == Path("/data/mtl-engine")


def test_windows_limit_of_paths_is_seen_before_anything_is_fetched():
    assert not homes.too_long(Path(r"C:\mtl-engine"), "Windows")
    assert homes.too_long(Path("C:\\" + "a" * 80), "Windows")
    assert not homes.too_long(Path("/" + "a" * 200), "Linux")


def test_an_environment_counts_once_its_stamp_is_written(home):
    half = make(home, "half", stamp=None)
    whole = make(home, "whole")
    assert homes.environments(home) == [whole]
    assert homes.read_stamp(whole / homes.STAMP) == STAMP
    homes.sweep(home)
    assert whole.exists() and not half.exists()


def test_the_newest_environment_comes_first_and_a_new_one_has_a_new_name(home):
    older, newer = make(home, "a"), make(home, "b")
    os.utime(older / homes.STAMP, (1, 1))
    assert homes.environments(home) == [newer, older]
    assert homes.new_folder(home, "a").name == "a-2"
    homes.sweep(home, keep=newer)
    assert homes.environments(home) == [newer] and not older.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1, "other": 2}'])
def test_a_stamp_that_is_none_is_no_accident(tmp_path, text):
    (tmp_path / "engine.json").write_text(text)
    assert homes.read_stamp(tmp_path / "engine.json") is None
    assert homes.read_stamp(tmp_path / "absent.json") is None


def test_two_at_once_are_kept_apart_and_a_killed_owner_opens_the_lock(home):
    code = textwrap.dedent(f"""
        import sys, time; sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from mtl_qgis_plugin.engine.home import locked
        with locked(Path({str(home)!r})):
            print("locked", flush=True); time.sleep(60)
    """)
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout.readline().strip() == b"locked"
    with pytest.raises(errors.ResourceError, match="Another QGIS"), homes.locked(home):
        pass
    other.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    other.wait()
    other.stdout.close()
    with homes.locked(home):
        pass
    with homes.locked(home):
        pass


def test_removing_takes_what_is_ours_and_nothing_else(home):
    make(home, "a")
    (home / "cache").mkdir()
    (home / "logs").mkdir()
    homes.write_stamp(home / "own.json", STAMP)
    (home / "a letter.txt").write_text("mine")
    homes.remove_all(home)
    assert [path.name for path in home.iterdir()] == ["a letter.txt"]
    (home / "a letter.txt").unlink()
    make(home, "a")
    homes.remove_all(home)
    assert not home.exists()
    homes.remove_all(home)  # nothing to do


def test_a_folder_that_is_not_the_engines_is_never_removed(tmp_path):
    (tmp_path / "cache").mkdir()
    with pytest.raises(errors.OutputError, match="by hand"):
        homes.remove_all(tmp_path)
    assert (tmp_path / "cache").exists()


def test_read_only_files_are_removed_too(home):
    folder = make(home, "a")
    (folder / "lib" / "file").chmod(0o400)
    (folder / "lib").chmod(0o500)
    assert homes.remove_tree(folder)


def test_something_in_use_is_said(home, monkeypatch):
    make(home, "a")
    monkeypatch.setattr(homes.shutil, "rmtree", lambda *_, **__: None)
    monkeypatch.setattr(homes.time, "sleep", lambda _: None)
    with pytest.raises(errors.OutputError, match="in use"):
        homes.remove_all(home)
    assert homes.environments(home) == [], "a half-removed environment is none"


def test_the_size_counts_a_file_with_two_names_once(home):
    folder = make(home, "a")
    assert homes.size_mb([home / "env" / "a" / "lib"]) == pytest.approx(0.001)
    os.link(folder / "lib" / "file", home / "twin")
    assert homes.size_mb([home / "env" / "a" / "lib", home]) >= 0.001
    (home / "cache").mkdir()
    (home / "twin").replace(home / "cache" / "twin")
    assert homes.size_mb([home / "env" / "a" / "lib", home / "cache"]) == pytest.approx(0.001)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(errors.OutputError, match="Choose another folder"), homes.locked(tmp_path / "file" / "mtl-engine"):
        pass
