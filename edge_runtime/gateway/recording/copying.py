"""Captures taken away, to a stick: whole, proved by reading them again, and gone on with after a break."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, DataError, UnavailableError
from edge_runtime.gateway.recording.store import ENDING, path_word

SUMS: Final = "SHA256SUMS"
"""Beside the folders of sensors; `sha256sum -c SHA256SUMS` proves them again, wherever they are."""
_PARTIAL: Final = ".partial"
"""Ending of a file that is not whole yet."""
_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copied:
    """What was done."""

    files: int
    bytes: int
    """Copied now, without what was there already."""
    there: int
    """Files that were there already, proved again."""


def copy_captures(
    source: Path,
    target: Path,
    sensor_folder: str = "",
    say: Callable[[str], None] = lambda _text: None,
    *,
    remedy: str = "Record some: `record --help`",
) -> Copied:
    """Copy captures of all sensors, or of one, below `target`, which must be there.

    A file that is being written is copied as far as it is whole; another time it is gone on with. Raises
    DataError where there is none or another file has the name, UnavailableError where the disk is full, gone
    or gives back something else, AccessError where this user may not; `remedy` is of no captures.
    """
    done = [0, 0, 0]
    paths: list[Path] = []
    try:
        if not target.is_dir():
            mount = "Mount the stick, or make the folder"
            raise DataError("there is no such folder", where=str(target), remedy=mount)
        paths = files_of(source, sensor_folder, remedy)
        missing = (path for path in paths if not (target / _name(path)).exists())
        needed, disk = sum(path.stat().st_size for path in missing), os.statvfs(target)
        if needed > (free := disk.f_bavail * disk.f_frsize):
            what = f"the captures take {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free"
            larger = "Use a larger disk, or copy one --sensor at a time"
            raise UnavailableError(what, where=str(target), remedy=larger)
        sums: dict[str, str] = {}
        for path in paths:
            name = _name(path)
            digest, written = _copy(path, target / name)
            sums[name.as_posix()] = digest
            done = [done[0] + (written > 0), done[1] + written, done[2] + (written == 0)]
            say(f"{name}: {'copied' if written else 'is there'}, {digest[:12]}")
        _write_sums(target / SUMS, sums)
    except PermissionError as error:
        where = str(error.filename or source)
        raise AccessError("this user may not", where=where, remedy="Run it with sudo") from error
    except OSError as error:
        what = f"{error.strerror or error} after {done[0] + done[2]} of {len(paths)} captures"
        again = "See to the disk and run it again: it goes on where it stopped"
        raise UnavailableError(what, where=str(error.filename or target), remedy=again) from error
    return Copied(*done)


def files_of(
    source: Path, sensor_folder: str = "", remedy: str = "Record some: `record --help`"
) -> list[Path]:
    """The captures of all sensors, or of one. Raises OSError, and DataError where there is none."""
    # Not by a pattern: what may not be read would be left out without a word.
    folders = (each for each in source.iterdir() if sensor_folder in ("", each.name) and each.is_dir())
    paths = sorted(path for folder in folders for path in folder.iterdir() if path.suffix == ENDING)
    if not paths:
        raise DataError("no captures are there", where=str(source), remedy=remedy)
    return paths


def _copy(path: Path, target: Path) -> tuple[str, int]:
    """Copy one file; its digest, and how many bytes were missing."""
    size = path.stat().st_size
    if target.exists():
        at = target.stat().st_size
        if at > size or _digest(target, at) != _digest(path, at):
            raise DataError(
                "another file has this name",
                where=str(target),
                remedy="Move it away, or copy to another folder",
            )
        if at == size:
            return _digest(path, size), 0
        target.replace(_partial(target))  # it was being written when it was copied
    target.parent.mkdir(exist_ok=True)
    partial = _partial(target)
    at = partial.stat().st_size if partial.exists() else 0
    if at > size or (at and _digest(partial, at) != _digest(path, at)):
        at = 0
    append(path, partial, at, size)
    digest = _digest(path, size)
    if _digest(partial, size) != digest:
        partial.unlink()
        what = "the disk gives back something else than was written"
        raise UnavailableError(what, where=str(target), remedy="Use another disk: this one is worn out")
    partial.replace(target)
    return digest, size - at


def append(path: Path, copy: Path, at: int, size: int) -> None:
    """Make the first `size` bytes of a file those of its copy, which has the first `at` already.

    They are on disk, and not in memory any more, when this returns. Raises OSError.
    """
    with path.open("rb") as file, copy.open("r+b" if at else "wb") as out:
        file.seek(at)
        out.seek(at)
        while at < size and (block := file.read(min(size - at, _BLOCK))):
            out.write(block)
            at += len(block)
        out.flush()
        os.fsync(out.fileno())
        # What is read again must come from the disk.
        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _name(path: Path) -> Path:
    """Its place below the target: a sensor's folder by a name that a stick's file system takes, too."""
    return Path(path_word(path.parent.name)) / path.name


def _partial(target: Path) -> Path:
    return target.with_name(target.name + _PARTIAL)


def _digest(path: Path, size: int) -> str:
    """SHA-256 of a file's first bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size and (block := file.read(min(size, _BLOCK))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _write_sums(path: Path, sums: dict[str, str]) -> None:
    """Add to what earlier copies left there."""
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text(encoding="utf-8").splitlines():
            digest, name = line.split("  ", 1)
            known[name] = digest
    partial = _partial(path)
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted((known | sums).items()))
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
