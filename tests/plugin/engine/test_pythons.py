import os
import sys
from pathlib import Path

import pytest

from mtl_qgis_plugin.engine import pythons
from mtl_qgis_plugin.engine.door import errors

posix = pytest.mark.skipif(os.name == "nt", reason="shell scripts of POSIX")


def test_this_python_answers():
    python = pythons.probe(Path(sys.executable))
    assert python.version == sys.version_info[:3]
    assert python.bits == 64
    assert python.is_environment == (sys.prefix != sys.base_prefix)


@posix
@pytest.mark.parametrize("script", ["exit 1", "echo hello", "echo '{}'", "echo '[1'", "exit 0"])
def test_a_program_that_is_no_python_is_refused_in_words(tmp_path, script):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(errors.ResourceError, match="Choose the program python"):
        pythons.probe(program)


def test_an_absent_program_is_named(tmp_path):
    with pytest.raises(errors.ResourceError, match="is not there"):
        pythons.probe(tmp_path / "python")


def test_linux_looks_on_the_path_in_the_system_and_beside_qgis():
    found = pythons.candidates("Linux", {}, "/opt/qgis", {"python3.12": "/home/a/bin/python3.12", "python3": "/usr/bin/python3"}.get)
    assert found[0] == "/home/a/bin/python3.12"
    assert {"/usr/bin/python3.11", "/usr/bin/python3.13", "/opt/qgis/bin/python3.12", "/usr/bin/python3"} <= set(found)
    assert len(found) == len(set(found))


def test_macos_looks_at_homebrew_python_org_and_last_into_qgis():
    found = pythons.candidates("Darwin", {}, "/Applications/QGIS.app/Contents/MacOS", lambda name: None)
    assert "/opt/homebrew/bin/python3.12" in found and "/Library/Frameworks/Python.framework/Versions/3.12/bin/python3.12" in found
    assert found.index("/opt/homebrew/bin/python3.11") < found.index("/Applications/QGIS.app/Contents/MacOS/bin/python3.12")


def test_windows_looks_at_qgis_own_python_and_python_org_but_not_at_the_path():
    environ = {"OSGEO4W_ROOT": r"C:\Program Files\QGIS 3.40.1", "LocalAppData": r"C:\Users\Anū\AppData\Local", "ProgramFiles": r"C:\Program Files",
               "SystemDrive": "C:", "Path": r"C:\Users\Anū\AppData\Local\Microsoft\WindowsApps"}
    found = pythons.candidates("Windows", environ, r"C:\Program Files\QGIS 3.40.1\apps\Python312", None)
    assert found[0] == r"C:\Program Files\QGIS 3.40.1\apps\Python312\python.exe"
    assert r"C:\Users\Anū\AppData\Local\Programs\Python\Python312\python.exe" in found
    assert r"C:\Program Files\Python313\python.exe" in found and r"C:\Python311\python.exe" in found
    assert not any("qgis-bin" in path or "WindowsApps" in path for path in found)


def test_what_stands_in_for_a_missing_python_is_passed_over(tmp_path, monkeypatch):
    """pyenv puts a python3.13 on the PATH that only says that there is none."""
    if os.name == "nt":
        pytest.skip("shell scripts of POSIX")
    (tmp_path / "python3.13").write_text("#!/bin/sh\necho 'command not found' >&2; exit 127\n")
    (tmp_path / "python3.13").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = pythons.find_pythons()
    assert str(tmp_path) not in {str(python.path.parent) for python in found}
    assert all(not python.is_environment for python in found)


def test_uv_is_looked_for_where_its_installers_put_it(tmp_path):
    assert pythons.uv_places("Linux", {"HOME": "/home/a"}, tmp_path)[1:] == [Path("/home/a/.local/bin/uv"), Path("/home/a/.cargo/bin/uv")]
    assert Path("/opt/homebrew/bin/uv") in pythons.uv_places("Darwin", {}, tmp_path)
    windows = pythons.uv_places("Windows", {"UserProfile": "C:/Users/a", "LOCALAPPDATA": "C:/Users/a/AppData/Local"}, tmp_path)
    assert [place.name for place in windows] == ["uv.exe"] * 3


def test_the_program_behind_an_environment_is_read_as_each_system_keeps_it(tmp_path):
    starter = tmp_path / "Scripts" / "python.exe"
    assert pythons.program_behind(starter, "Windows") == str(starter)
    (tmp_path / "pyvenv.cfg").write_text("home = C:\\QGIS = 3\\Python312\nversion = 3.12.1\n")
    assert pythons.program_behind(starter, "Windows") == str(Path("C:\\QGIS = 3\\Python312") / "python.exe")
    assert pythons.program_behind(Path(sys.executable), "Linux") == os.path.realpath(sys.executable)


def test_interpreters_lie_where_each_system_puts_them():
    assert pythons.python_of(Path("/e"), "Linux") == pythons.python_of(Path("/e"), "Darwin") == Path("/e/bin/python")
    assert pythons.python_of(Path("/e"), "Windows") == Path("/e/Scripts/python.exe")
