"""A damaged spool file is set aside, what can be read is carried over, and the program starts."""

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
from edge_runtime.spool.rows import MessageClass, StoredMessage, stored_message_of
from edge_runtime.spool.sqlite_carver import INDEX_LEAF, TABLE_LEAF, DamagedFile
from edge_runtime.spool.store import QUEUE_COLUMNS, Store, alarms_of


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came of a damaged file."""

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


def open_store(path: Path, keep: int, promised: int) -> tuple[Store, Salvaged | None]:
    """Open the spool file; a damaged one is renamed to `.corrupt-<time>`, `keep` of which are kept.

    A file is damaged when SQLite says so, or when it knows less than alarm number `promised`. Raises
    sqlite3.OperationalError or OSError when the disk, not the file, is the trouble, and DataError when a
    newer version wrote it.
    """
    _finish_interrupted(path)
    copy = _copy_wal(path) if promised else None
    try:
        return _checked(path, promised), None
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        if copy is not None and copy.exists():
            copy.replace(_sibling(path, "-wal"))
        return _salvage(path, str(error), keep)
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)


_NEWEST_FORMAT: Final = b"\2"
"""Of the "file format write version" at byte 18 of the header."""


def _copy_wal(path: Path) -> Path:
    # To open a database is to change it: what its WAL held beyond a damaged frame would be gone. Where the
    # WAL is gone already, an earlier attempt was interrupted and its copy stands.
    wal, copy = _sibling(path, "-wal"), _sibling(path, "-wal-before")
    if wal.exists() and wal.stat().st_size:
        with contextlib.suppress(OSError):  # no room for a copy: better to open without than not at all
            shutil.copyfile(wal, copy)
    return copy


def _checked(path: Path, promised: int) -> Store:
    _check_format(path)
    store = Store(path)
    known = int(store.counters.get("alarm.seq", 0))
    if known < promised:
        store.close()
        raise sqlite3.DatabaseError(f"alarm {promised} was stored, and the file ends with {known}")
    return store


def _check_format(path: Path) -> None:
    # SQLite only reads what a newer SQLite has written, and calls it read-only as if we had no right to
    # write. Looked at before it opens the file: to close a file is to give up every lock we have on it.
    with contextlib.suppress(OSError), path.open("rb") as file:
        written_as = file.read(19)[18:]
        if written_as > _NEWEST_FORMAT:
            raise sqlite3.DatabaseError(f"file format {written_as[0]}")


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # errors that we raise ourselves carry none
    return code is None or code & 0xFF in _DAMAGE


_DAMAGE: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA)


def _salvage(path: Path, reason: str, keep: int) -> tuple[Store, Salvaged]:
    # Whenever this is interrupted, either the damaged file is still in its place or the new one is complete.
    new = _sibling(path, ".new")
    for suffix in ("", "-wal"):
        _sibling(new, suffix).unlink(missing_ok=True)
    count, alarms = _carry_over(path, new)
    # One look at the clock, in UTC: names must sort by age, across seconds and summer time alike.
    at_s, fraction_ns = divmod(time.time_ns(), 10**9)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at_s))
    aside = _sibling(path, f".corrupt-{stamp}-{fraction_ns:09d}")
    with contextlib.suppress(FileNotFoundError):  # it may be the whole file that is gone
        path.rename(aside)
    _put_in_place(path, aside)
    _forget_old(path, keep)
    return Store(path), Salvaged(reason, count, alarms, aside)


def _carry_over(damaged: Path, new: Path) -> tuple[int, int]:
    with contextlib.closing(DamagedFile(damaged)) as file, contextlib.closing(Store(new)) as store:
        alarms = open_alarms(file)
        with store.transaction(durable=True):
            count = store.insert(rows(file))
            store.set_alarms(alarms)
        store.checkpoint()
        return count, len(alarms)


def copy_of(store: Store, path: Path) -> None:
    """Write what an open store holds to where `open_store` looks for it when there is no file at `path`.

    Raises sqlite3.Error or OSError.
    """
    new = _sibling(path, ".new")
    new.unlink(missing_ok=True)
    store.copy_to(new)
    with new.open("rb") as file:
        os.fsync(file.fileno())


def _finish_interrupted(path: Path) -> None:
    if not path.exists() and _sibling(path, ".new").exists():
        _put_in_place(path, _sibling(path, ".corrupt-interrupted-0"))


def _put_in_place(path: Path, aside: Path) -> None:
    # The WAL must not meet the new file, to which SQLite would apply it.
    with contextlib.suppress(FileNotFoundError):
        _sibling(path, "-wal").rename(_sibling(aside, "-wal"))
    _sibling(path, ".new").rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sibling(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _forget_old(path: Path, keep: int) -> None:
    copies = sorted(
        found for found in path.parent.glob(f"{path.name}.corrupt-*") if not found.name.endswith("-wal")
    )
    for old in copies[: max(len(copies) - keep, 0)]:
        for suffix in ("-wal", ""):
            _sibling(old, suffix).unlink(missing_ok=True)


def rows(damaged: DamagedFile) -> Iterator[StoredMessage]:
    """Rows that can still be read, each whole by its checksum and given once."""
    seen: set[tuple[MessageClass, int]] = set()
    for record in damaged.records(TABLE_LEAF):
        if len(record) != QUEUE_COLUMNS + 1:
            continue
        row_id, _, klass, seq, topic, body, created_us, clock_s, crc = record
        clock_s = float(clock_s) if isinstance(clock_s, int) else clock_s  # SQLite stores 3.0 as 3
        row = stored_message_of((klass, row_id, seq, topic, body, created_us, clock_s, crc))
        if row is not None and (row.klass, row.id) not in seen:
            seen.add((row.klass, row.id))
            yield row


def open_alarms(damaged: DamagedFile) -> dict[str, Alarm]:
    """Open alarms that can still be read."""
    records = (record for record in damaged.records(INDEX_LEAF) if len(record) == 3)
    return alarms_of((str(name), str(body), crc) for name, body, crc in records)
