"""The history's file on a disk that may fill up or fail: `Keeping`. Used by one thread.

Ranks below alarms: it leaves room on the disk, gives its own back where that runs short, and where even that
takes room that there is not, the file goes.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from edge_runtime.configuration import DAMAGED, HistorySettings, damaged_histories
from edge_runtime.core import UnavailableError, printable
from edge_runtime.gateway.history.store import HistoryFile
from edge_runtime.sensors import RecordingSettings
from edge_runtime.spool import Reserve

JOURNAL: Final = "-journal"
"""After the file's name."""
_BELOW_CAPTURES: Final = 64 * 1024**2
"""So much less than captures history leaves free, so that they wait before it goes."""
_RESERVE: Final = "-reserve"
"""After the file's name: takes up room, to be released on a disk that has none for the removal of rows."""
_RESERVE_BYTES: Final = 512 * 1024
"""Twice what a journal takes that moves the pages given back at a time."""
_PRIMARY_CODE: Final = 0xFF
"""The low byte of an extended result code is the primary one: https://www.sqlite.org/rescode.html."""
_DAMAGE: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA)
"""Result codes that are about the file's content; all others are about the disk or access to it."""
T = TypeVar("T")


class Keeping:
    """Opens the file when it is first needed, and again after every failure."""

    def __init__(self, path: Path, settings: HistorySettings, recording: RecordingSettings) -> None:
        """Nothing is read or written yet."""
        self.path = path
        self.set_aside = ""
        """Which file was damaged and set aside, and why; empty where none was since the start."""
        self.aside_count = 0
        """How many were, since the start."""
        self.bytes = 0
        """What the file takes."""
        self._most_bytes = settings.max_bytes
        self.free_bytes = min(settings.free_bytes, max(recording.free_bytes - _BELOW_CAPTURES, 0))
        self._reserve = Reserve(path.with_name(path.name + _RESERVE), _RESERVE_BYTES)
        self._reserved = False
        self._file: HistoryFile | None = None
        self._inode = 0

    def run(self, work: Callable[[HistoryFile], T]) -> T:
        """Do `work`, once more where the file turns out to be damaged, and is set aside.

        Raises UnavailableError where the disk cannot do it, DataError where a newer version wrote the file.
        """
        try:
            try:
                return work(self._opened())
            except sqlite3.Error as error:
                if _code(error) not in _DAMAGE:
                    raise
                self._set_aside(str(error))
                return work(self._opened())
        except (sqlite3.Error, OSError) as error:
            self.close()
            remedy = "Look at the disk and who owns the file; alarms do not depend on it"
            what = f"history cannot be kept ({printable(error)})"
            raise UnavailableError(what, where=str(self.path), remedy=remedy) from error

    def make_room(self) -> None:
        """Keep to the file's cap, and give the file's room back until the disk has as much left as it should.

        Raises UnavailableError where nothing more is left to give, and as `run` does.
        """
        if self.free() < self.free_bytes:
            self._remove_copies()
        if not (self._shrunk() or (self._released() and self._shrunk())):
            self._remove()  # to remove rows takes room that there is not
        if (left := self.free()) < self.free_bytes:
            what = f"the disk has {left / 1e6:.0f} MB left, and history leaves {self.free_bytes / 1e6:.0f}"
            raise UnavailableError(what, where=str(self.path), remedy="Free space on the disk")
        self._reserved = self._reserved or (left >= self._wanted and self._reserve.allocate())

    def free(self) -> int:
        """Bytes that the disk has left. Raises UnavailableError where it cannot be asked."""
        nearest = next(each for each in (self.path.parent, *self.path.parents) if each.is_dir())
        try:
            disk = os.statvfs(nearest)
        except OSError as error:
            what = f"the disk cannot be asked ({error.strerror})"
            raise UnavailableError(what, where=str(nearest), remedy="See that it is mounted") from error
        return disk.f_bavail * disk.f_frsize

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
        self._file = None

    @property
    def _wanted(self) -> int:
        """Bytes that are to be free: more while there is no reserve, so that there is one."""
        return self.free_bytes + (0 if self._reserved else _RESERVE_BYTES)

    def _released(self) -> bool:
        self._reserved = False
        return self._reserve.release()

    def _shrunk(self) -> bool:
        """Whether the file's own room was enough to give some of it back. Raises as `run` does."""
        try:
            self.run(self._shrink)
        except UnavailableError as error:
            cause = error.__cause__
            if not (isinstance(cause, sqlite3.Error) and _code(cause) == sqlite3.SQLITE_FULL):
                raise
            return False
        return True

    def _shrink(self, file: HistoryFile) -> None:
        file.shrink(self._most_bytes)
        while self.free() < self._wanted and file.give():
            pass
        self.bytes = file.bytes

    def _opened(self) -> HistoryFile:
        if self._file is not None and _inode(self.path) != self._inode:
            self.close()  # somebody took it away: what is written goes to the one that is there
        if self._file is None:
            if not self.path.parent.is_dir():
                remedy = "Make it, or mount its disk; nothing is written in its place"
                raise UnavailableError("the folder is not there", where=str(self.path.parent), remedy=remedy)
            self._file = HistoryFile(self.path)
            self._inode = _inode(self.path)
        return self._file

    def _set_aside(self, why: str) -> None:
        self.close()
        self._remove_copies()
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self.path.with_name(f"{self.path.name}{DAMAGED}{stamp}")
        self.path.rename(aside)
        # SQLite would apply it to the next file.
        self.path.with_name(self.path.name + JOURNAL).unlink(missing_ok=True)
        self.aside_count += 1
        self.set_aside = (
            f"{self.path.name} was damaged ({why}): it is {aside.name} now, and another was begun"
        )

    def _remove_copies(self) -> None:
        for copy in damaged_histories(self.path):
            copy.unlink(missing_ok=True)

    def _remove(self) -> None:
        self.close()
        self._released()
        for path in (self.path, self.path.with_name(self.path.name + JOURNAL)):
            with contextlib.suppress(OSError):
                path.unlink()
        self.bytes = 0


def _code(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & _PRIMARY_CODE


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
