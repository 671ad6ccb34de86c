"""Files that are whole or do not exist: what a command writes for people and for the edge.

Everything is written beside its place, under a name that begins with a dot, and moved there when it is on
disk. After any failure, an interrupt included, the earlier file is still there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edge_runtime.core import AccessError, UnavailableError
from trainer.core.errors import ChoiceError


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file to write; it is moved to `path` when the block ends without an exception.

    Until then it lies under another name, which `name` of the file gives. A pipe or device is written in
    place. Raises AccessError or UnavailableError where it cannot be written.
    """
    # A file moved to the place of a pipe or device would replace it.
    in_place = path.exists() and not path.is_file() and not path.is_dir()
    try:
        with path.open("wb") if in_place else _partial_file(path) as file:
            yield file
    except OSError as error:
        raise _refusal(error, path) from error


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8. Raises AccessError or UnavailableError."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where it is missing. Raises AccessError or UnavailableError."""
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(error, folder) from error


def check_file(path: Path, *read: Path) -> None:
    """Refuse a path that cannot be written, or one of the files `read`, before long work begins.

    Raises AccessError, UnavailableError or ChoiceError.
    """
    check_apart(path, *read)
    if path.is_dir():
        raise UnavailableError("is a folder", where=str(path), remedy="Give the name of a file")
    if not path.parent.is_dir():
        missing = "is not a folder" if path.parent.exists() else "no such folder"
        raise UnavailableError(missing, where=str(path.parent), remedy="Make it, or give another one")
    check_folder(path.parent)


def check_apart(path: Path, *read: Path) -> None:
    """Refuse to write over one of the files `read`. Raises ChoiceError."""
    for other in read:
        if path.exists() and other.exists() and path.samefile(other):
            raise ChoiceError(
                "is read here and would be written over", where=str(path), remedy="Give another name"
            )


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to. Raises AccessError or UnavailableError."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise UnavailableError("is not a folder", where=str(nearest), remedy="Give another one")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise AccessError("cannot be written to", where=str(nearest), remedy="Give a folder that is yours")


def _refusal(error: OSError, path: Path) -> AccessError | UnavailableError:
    kind = AccessError if isinstance(error, PermissionError) else UnavailableError
    return kind(
        f"cannot be written ({error.strerror or error})",
        where=str(path),
        remedy="Give a path in a folder that exists, is yours and has room",
    )


@contextmanager
def _partial_file(path: Path) -> Iterator[IO[bytes]]:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        # The new name is on disk only when its folder is. Windows cannot open folders.
        if hasattr(os, "O_DIRECTORY"):
            descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    finally:
        with suppress(OSError):  # where its folder is no folder, there is nothing to remove
            partial.unlink(missing_ok=True)
