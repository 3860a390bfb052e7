"""Makes the plugin's zip (`make package`) and a development folder (`make dev`). Standard library only.

The zip holds one folder, mtl_qgis_plugin: the plugin, LICENSE, metadata.txt with version and changelog written in, and
below bundled/ the engine with its weights and lists of versions. In the development folder the same things are links,
so that a change in the checkout shows after the next reload; run it again after adding a file.
"""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "mtl_qgis_plugin"
LIMIT_BYTES = 25_000_000  # of the plugin repository
LISTS_LEFT_OUT = {"dev.txt"}
# Zip files know no earlier time; one time for all makes the same zip from the same files.
_TIME = (1980, 1, 1, 0, 0, 0)


def main(words: list[str]) -> int:
    """Runs one of the two commands."""
    if words == ["zip"]:
        path = make_zip(ROOT / "dist")
        print(f"{path} ({path.stat().st_size / 1e6:.2f} MB)")
    elif words == ["dev"]:
        folder = make_dev(ROOT / "build" / "dev")
        print(f"{folder}\nStart QGIS with  QGIS_PLUGINPATH={folder.parent}  or link the folder into the profile's\n"
              "python/plugins, then enable 'Multi-temporal landslides' in the plugin manager.")
    else:
        print("usage: python requirements/package.py zip|dev", file=sys.stderr)
        return 2
    return 0


def make_zip(folder: Path) -> Path:
    """Writes the zip into a folder and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}-{version()}.zip"
    beside = path.with_suffix(".tmp")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in sorted(contents()):
            entry = zipfile.ZipInfo(f"{NAME}/{name}", _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            file.writestr(entry, content.read_bytes() if isinstance(content, Path) else content)
    size = beside.stat().st_size
    if size > LIMIT_BYTES:
        beside.unlink()
        raise SystemExit(f"The zip would have {size:,} bytes, the plugin repository takes {LIMIT_BYTES:,}.")
    beside.replace(path)
    return path


def make_dev(folder: Path) -> Path:
    """Makes the plugin's folder of links and returns it."""
    plugin = folder / NAME
    shutil.rmtree(plugin, ignore_errors=True)
    (plugin / "bundled").mkdir(parents=True)
    for path in (ROOT / NAME).iterdir():
        if path.name != "__pycache__":
            (plugin / path.name).symlink_to(path)
    for name in ("model_core", "weights", "requirements"):
        (plugin / "bundled" / name).symlink_to(ROOT / name)
    (plugin / "LICENSE").symlink_to(ROOT / "LICENSE")
    (plugin / "metadata.txt").write_text(metadata(), encoding="utf-8")
    return plugin


def contents() -> Iterator[tuple[str, Path | str]]:
    """Names in the zip's folder, and what they hold: a file or a text."""
    yield "metadata.txt", metadata()
    yield "LICENSE", ROOT / "LICENSE"
    yield from files(ROOT / NAME, "")
    yield from files(ROOT / "model_core", "bundled/model_core/")
    yield from files(ROOT / "weights", "bundled/weights/")
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        if path.name not in LISTS_LEFT_OUT:
            yield f"bundled/requirements/{path.name}", path


def files(folder: Path, lead: str) -> Iterator[tuple[str, Path]]:
    """All files below a folder but compiled, hidden and left-over ones."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        odd = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not odd and not path.name.endswith((".pyc", ".tmp", "~")):
            yield lead + "/".join(parts), path


def version() -> str:
    """The engine's version, which is the plugin's."""
    text = (ROOT / "model_core" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit("model_core/__init__.py has no __version__.")
    return found[1]


def metadata() -> str:
    """metadata.txt with the version and the newest part of the changelog."""
    text = (ROOT / "metadata.txt").read_text(encoding="utf-8")
    text = re.sub(r"^version=.*$", f"version={version()}", text, flags=re.MULTILINE)
    # QGIS reads it with Python's configparser: indented lines go on, and % begins a variable.
    changes = "\n  ".join(line.replace("%", "%%") for line in [version(), *changelog(version())])
    return f"{text.rstrip()}\nchangelog={changes}\n"


def changelog(number: str) -> list[str]:
    """The lines of a version in CHANGELOG.md, or of what is not released yet; one line an entry, without marks."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    parts = [part.partition("\n") for part in re.split(r"^## ", text, flags=re.MULTILINE)]
    titles = (number, "Unreleased")
    wanted = [part for name in titles for title, _, part in parts if title.strip(" []").startswith(name)]
    found = wanted[0] if wanted else ""
    entries = re.split(r"\n(?=- |### |\n)", found)
    lines = (" ".join(entry.split()) for entry in entries)
    return [line.lstrip("# ").replace("`", "'") for line in lines if line]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
