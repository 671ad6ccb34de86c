"""A damaged spool file is renamed, what can be read is copied to a new one, and the program starts."""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import Alarm
from edge_runtime.spool.rows import MessageClass, StoredMessage, alarms_of, stored_message_of
from edge_runtime.spool.sqlite_carver import INDEX_LEAF, TABLE_LEAF, DamagedFile
from edge_runtime.spool.statements import QUEUE_COLUMNS
from edge_runtime.spool.store import Store

_NEWEST_FORMAT: Final = b"\2"
"""The newest "file format write version", https://www.sqlite.org/fileformat2.html section 1.3.3."""
_FORMAT_OFFSET: Final = 18
"""Where that byte is in the header."""
_PRIMARY_CODE: Final = 0xFF
"""The low byte of an extended result code is the primary one: https://www.sqlite.org/rescode.html."""
_DAMAGE: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA)
"""Result codes that are about the file's content; all others are about the disk or access to it."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was saved from a damaged file."""

    reason: str
    """What SQLite said about it."""
    rows: int
    """Messages carried over into the new file."""
    alarms: int
    """Open alarms carried over."""
    kept_as: Path
    """Where the damaged file is now."""

    def __str__(self) -> str:
        """What happened, in one sentence."""
        return (
            f"the spool was damaged ({self.reason}): {self.rows} messages and {self.alarms} open alarms were"
            f" carried over, the damaged file is {self.kept_as}"
        )


def open_store(path: Path, keep: int, last_stored: int) -> tuple[Store, Salvaged | None]:
    """Open the spool file; a damaged one is renamed to `.corrupt-<time>`, `keep` of which are kept.

    A file is damaged when SQLite says so, or when it does not know alarm number `last_stored`. Raises
    sqlite3.OperationalError or OSError when the disk, not the file, is the trouble, and DataError when a
    newer version wrote it.
    """
    wal, copy = _sibling(path, "-wal"), _sibling(path, "-wal-before")
    if not path.exists() and _sibling(path, ".new").exists():  # an earlier salvage was interrupted
        _put_in_place(path, _sibling(path, ".corrupt-interrupted-0"))
    # To open a database is to change it: what its WAL held after a damaged frame would be lost. Where the WAL
    # is missing already, an earlier attempt was interrupted and its copy is the one to use.
    if last_stored and wal.exists() and wal.stat().st_size:
        with contextlib.suppress(OSError):  # no room for a copy: better to open without than not at all
            shutil.copyfile(wal, copy)
    try:
        return _open_checked(path, last_stored), None
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)  # errors that we raise ourselves carry none
        if code is not None and code & _PRIMARY_CODE not in _DAMAGE:
            raise
        if last_stored and copy.exists():
            copy.replace(wal)
        return _salvage(path, str(error), keep)
    finally:
        if last_stored:
            copy.unlink(missing_ok=True)


def copy_of(store: Store, path: Path) -> None:
    """Write what an open store holds to where `open_store` looks for it when there is no file at `path`.

    Raises sqlite3.Error or OSError.
    """
    new = _sibling(path, ".new")
    new.unlink(missing_ok=True)
    store.copy_to(new)
    with new.open("rb") as file:
        os.fsync(file.fileno())


def _open_checked(path: Path, last_stored: int) -> Store:
    # SQLite only reads what a newer SQLite has written, and calls it read-only as if we had no right to
    # write. Read before SQLite opens the file: to close a file is to give up every POSIX lock we have on it.
    with contextlib.suppress(OSError), path.open("rb") as file:
        written_as = file.read(_FORMAT_OFFSET + 1)[_FORMAT_OFFSET:]
        if written_as > _NEWEST_FORMAT:
            raise sqlite3.DatabaseError(f"file format {written_as[0]}")
    store = Store(path)
    known = int(store.counters.get("alarm.seq", 0))
    if known < last_stored:
        store.close()
        raise sqlite3.DatabaseError(f"alarm {last_stored} was stored, and the file ends with {known}")
    return store


def _salvage(path: Path, reason: str, keep: int) -> tuple[Store, Salvaged]:
    # Whenever this is interrupted, either the damaged file is still in its place or the new one is complete.
    new = _sibling(path, ".new")
    for suffix in ("", "-wal"):
        _sibling(new, suffix).unlink(missing_ok=True)
    with contextlib.closing(DamagedFile(path)) as damaged, contextlib.closing(Store(new)) as store:
        alarms = open_alarms(damaged)
        with store.transaction(durable=True):
            count = store.insert(rows(damaged))
            store.set_alarms(alarms)
        store.checkpoint()
    # One reading of the clock, in UTC: names must sort by age, across seconds and summer time alike.
    at_s, fraction_ns = divmod(time.time_ns(), 10**9)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at_s))
    kept_as = _sibling(path, f".corrupt-{stamp}-{fraction_ns:09d}")
    with contextlib.suppress(FileNotFoundError):  # the database itself may be missing
        path.rename(kept_as)
    _put_in_place(path, kept_as)
    copies = sorted(
        found for found in path.parent.glob(f"{path.name}.corrupt-*") if not found.name.endswith("-wal")
    )
    for old in copies[: max(len(copies) - keep, 0)]:
        for suffix in ("-wal", ""):
            _sibling(old, suffix).unlink(missing_ok=True)
    return Store(path), Salvaged(reason, count, len(alarms), kept_as)


def _put_in_place(path: Path, kept_as: Path) -> None:
    # SQLite would apply the damaged file's WAL to the new file: it is renamed with its database.
    with contextlib.suppress(FileNotFoundError):
        _sibling(path, "-wal").rename(_sibling(kept_as, "-wal"))
    _sibling(path, ".new").rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sibling(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def rows(damaged: DamagedFile) -> Iterator[StoredMessage]:
    """Rows that can still be read, each whole by its checksum and given once."""
    seen: set[tuple[MessageClass, int]] = set()
    for record in damaged.records(TABLE_LEAF):
        if len(record) != QUEUE_COLUMNS + 1:  # the row id comes first
            continue
        row_id, _, klass, seq, topic, body, created_us, clock_s, crc = record
        clock_s = float(clock_s) if isinstance(clock_s, int) else clock_s  # SQLite stores 3.0 as 3
        row = stored_message_of((klass, row_id, seq, topic, body, created_us, clock_s, crc))
        if row is not None and (row.klass, row.id) not in seen:
            seen.add((row.klass, row.id))
            yield row


def open_alarms(damaged: DamagedFile) -> dict[str, Alarm]:
    """Open alarms that can still be read."""
    records = (record for record in damaged.records(INDEX_LEAF) if len(record) == 3)  # name, body, crc
    return alarms_of((str(name), str(body), crc) for name, body, crc in records)
