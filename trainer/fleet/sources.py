"""Where a machine's recordings lie: patterns of files and folders, here or in storage elsewhere.

What lies elsewhere (`s3://`, `https://` and what else fsspec reads) is fetched into a folder of its own while
the machine is worked on, file by file, and goes away with it.
"""

import glob
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, Final

from edge_runtime.core import UnavailableError, first_line
from trainer.core import RecordingError, natural_key
from trainer.recordings import ListRow, is_list, list_folder, path_on_disk, read_list, rows_of

_ADDRESS: Final = "://"
_PIECE: Final = 1024 * 1024

Stamp = tuple[str, int, int, str]
"""A file's name as the plan leads to it, its bytes, when it was changed (ns), and its SHA-256."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the patterns of one machine lead to."""

    base: Path
    """Names are relative to it."""
    paths: tuple[Path, ...]
    """Files and folders, each once, in the order in which people count."""

    def files(self) -> Iterator[Path]:
        """Every file that is read. Raises RecordingError for a list that cannot be."""
        for path in self.paths:
            if path.is_dir():
                yield from sorted(each for each in path.rglob("*") if each.is_file())
                continue
            yield path
            if is_list(path):
                yield from (path_on_disk(row.file) for row in read_list(path))

    def rows(self) -> tuple[ListRow, ...]:
        """What a recordings list would say of them. Raises RecordingError."""
        return tuple(
            row for path in self.paths for row in (list_folder(path) if path.is_dir() else rows_of(path))
        )

    def stamps(self, known: Sequence[Stamp]) -> list[Stamp]:
        """Each file with its digest; of one that has not been touched since, the digest that is known."""
        before = {(name, size, changed): digest for name, size, changed, digest in known}
        found = []
        for path in dict.fromkeys(self.files()):
            try:
                stat = path.stat()
                name = Path(*path.parts[len(self.base.parts) :]) if path.is_relative_to(self.base) else path
                key = name.as_posix(), stat.st_size, stat.st_mtime_ns
                found.append((*key, before.get(key) or file_digest(path)))
            except OSError as error:
                what, remedy = (
                    error.strerror or "cannot be read",
                    "Mend the plan or the list, or bring it back",
                )
                raise RecordingError(what, where=str(path), remedy=remedy) from error
        return found


def find_sources(patterns: Sequence[str], base: Path, scratch: Path) -> Sources:
    """Find what patterns lead to, those that are not absolute from `base` on; `scratch` is for what is
    fetched.

    Raises RecordingError for a pattern that leads to nothing, UnavailableError for storage that cannot be
    reached.
    """
    if any(_ADDRESS in pattern for pattern in patterns):
        if not all(_ADDRESS in pattern for pattern in patterns):
            remedy = "Name either files here or addresses, for one machine"
            raise RecordingError("some recordings lie here and some elsewhere", remedy=remedy)
        return Sources(
            scratch, tuple(dict.fromkeys(chain.from_iterable(fetched(each, scratch) for each in patterns)))
        )
    found: list[Path] = []
    for pattern in patterns:
        whole = Path(pattern) if Path(pattern).is_absolute() else base / pattern
        # A file may be called by what is a pattern otherwise.
        names = [str(whole)] if path_on_disk(whole).exists() else glob.glob(str(whole), recursive=True)
        if not names:
            remedy = "Mend the pattern in the plan; it is relative to the plan's folder"
            raise RecordingError("no file is called so", where=pattern, remedy=remedy)
        found += sorted(map(Path, names), key=lambda path: natural_key(str(path)))
    return Sources(base, tuple(dict.fromkeys(found)))


def fetched(pattern: str, scratch: Path) -> Iterator[Path]:
    """Fetch the files of an address into `scratch`, below their own folders there."""
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - where there is an address
    except ModuleNotFoundError as error:
        remedy = "Run: pip install 'steadyhum[fleet]'"
        raise UnavailableError("fsspec is not installed", where=pattern, remedy=remedy) from error
    try:
        storage, inner = url_to_fs(pattern)
        names = sorted(storage.glob(inner) if glob.has_magic(inner) else [inner], key=natural_key)
        for name in names:
            yield from take(storage, name, scratch)
    except (OSError, ImportError, ValueError, KeyError) as error:
        remedy = "Look at address, network and credentials; storage of a kind may need a package of its own"
        raise UnavailableError(
            f"cannot be fetched ({type(error).__name__}: {first_line(error)})", where=pattern, remedy=remedy
        ) from error
    if not names:
        remedy = "Mend the address in the plan"
        raise RecordingError("no file is called so", where=pattern, remedy=remedy)


def take(storage: Any, name: str, scratch: Path) -> Iterator[Path]:
    """Fetch one file of a storage of fsspec's, and yield where it is now."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")]
    target = scratch.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    storage.get_file(name, str(target))
    yield target


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
