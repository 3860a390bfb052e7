"""What stands for the content of a file, whatever its time, name and place."""

from __future__ import annotations

import hashlib
import sqlite3
from functools import lru_cache
from pathlib import Path

_CHUNK = 2**22
# What viewers leave beside a file and what changes nothing.
_PASSING = (".aux.xml", ".ovr", "-wal", "-shm", "-journal", ".qix", ".qmd", ".qml")


def content_of(source: str) -> list[str]:
    """Digests of an input and of what belongs to it: metadata and mask of a scene, the parts of a shapefile.

    A GeoPackage stands for the rows of its layers: QGIS rewrites its head whenever it opens one. Layers are all taken
    together, since a layer's name may be left out.

    Args:
        source: A file, or "file.gpkg|layername=clouds".

    Returns:
        Nothing for a file that is not there.
    """
    path, _, layer = source.partition("|")
    return [*(digest_of(part) for part in _family(Path(path))), *([layer] if layer else [])]


def _family(path: Path) -> list[Path]:
    if not path.is_file():
        return []
    family = {path, *path.parent.glob(f"{path.stem}.*"), *path.parent.glob(f"{path.stem}_metadata.*"),
              *path.parent.glob(f"{path.stem}_udm*.*")}
    return sorted(member for member in family if member.is_file() and not member.name.endswith(_PASSING))


def digest_of(path: Path) -> str:
    """Digest of one file; of a GeoPackage that of its rows."""
    wal = path.with_name(path.name + "-wal")  # edits that QGIS has not yet moved into a GeoPackage
    status = [(s.st_size, s.st_mtime_ns) for s in (p.stat() for p in (path, wal) if p.exists())]
    return _digest_once(path, tuple(status))


@lru_cache(maxsize=4096)
def _digest_once(path: Path, _status: tuple[tuple[int, int], ...]) -> str:
    """Read once as long as size and time stay."""
    if path.suffix.lower() == ".gpkg":
        try:
            return _digest_of_rows(path)
        except sqlite3.Error:
            pass  # damaged, or none: whoever reads it will say so
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _digest_of_rows(path: Path) -> str:
    total = hashlib.sha256()
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        tables = database.execute("SELECT table_name, srs_id FROM gpkg_contents ORDER BY table_name").fetchall()
        for table, crs in tables:
            total.update(repr((table, crs)).encode())
            name = table.replace('"', '""')
            for row in database.execute(f'SELECT * FROM "{name}" ORDER BY rowid'):
                total.update(repr(row).encode())
    finally:
        database.close()
    return total.hexdigest()
