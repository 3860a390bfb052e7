"""Results appear whole or not at all: folders and files are written beside their place and then renamed."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ..contract.errors import OutputError

# Proves that a left-over "<name>.partial" is ours to clear away.
_MARK = ".unfinished-run"


@contextmanager
def run_folder(out: Path, *, resume: bool = False, keep_partial: bool = False) -> Iterator[Path]:
    """A folder to write results into, which becomes `out` when the block ends without an error.

    Args:
        out: The folder of the results. It may exist only if it is empty.
        resume: Goes on in the `<out>.partial` of an earlier run, if there is one. Otherwise that is cleared.
        keep_partial: Keeps `<out>.partial` when the block fails, so that a later run may resume.

    Yields:
        `<out>.partial`, which exists.

    Raises:
        OutputError: `out` exists, cannot be written, or is being written by another run.
    """
    check_new(out)
    partial = out.with_name(out.name + ".partial")
    with alone(out):
        with _explained(out):
            if partial.exists() and not resume:
                _clear(partial)
            partial.mkdir(parents=True, exist_ok=True)
            (partial / _MARK).touch()
        try:
            yield partial
            with _explained(out):
                (partial / _MARK).unlink(missing_ok=True)
                if out.exists():
                    out.rmdir()
                partial.replace(out)
        except BaseException:
            if not keep_partial:
                shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keeps a second run with the same folder from clearing what this one writes; ends with the process.

    Raises:
        OutputError: Another run has it, or the folder around it cannot be written.
    """
    path = out.with_name(f".{out.name}.lock")
    with _explained(out):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    try:
        if not _locked(file):
            raise OutputError("output.busy", f"Another run is writing {out} just now.",
                              "Wait until it has ended, or choose a new name for the results.", path=str(out))
        try:
            yield
        finally:
            with suppress(OSError):  # Windows cannot remove an open file; an empty one does no harm
                path.unlink()
    finally:
        file.close()


def check_new(out: Path) -> None:
    """Checks that a folder of results could be made, before the work that fills it.

    Raises:
        OutputError: It exists already and is not empty, or cannot be written.
    """
    with _explained(out):
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if taken:
        raise OutputError("output.exists", f"{out} exists already.",
                          "Choose a new name for the results: nothing is overwritten.", path=str(out))
    check_writable(out)


def write_text_atomic(path: Path, text: str) -> None:
    """Writes a UTF-8 text file.

    Raises:
        OutputError: The folder cannot be written or is full; an earlier file of that name is then untouched.
    """
    with scratch_folder(path) as folder, _explained(path):
        scratch = folder / path.name
        with scratch.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)


def write_json_atomic(path: Path, data: Any) -> None:
    """Writes a JSON file; NaN and infinity, which JSON does not know, are a ValueError.

    Raises:
        OutputError: The folder cannot be written or is full; an earlier file of that name is then untouched.
    """
    write_text_atomic(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv_atomic(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows of the same columns as a CSV file; an empty file where there is no row.

    Raises:
        OutputError: The folder cannot be written or is full; an earlier file of that name is then untouched.
    """
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text_atomic(path, text.getvalue())


def check_writable(path: Path) -> None:
    """Checks that a file or folder of this name could be written, before the work that fills it.

    Raises:
        OutputError: It could not.
    """
    with _explained(path):
        if any(parent.is_file() for parent in path.absolute().parents):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=existing_parent(path)):
            pass


def check_space(folder: Path, need_bytes: int, what: str = "The results") -> None:
    """Checks that there is room.

    Args:
        folder: Where, or below which folder.
        need_bytes: How much.
        what: For what, in the message.

    Raises:
        OutputError: There is not.
    """
    free = shutil.disk_usage(existing_parent(folder)).free
    if free < need_bytes:
        raise OutputError(
            "output.no-space",
            f"{what} need about {_size(need_bytes)}, but {folder} has {_size(free)} left.",
            "Free some space or choose another folder.", path=str(folder), need_bytes=need_bytes, free_bytes=free,
        )


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` for files on the way to it; it is gone afterwards, whatever happens.

    Raises:
        OutputError: The folder of `path` is missing, read-only or full.
    """
    with _explained(path):
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}.", suffix=".partial", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def explain(error: OSError, path: Path) -> OutputError:
    """The plain sentence for an error of the operating system while writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError("output.no-space", f"{path} could not be written: the disk is full.",
                           "Free some space or choose another folder.", path=str(path))
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError("output.not-writable", f"{path} cannot be written: no permission, or it is in use.",
                           "Choose another folder, or close the program that has the file open.", path=str(path))
    if error.errno == errno.ENOENT:
        return OutputError("output.no-folder", f"{path} cannot be written: its folder does not exist.",
                           "Create the folder or choose another one.", path=str(path))
    if error.errno == errno.ENOTDIR:
        return OutputError("output.no-folder", f"{path} cannot be written: a part of its path is a file, no folder.",
                           "Choose another folder.", path=str(path))
    if error.errno == errno.ENAMETOOLONG:
        return OutputError("output.name-too-long", f"{path} cannot be written: its name is too long.",
                           "Choose a shorter name.", path=str(path))
    return OutputError("output.failed", f"{path} could not be written ({error.strerror or error}).",
                       "Choose another folder.", path=str(path))


def existing_parent(path: Path) -> Path:
    """The nearest folder above `path` (or itself) that exists."""
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def _locked(file: IO[str]) -> bool:
    """Whether the file is now locked for this process. Where a file system has no locks it counts as locked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True


def _clear(partial: Path) -> None:
    if not (partial / _MARK).is_file():
        raise OutputError("output.exists", f"{partial} is in the way, and no earlier run left it there.",
                          "Move it away or choose a new name for the results.", path=str(partial))
    shutil.rmtree(partial)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.1f} MiB"
