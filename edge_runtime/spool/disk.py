"""The spool's file on a disk that may fill up, fail or lie: `Disk` runs transactions and answers failures.

No failed sync is retried in the hope that it works the second time: the kernel may have thrown the pages away
and call them clean. The file is closed, opened again, checked through, and its WAL moved into it and synced;
only what passes all that counts as stored.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from edge_runtime.core import AccessError, EdgeError
from edge_runtime.spool.disk_reserve import Reserve
from edge_runtime.spool.folder_lock import FolderLock
from edge_runtime.spool.recovery import Salvaged, copy_of, open_store
from edge_runtime.spool.settings import SpoolLimits
from edge_runtime.spool.store import Store

FILE: Final = "spool.db"
_FULL: Final = "the disk is full"
_REPLACED: Final = "another file is in the spool's place: put the former back, or stop this program first"
_NOTHING: Final = 0
_REOPEN_S: Final = 2.0
_NO_ACCESS: Final = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
)
_T = TypeVar("_T")
Adopt = Callable[[Store, Salvaged | None], None]


class Disk:
    """Owns the folder's lock, the reserve and the open file; used under the spool's lock."""

    def __init__(self, folder: Path, limits: SpoolLimits, clock: Callable[[], float], adopt: Adopt) -> None:
        """Open the file; `adopt` gets it now and after every reopening, and may raise sqlite3.Error.

        Raises BusyError when another program holds the folder, AccessError or UnavailableError when it
        cannot be used at all, DataError when a newer version wrote the file.
        """
        self._lock = FolderLock(folder / "spool.lock")
        self._path, self._limits, self._clock, self._adopt = folder / FILE, limits, clock, adopt
        self._reserve = Reserve(folder / "spool.reserve", limits.reserve_bytes)
        self._store: Store | None = None
        self._refused = False
        self._inode, self._astray = _NOTHING, False
        self._retry_at_s = 0.0
        self.trouble = ""
        """What is wrong with the disk just now, for people; empty when nothing is."""
        self.full = False
        """The disk has no room: alarms live off the reserve, telemetry is not stored."""
        self.failures = 0
        """Times the disk failed since start."""
        try:
            self._open()
            self._check_access()
        except EdgeError:
            self._lock.release()
            raise

    @property
    def usable(self) -> bool:
        """Whether the file is open."""
        return self._store is not None

    def run(self, work: Callable[[Store], _T], *, alarm: bool = False) -> _T | None:
        """Do `work`, once more after a failure has been dealt with; None when the disk cannot do it.

        `alarm` entitles it to the reserve.
        """
        for _ in range(2):
            if self._store is None:
                return None
            try:
                return work(self._store)
            except sqlite3.Error as error:
                if not self._answer(error, self._store, alarm=alarm):
                    return None
        return None

    def tend(self) -> None:
        """Reopen a failed file and take the reserve back when its time has come; call about every second."""
        if self._clock() >= self._retry_at_s:
            self.revive()
        if self._store is not None:
            self._look_for_file(self._store)
        if self.full and self._store is not None and _shrink(self._store) and self._reserve.make():
            self.full, self.trouble = False, ""

    def revive(self) -> None:
        """Open the file again, if it is not open."""
        if self._store is None:
            self._reopen()

    def close(self) -> None:
        """Close the file and let go of the folder."""
        self._close_store()
        self._lock.release()

    def promise(self, seq: int) -> None:
        """Alarm `seq` is stored: whatever opens the file next must find it."""
        self._lock.promise(seq)

    def _answer(self, error: sqlite3.Error, store: Store, *, alarm: bool) -> bool:
        if _code(error) == sqlite3.SQLITE_FULL:
            self.full, self.trouble = True, _FULL
            return alarm and (self._reserve.release() or _shrink(store))
        self.failures += 1
        self._close_store()
        self._reopen()
        return self.usable

    def _look_for_file(self, store: Store) -> None:
        inode = _inode(self._path)
        try:
            if inode == _NOTHING:
                self._put_back(store)
            elif inode != self._inode:
                self._astray, self.trouble = True, _REPLACED
            elif self._astray:  # somebody has put ours back
                self._lock.take()
                self._astray, self.trouble = False, ""
        except (EdgeError, sqlite3.Error, OSError) as error:
            self._astray, self.trouble = True, f"the spool's file was removed and cannot be put back: {error}"

    def _put_back(self, store: Store) -> None:
        # Removed while we have it open: all that it holds would end with us.
        self._lock.release()  # its file may be gone, too, and the folder
        self._lock.take()
        copy_of(store, self._path)
        self._astray = False
        self.failures += 1
        self._close_store()
        self._reopen()

    def _reopen(self) -> None:
        try:
            self._lock.take()
            self._open()
        except EdgeError as error:  # somebody has put another file there, or uses the folder by now
            self._give_up(error)

    def _open(self) -> None:
        try:
            self._store, salvaged = open_store(self._path, self._limits.corrupt_copies, self._lock.promised)
            if salvaged is not None:
                self.promise(0)  # the new file counts from 1
            self._inode = _inode(self._path)
            self._store.checkpoint()
            self._adopt(self._store, salvaged)
            self.full = not self._reserve.make()
            self.trouble = _FULL if self.full else ""
        except (sqlite3.Error, OSError) as error:
            self._close_store()
            if _code(error) == sqlite3.SQLITE_FULL and self._reserve.release():
                return self._open()
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._close_store()
        self._lock.release()  # or nobody could unmount the disk to mend it
        self._retry_at_s = self._clock() + _REOPEN_S
        self.trouble = f"the spool cannot be opened: {error}"
        self._refused = _code(error) in _NO_ACCESS

    def _check_access(self) -> None:
        # A disk may recover while we run; a file that was never ours will not become so.
        if self._refused:
            raise AccessError(
                self.trouble,
                where=str(self._path),
                remedy="The file must belong to the user of this program, on a writable disk",
            )

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()


def _shrink(store: Store) -> bool:
    # Much of a small disk may be the WAL's; moved into the file, where room is reused, it takes none.
    try:
        store.checkpoint()
    except sqlite3.Error:
        return False
    return True


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return _NOTHING


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
