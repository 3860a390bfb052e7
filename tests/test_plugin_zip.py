"""The plugin's zip obeys the rules of QGIS's plugin repository and carries all that the engine needs."""

import configparser
import importlib.util
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from model_core import __version__

ROOT = Path(__file__).parents[1]
REQUIRED = ("name", "description", "version", "qgisMinimumVersion", "author", "email", "about", "tracker", "repository", "homepage", "changelog")


def load():
    spec = importlib.util.spec_from_file_location("package_script", ROOT / "requirements" / "package.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


package = load()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return package.make_zip(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def names(archive):
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return file.namelist()


@pytest.fixture(scope="module")
def metadata(archive):
    with zipfile.ZipFile(archive) as file:
        text = file.read("mtl_qgis_plugin/metadata.txt").decode("utf-8")
    # As QGIS and the repository read it: a % that is no variable would raise here.
    parser = configparser.ConfigParser()
    parser.optionxform = str
    parser.read_file(io.StringIO(text))
    return dict(parser.items("general"))


def test_the_zip_has_one_folder_that_is_a_package_with_licence_and_metadata(archive, names):
    assert {name.split("/")[0] for name in names} == {"mtl_qgis_plugin"}
    assert {f"mtl_qgis_plugin/{name}" for name in ("__init__.py", "metadata.txt", "LICENSE")} <= set(names)
    assert len(names) == len(set(names))
    assert archive.stat().st_size <= 25_000_000
    assert archive.name == f"mtl_qgis_plugin-{__version__}.zip"


def test_the_zip_holds_nothing_compiled_hidden_or_outside(names):
    for name in names:
        parts = name.split("/")
        assert not name.startswith("/") and ".." not in name and "\\" not in name and ".pyc" not in name
        assert not any(part.startswith(".") or part in ("__pycache__", "__MACOSX") for part in parts), name


def test_the_installer_finds_one_metadata_file_only(names):
    assert [name for name in names if name.endswith("metadata.txt")] == ["mtl_qgis_plugin/metadata.txt"]


def test_engine_weights_and_lists_of_versions_are_bundled(names):
    inside = {name.removeprefix("mtl_qgis_plugin/bundled/") for name in names}
    assert {"model_core/__main__.py", "model_core/contract/errors.py", "weights/README.md", "requirements/cpu.txt", "requirements/uv.txt"} <= inside
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "model_core").rglob("*.py")}
    assert sources <= inside
    assert not any(name.startswith("tests") or name.endswith("dev.txt") for name in inside)


def test_the_metadata_is_complete_and_written_as_the_repository_reads_it(metadata):
    assert all(metadata.get(key, "").strip() for key in REQUIRED)
    assert metadata["version"] == __version__
    assert (metadata["qgisMinimumVersion"], metadata["qgisMaximumVersion"]) == ("3.22", "4.99")
    for key in ("experimental", "supportsQt6", "hasProcessingProvider", "deprecated", "server"):
        assert metadata.get(key, "False") in ("True", "False")
    assert "/" not in metadata["author"]


def test_the_changelog_is_that_of_the_version(metadata, monkeypatch, tmp_path):
    lines = metadata["changelog"].splitlines()
    assert lines[0] == __version__ and any(line.startswith("- ") for line in lines)
    assert not re.search(r"[`#]", metadata["changelog"])
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- later\n\n## [2.0.0] - 2027-01-01\n\n### Fixed\n\n- one\n  goes on, 5 %\n- two\n\n## 1.0.0\n\n- old\n")
    monkeypatch.setattr(package, "ROOT", tmp_path)
    assert package.changelog("2.0.0") == ["Fixed", "- one goes on, 5 %", "- two"]
    assert package.changelog("3.0.0") == ["- later"]


def test_the_same_files_make_the_same_zip(archive, tmp_path):
    assert package.make_zip(tmp_path).read_bytes() == archive.read_bytes()


def test_a_zip_that_is_too_large_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "LIMIT_BYTES", 1000)
    with pytest.raises(SystemExit, match="repository takes 1,000"):
        package.make_zip(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_unpacked_plugin_runs_its_own_engine(archive, tmp_path):
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "plugins with space")
    code = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from mtl_qgis_plugin.engine import door, job_file, process
engine = process.Engine(Path(sys.executable), door.FOLDER)
here = Path(sys.argv[1])
print(process.run_job(engine, job_file.write_job("models", {}, here), here / "logs", manners=process.Manners(keep_awake=False)).summary["models"])
print(door.FOLDER, "model_core" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-I", "-c", code, str(tmp_path / "plugins with space")], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == f"{tmp_path / 'plugins with space' / 'mtl_qgis_plugin' / 'bundled'} False"


def test_the_development_folder_links_the_checkout(tmp_path):
    plugin = package.make_dev(tmp_path)
    assert (plugin / "engine").resolve() == ROOT / "mtl_qgis_plugin" / "engine"
    assert (plugin / "bundled" / "model_core" / "__main__.py").is_file()
    assert "version=" in (plugin / "metadata.txt").read_text()
    assert package.make_dev(tmp_path) == plugin
    told = subprocess.run([sys.executable, "-I", "-c", "import sys; sys.path.insert(0, sys.argv[1]); from mtl_qgis_plugin.engine import door; "
                           "print(door.FOLDER); print(door.library.bundled_folder())", str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [str(plugin / "bundled"), str(ROOT / "weights")]
    assert (ROOT / "mtl_qgis_plugin" / "plugin.py").exists(), "removing the old links removes no files"
