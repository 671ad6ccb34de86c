"""The spool's file on a disk that may fill up, fail or lie: `Disk` runs transactions and handles failures.

No failed sync is retried in the hope that it works the second time: the kernel may have discarded the pages
and marked them clean (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). The
file is closed, opened again, checked through, and its WAL moved into it and synced; only what passes all that
counts as stored.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from edge_runtime.core import AccessError, EdgeError
from edge_runtime.spool.disk_reserve import Reserve
from edge_runtime.spool.folder_lock import LOCK, FolderLock
from edge_runtime.spool.journal import Journal
from edge_runtime.spool.recovery import copy_of, open_store
from edge_runtime.spool.settings import SpoolLimits
from edge_runtime.spool.store import Store
from edge_runtime.spool.totals import QueueTotals

FILE: Final = "spool.db"
_FULL: Final = "the disk is full"
_REPLACED: Final = "another file is in the spool's place: put the former back, or stop this program first"
_NO_INODE: Final = 0
"""Of a path with no file: no file system gives this number to one."""
_REOPEN_S: Final = 2.0
"""Balances alarms that wait in memory against a check of the whole file at each attempt."""
_NO_ACCESS: Final = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
)
"""What SQLite answers where ownership or permissions are wrong."""
_PRIMARY_CODE: Final = 0xFF
"""The low byte of an extended result code is the primary one: https://www.sqlite.org/rescode.html."""
_T = TypeVar("_T")


class Disk:
    """Owns the folder's lock, the reserve and the open file; used under the spool's lock."""

    def __init__(
        self, folder: Path, limits: SpoolLimits, clock: Callable[[], float], totals: QueueTotals
    ) -> None:
        """Open the file; `totals` adopts it now and after every reopening. `clock` gives monotonic seconds.

        Raises BusyError when another program holds the folder, AccessError or UnavailableError when it
        cannot be used at all, DataError when a newer version wrote the file.
        """
        self._lock = FolderLock(folder / LOCK)
        self._path, self._limits, self._clock, self._totals = folder / FILE, limits, clock, totals
        self._reserve = Reserve(folder / "spool.reserve", limits.reserve_bytes)
        self._store: Store | None = None
        self._denied = False
        self._inode, self._misplaced = _NO_INODE, False
        self._retry_at_s = 0.0
        self.trouble = ""
        """What is wrong with the disk just now, for people; empty when nothing is."""
        self.full = False
        """The disk has no room: alarms use the reserve, telemetry is not stored."""
        self.failures = 0
        """Times the disk failed since start."""
        self.journal = Journal(limits.ring_rows, lambda: self.full)
        """Events that are kept in the file after their messages have left it."""
        try:
            self._open()
            if self._denied:  # a disk may recover while we run; a file of another user stays that
                remedy = "The file must belong to the user of this program, on a writable disk"
                raise AccessError(self.trouble, where=str(self._path), remedy=remedy)
        except EdgeError:
            self._lock.release()
            raise

    def run(self, work: Callable[[Store], _T], *, alarm: bool = False) -> _T | None:
        """Do `work`, once more after a failure has been dealt with; None when the disk cannot do it.

        `alarm` entitles it to the reserve. A function and no `with` block, because it may run twice.
        """
        for _ in range(2):
            if self._store is None:
                return None
            try:
                return work(self._store)
            except sqlite3.Error as error:
                if _code(error) == sqlite3.SQLITE_FULL:
                    self.full, self.trouble = True, _FULL
                    if not (alarm and (self._reserve.release() or _checkpoint(self._store))):
                        return None
                else:
                    self.failures += 1
                    self._reopen()
        return None

    def maintain(self) -> None:
        """Reopen a failed file and take the reserve back where that is due; call about every second."""
        if self._clock() >= self._retry_at_s:
            self.revive()
        if self._store is not None:
            inode = _inode(self._path)
            try:
                if inode == _NO_INODE:  # removed while open: all that it holds would be lost when we close it
                    self._lock.release()  # its file may have been removed, too, and the folder
                    self._lock.take()
                    copy_of(self._store, self._path)
                    self._misplaced = False
                    self.failures += 1
                    self._reopen()
                elif inode != self._inode:
                    self._misplaced, self.trouble = True, _REPLACED
                elif self._misplaced:  # our file has been put back
                    self._lock.take()
                    self._misplaced, self.trouble = False, ""
            except (EdgeError, sqlite3.Error, OSError) as error:
                self.trouble = f"the spool's file was removed and cannot be put back: {error}"
                self._misplaced = True
        if self.full and self._store is not None and _checkpoint(self._store) and self._reserve.allocate():
            self.full, self.trouble = False, ""

    def revive(self) -> None:
        """Open the file again, if it is not open."""
        if self._store is None:
            self._reopen()

    def close(self) -> None:
        """Close the file and release the folder."""
        self._close_store()
        self._lock.release()

    def record_stored(self, seq: int) -> None:
        """Record that alarm `seq` is stored: a file opened later that does not have it is damaged."""
        self._lock.record_stored(seq)

    def _reopen(self) -> None:
        self._close_store()
        try:
            self._lock.take()
            self._open()
        except EdgeError as error:  # another file is in its place, or another program uses the folder
            self._give_up(error)

    def _open(self) -> None:
        try:
            self._store, salvaged = open_store(
                self._path, self._limits.corrupt_copies, self._lock.last_stored
            )
            self._store.journal = self.journal
            if salvaged is not None:
                self.record_stored(0)  # the new file counts from 1
            self._inode = _inode(self._path)
            self._store.checkpoint()
            self._totals.adopt(self._store, salvaged)
            self.full = not self._reserve.allocate()
            self.trouble = _FULL if self.full else ""
        except (sqlite3.Error, OSError) as error:
            self._close_store()
            if _code(error) == sqlite3.SQLITE_FULL and self._reserve.release():
                return self._open()
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._close_store()
        self._lock.release()  # a locked file would keep the disk from being unmounted and repaired
        self._retry_at_s = self._clock() + _REOPEN_S
        self.trouble = f"the spool cannot be opened: {error}"
        self._denied = _code(error) in _NO_ACCESS

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()


def _checkpoint(store: Store) -> bool:
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
        return _NO_INODE


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
