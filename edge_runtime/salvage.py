"""A damaged spool file is set aside, what can be read is carried over, and the program starts."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.carve import INDEX_LEAF, TABLE_LEAF, DamagedFile
from edge_runtime.records import Alarm
from edge_runtime.rows import Klass, Row, row_of
from edge_runtime.store import QUEUE_COLUMNS, Store, alarms_of


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


def open_store(path: Path, keep: int) -> tuple[Store, Salvaged | None]:
    """Open the spool file; a damaged one is renamed to `.corrupt-<time>`, `keep` of which are kept.

    Raises sqlite3.OperationalError or OSError when the disk, not the file, is the trouble, and DataError
    when a newer version wrote it.
    """
    try:
        return Store(path), None
    except sqlite3.OperationalError as error:
        if not _is_damage(error):
            raise
        reason = str(error)
    except sqlite3.DatabaseError as error:
        reason = str(error)
    return _salvage(path, reason, keep)


def _is_damage(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _DAMAGE


_DAMAGE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA)


def _salvage(path: Path, reason: str, keep: int) -> tuple[Store, Salvaged]:
    aside = _set_aside(path, keep)
    store = Store(path)
    damaged = DamagedFile(aside)
    alarms = open_alarms(damaged)
    with store.transaction(durable=True):
        count = store.insert(rows(damaged))
        store.set_alarms(alarms)
    return store, Salvaged(reason, count, len(alarms), aside)


def _set_aside(path: Path, keep: int) -> Path:
    aside = path.with_name(
        f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09d}"
    )
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    copies = sorted(found for found in path.parent.glob(f"{path.name}.corrupt-*") if found.name[-1].isdigit())
    for old in copies[:-keep] if keep else copies:
        for suffix in ("-wal", "-shm", ""):
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside


def rows(damaged: DamagedFile) -> Iterator[Row]:
    """Rows that can still be read, each whole by its checksum and given once."""
    seen: set[tuple[Klass, int]] = set()
    for record in damaged.records(TABLE_LEAF):
        if len(record) != QUEUE_COLUMNS + 1:
            continue
        row_id, _, klass, seq, topic, body, created_us, clock_s, crc = record
        clock_s = float(clock_s) if isinstance(clock_s, int) else clock_s  # SQLite stores 3.0 as 3
        row = row_of((klass, row_id, seq, topic, body, created_us, clock_s, crc))
        if row is not None and (row.klass, row.id) not in seen:
            seen.add((row.klass, row.id))
            yield row


def open_alarms(damaged: DamagedFile) -> dict[str, Alarm]:
    """Open alarms that can still be read."""
    records = (record for record in damaged.records(INDEX_LEAF) if len(record) == 3)
    return alarms_of((str(name), str(body), crc) for name, body, crc in records)
