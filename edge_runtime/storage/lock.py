"""One program per state folder: `FolderLock`, which also remembers what the last program had promised.

The promise is the number of the last alarm it stored. It is written after every one without syncing, which
the death of a process cannot undo; so a file that knows less than was promised has been damaged, even where
it looks whole, as a database does that has lost the end of its WAL.
"""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from edge_runtime.errors import AccessError, BusyError, UnavailableError

_DENIED: Final = (errno.EACCES, errno.EPERM)
_RECORD: Final = 64
_REMEDY: Final = "The state folder must exist on a writable disk and belong to the user of this program"


class FolderLock:
    """Holds a lock file with flock; the kernel lets go of it however the program ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises BusyError while another program holds it, AccessError or UnavailableError when the file
        cannot be opened.
        """
        self._file = _open(path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, _RECORD, 0).decode(errors="replace").partition(" stored")[0]
            os.close(self._file)
            raise BusyError(
                f"another program uses this folder ({holder or 'unknown'})",
                where=str(path),
                remedy="Stop it, or give each program its own state folder",
            ) from error
        self.promised = _promise(os.pread(self._file, _RECORD, 0))
        """The number that programs before us had stored, 0 where they left no word."""
        self.promise(self.promised)

    def promise(self, seq: int) -> None:
        """Alarm `seq` is stored."""
        record = f"pid {os.getpid()} stored {seq}".encode().ljust(_RECORD)
        with contextlib.suppress(OSError):  # a full disk must not keep alarms from being stored
            os.pwrite(self._file, record, 0)

    def release(self) -> None:
        """Let go."""
        os.close(self._file)


def check_folder(folder: Path) -> None:
    """Raise as `FolderLock` does where the folder cannot be used, without making or locking anything."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return
    refusal, what = (
        (AccessError, "cannot be written") if nearest.is_dir() else (UnavailableError, "is no folder")
    )
    raise refusal(what, where=str(nearest), remedy=_REMEDY)


def _promise(record: bytes) -> int:
    word, _, number = record.decode(errors="replace").strip().rpartition(" ")
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
