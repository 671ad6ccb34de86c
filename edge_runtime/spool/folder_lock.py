"""One program per state folder: `FolderLock`, which also remembers what the last program had promised.

The promise is the number of the last alarm it stored. It is written after every one without syncing, which
the death of a process cannot undo; so a file that knows less than was promised has been damaged, even where
it looks whole, as a database does that has lost the end of its WAL.
"""

import contextlib
import errno
import fcntl
import os
import secrets
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, BusyError, UnavailableError

_DENIED: Final = (errno.EACCES, errno.EPERM)
_RECORD: Final = 64
_NONE: Final = -1
_REMEDY: Final = "The state folder must exist on a writable disk and belong to the user of this program"


class FolderLock:
    """Holds a lock file with flock; the kernel lets go of it however the program ends.

    Let go while the disk is in trouble, so that it can be unmounted, mended and mounted again under us. What
    is at the path then is locked again, unless another program has used it meanwhile: what we hold in memory
    carries numbers that may be that one's now.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock; raises as `take` does."""
        self._path, self._file = path, _NONE
        self._name, self._held = f"pid {os.getpid()} run {secrets.token_hex(3)}", False
        self.promised = 0
        """The number that programs before us had stored, 0 where they left no word."""
        self.take()

    def take(self) -> None:
        """Take the lock, where it is not held.

        Raises BusyError while another program holds it, or has held it since we let go, AccessError or
        UnavailableError when the file cannot be opened.
        """
        if self._file != _NONE:
            return
        file = _open(self._path)
        try:
            self._claim(file)
        except BaseException:
            os.close(file)
            raise
        self._file, self._held = file, True

    def _claim(self, file: int) -> None:
        locked = _locked(file)
        holder = _word(file).partition(" stored")[0]
        if not locked or (self._held and holder.startswith("pid ") and holder != self._name):
            raise BusyError(
                f"another program {'has used' if locked else 'uses'} this folder ({holder or 'unknown'})",
                where=str(self._path),
                remedy="Stop one of them, or give each its own state folder",
            )
        self.promised = max(self.promised, _promise(_word(file)))
        self._record(file)
        with contextlib.suppress(OSError):  # whose it is must be known after the disk was mended
            os.fsync(file)

    def promise(self, seq: int) -> None:
        """Alarm `seq` is stored; the lock is held."""
        self.promised = seq
        self._record(self._file)

    def release(self) -> None:
        """Let go, where it is held."""
        file, self._file = self._file, _NONE
        if file != _NONE:
            os.close(file)

    def _record(self, file: int) -> None:
        record = f"{self._name} stored {self.promised}".encode().ljust(_RECORD)
        with contextlib.suppress(OSError):  # a full disk must not keep alarms from being stored
            os.pwrite(file, record, 0)


def check_folder(folder: Path) -> None:
    """Raise as `FolderLock` does where the folder cannot be used, without making or locking anything."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return
    refusal, what = (
        (AccessError, "cannot be written") if nearest.is_dir() else (UnavailableError, "is no folder")
    )
    raise refusal(what, where=str(nearest), remedy=_REMEDY)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _word(file: int) -> str:
    with contextlib.suppress(OSError):  # of a disk that cannot be read: as if nothing was said
        return os.pread(file, _RECORD, 0).decode(errors="replace").strip()
    return ""


def _promise(record: str) -> int:
    word, _, number = record.rpartition(" ")
    return int(number) if word.endswith(" stored") and number.isascii() and number.isdigit() else 0


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        refusal = AccessError if error.errno in _DENIED else UnavailableError
        raise refusal(
            error.strerror or "cannot be opened",
            where=str(path),
            remedy=_REMEDY,
        ) from error
