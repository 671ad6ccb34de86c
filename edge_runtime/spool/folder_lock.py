"""One program per state folder: `FolderLock`, whose file also records the last alarm that was stored.

The number is written after every alarm without syncing, which the death of a process cannot undo. So a
database that knows a lower number has been damaged, even where it looks whole, as one does that has lost the
end of its WAL.
"""

import contextlib
import errno
import fcntl
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from edge_runtime.core import AccessError, BusyError, UnavailableError

LOCK: Final = "spool.lock"
"""The lock file's name in the state folder."""
_DENIED: Final = (errno.EACCES, errno.EPERM)
_RECORD_BYTES: Final = 64
"""Fixed, so that a short record leaves no rest of a longer one; pid 2**22 and alarm 2**62 take 49 bytes."""
_CLOSED: Final = -1
"""No file descriptor: those of the system are 0 and above."""
_REMEDY: Final = "The state folder must exist on a writable disk and belong to the user of this program"


@dataclass(frozen=True, slots=True)
class _LockRecord:
    """What the lock file says: `pid 12 run 3f0a9c stored 7`."""

    holder: str = ""
    """The program that wrote it; empty where it cannot be read."""
    stored: int = 0
    """Number of the last alarm that program stored; 0 for none."""

    @classmethod
    def read(cls, file: int) -> Self:
        text = ""
        with contextlib.suppress(OSError):  # a disk that cannot be read: as if the file was empty
            text = os.pread(file, _RECORD_BYTES, 0).decode(errors="replace").strip()
        holder, _, number = text.partition(" stored")
        number = number.removeprefix(" ")
        return cls(holder, int(number) if number.isascii() and number.isdigit() else 0)

    @property
    def names_program(self) -> bool:
        return self.holder.startswith("pid ")

    @property
    def pid(self) -> int:
        """Of the program; 0 where it is not known."""
        _, pid, *_ = [*self.holder.split(), "", ""]
        return int(pid) if self.names_program and pid.isascii() and pid.isdigit() else 0

    def write(self, file: int) -> None:
        record = f"{self.holder} stored {self.stored}".encode().ljust(_RECORD_BYTES)
        with contextlib.suppress(OSError):  # a full disk must not keep alarms from being stored
            os.pwrite(file, record, 0)


def service_pid(folder: Path) -> int | None:
    """The process that holds a state folder: the running service. None where none does, or nobody may ask;
    0 where it is not known which one."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place is not waited for
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _LockRecord.read(lock).pid
    finally:
        os.close(lock)
    return None


class FolderLock:
    """Holds a lock file with flock; the kernel releases it however the program ends.

    It is released while the disk is in trouble, so that the disk can be unmounted, repaired and mounted again
    while this program runs. Then the file at the path is locked again, unless another program has used it
    meanwhile: the ids of rows held in memory could then collide with ids that program has given.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock; raises as `take` does."""
        self._path, self._file = path, _CLOSED
        # A process id alone may be used again; 24 random bits distinguish two runs.
        self._name, self._was_held = f"pid {os.getpid()} run {secrets.token_hex(3)}", False
        self.last_stored = 0
        """Number of the last alarm stored by this program or one before it; 0 where none is recorded."""
        self.take()

    def take(self) -> None:
        """Take the lock, where it is not held.

        Raises BusyError while another program holds it, or has held it since we released it, AccessError or
        UnavailableError when the file cannot be opened.
        """
        if self._file != _CLOSED:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            refusal = AccessError if error.errno in _DENIED else UnavailableError
            what = error.strerror or "cannot be opened"
            raise refusal(what, where=str(self._path), remedy=_REMEDY) from error
        try:
            self._claim(file)
        except BaseException:
            os.close(file)
            raise
        self._file, self._was_held = file, True

    def record_stored(self, seq: int) -> None:
        """Record that alarm `seq` is stored; the lock must be held."""
        self.last_stored = seq
        _LockRecord(self._name, seq).write(self._file)

    def release(self) -> None:
        """Release the lock, where it is held."""
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            os.close(file)

    def _claim(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        except BlockingIOError:
            locked = False
        found = _LockRecord.read(file)
        if not locked or (self._was_held and found.names_program and found.holder != self._name):
            uses = "has used" if locked else "uses"
            raise BusyError(
                f"another program {uses} this folder ({found.holder or 'unknown'})",
                where=str(self._path),
                remedy="Stop one of them, or give each its own state folder",
            )
        self.last_stored = max(self.last_stored, found.stored)
        _LockRecord(self._name, self.last_stored).write(file)
        with contextlib.suppress(
            OSError
        ):  # the holder must be known after a power cut or a repair of the disk
            os.fsync(file)


def check_folder(folder: Path) -> None:
    """Check that the folder could be used, without making or locking anything.

    Raises AccessError where it cannot be written, and UnavailableError where a file is in its place.
    """
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return
    refusal, what = (
        (AccessError, "cannot be written") if nearest.is_dir() else (UnavailableError, "is no folder")
    )
    raise refusal(what, where=str(nearest), remedy=_REMEDY)
