"""The spool's SQLite file: schema, transactions, rows with checksums. One thread at a time.

SQLite up to 3.51.2, and so Debian 12's, can corrupt a WAL database that has two connections. Exclusive
locking makes ours the only one there can be, and keeps the WAL's index in memory, so that a full disk cannot
kill the process through a memory map. Every failure leaves here as the `sqlite3.Error` it is; `disk` handles
it.

A transaction that stores an alarm is synced to the medium before it returns. Others are not: they survive
the death of the process, and a power cut only costs telemetry, or sends an acknowledged message twice.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import Alarm, DataError
from edge_runtime.spool.fair_room import Candidate
from edge_runtime.spool.journal import EVENT, Journal, KeptEvent, event_name
from edge_runtime.spool.rows import (
    NOTES,
    OPEN_ALARM,
    ROW_OVERHEAD_BYTES,
    DeadLetter,
    MessageClass,
    OpenAlarm,
    StoredMessage,
    alarms_of,
    record_crc,
    stored_message_of,
)
from edge_runtime.spool.statements import (
    DEAD,
    DELETE,
    INSERT,
    OF_TOPIC,
    OLDEST,
    PEEK,
    PRAGMAS,
    QUEUE,
    RECORD,
    TOPICS,
    TOTAL,
)

SCHEMA: Final = 1
"""Version of the tables in `statements`; a file with another one is not opened."""
MAX_ID: Final = 2**62
"""Above any id: at a thousand rows a second it would take 146 million years to get there."""


class Store:
    """An open spool file."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it when there is none, and check it through.

        Raises sqlite3.Error when it cannot be opened or is damaged, and DataError when a newer version
        of this program wrote it.
        """
        # No time-out: there is no other connection to wait for, and the spool's lock is held meanwhile.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        # A damaged topic must reach the checksum; by default it would end the whole query.
        self._db.text_factory = lambda raw: raw.decode(errors="replace")
        self._durable = True
        self.journal = Journal(0)
        try:
            for pragma in PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}").fetchall()
            if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                with self.transaction(durable=True):
                    for statement in (*QUEUE.values(), RECORD, DEAD):
                        self._db.execute(statement)
                    self._write("meta", {"schema": SCHEMA, "epoch": uuid.uuid4().hex})
                    self._write("counters", {})
            verdict = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"quick_check: {verdict}")
            if (schema := self._record("meta")["schema"]) != SCHEMA:
                what = f"the spool has schema {schema}, this program knows {SCHEMA}"
                remedy = "Install the version that wrote it, or move the file away to start an empty one"
                raise DataError(what, where=str(path), remedy=remedy)
            self.counters: dict[str, float] = self._record("counters")
            self.epoch: str = self._record("meta")["epoch"]
        except BaseException as error:
            self._db.close()
            if isinstance(error, UnicodeDecodeError):  # SQLite's message quotes what is damaged
                raise sqlite3.DatabaseError("the schema is damaged") from error
            raise

    def _record(self, name: str) -> Any:
        found = self._db.execute("SELECT body, crc FROM record WHERE name = ?", (name,)).fetchone()
        if found is None or record_crc(name, found[0]) != found[1]:
            raise sqlite3.DatabaseError(f"record {name} is missing or damaged")
        return json.loads(found[0])

    def _write(self, name: str, value: object) -> None:
        self._write_text(name, json.dumps(value))

    def _write_text(self, name: str, body: str) -> None:
        values = name, body, record_crc(name, body)
        self._db.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", values)

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """Everything inside is stored, or nothing; `durable` syncs it to the medium before returning.

        Raises sqlite3.Error, and whatever the block raises.
        """
        if durable != self._durable:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.rollback()  # SQLite may have done it itself
            raise

    def insert(self, rows: Iterable[StoredMessage]) -> int:
        """Add rows, but none whose id is there already; returns how many. Inside a transaction."""
        added, alarms = 0, list[KeptEvent]()
        for row in rows:
            values = (row.klass, row.id, row.seq, row.topic, row.body, row.created_us, row.clock_s, row.crc)
            added += self._db.execute(INSERT[row.klass], values).rowcount
            if self.journal.keep and row.klass is MessageClass.ALARM:
                alarms.append(KeptEvent.of(row))
        self.keep_events(self.journal.begin(alarms))
        return added

    def keep_events(self, events: Iterable[KeptEvent]) -> None:
        """Write these, and remove those for which there are too many. Inside a transaction."""
        for event in events:
            self._write_text(*event.record)
            self.forget_events(event.id - self.journal.keep)

    def forget_events(self, upto: int) -> None:
        """Remove the events up to this id."""
        bounds = EVENT, event_name(max(upto, 0))
        self._db.execute("DELETE FROM record WHERE name >= ? AND name <= ?", bounds)

    def events(self, after: int, limit: int) -> list[KeptEvent]:
        """Events with a higher id, oldest first, at most `limit`; damaged ones are left out."""
        query = "SELECT name, body, crc FROM record WHERE name > ? AND name < ? ORDER BY name LIMIT ?"
        found = self._db.execute(query, (event_name(after), event_name(10**19), limit))
        return [KeptEvent.read(name, body) for name, body, crc in found if record_crc(name, body) == crc]

    def delete(self, klass: MessageClass, ids: Iterable[int]) -> list[tuple[str, int]]:
        """Remove rows; returns topic and cost in bytes of each that was there. Inside a transaction."""
        found = (row for row_id in ids for row in self._db.execute(DELETE[klass], (row_id,)).fetchall())
        return [(topic, size + ROW_OVERHEAD_BYTES) for topic, size in found]

    def count(self, counters: Mapping[str, float]) -> None:
        """Write the counters. Inside a transaction."""
        self._write("counters", dict(counters))

    def peek(
        self, klass: MessageClass, after: int, upto: int, limit: int
    ) -> tuple[list[StoredMessage], list[int]]:
        """Rows with after < id <= upto, oldest first, at most `limit`; and the ids of damaged ones."""
        rows, damaged = [], []
        for record in self._db.execute(PEEK[klass], (after, upto, limit)):
            row = stored_message_of(record)
            if row is not None:
                rows.append(row)
            else:
                damaged.append(record[1])
        return rows, damaged

    def oldest(self, klass: MessageClass, limit: int) -> list[tuple[int, float, int]]:
        """(id, clock_s, bytes it counts for) of the first rows, at most `limit`."""
        return self._db.execute(OLDEST[klass], (ROW_OVERHEAD_BYTES, limit)).fetchall()

    def candidates(self, klass: MessageClass, topic: str, after: int, limit: int) -> list[Candidate]:
        """The first rows of a topic, at most `limit`; of all, without bodies, where it names no row."""
        values = ROW_OVERHEAD_BYTES, topic, after, limit
        named = [Candidate(*row) for row in self._db.execute(OF_TOPIC[klass], values)]
        return named or [Candidate(row_id, cost, b"") for row_id, _, cost in self.oldest(klass, limit)]

    def topics(self, klass: MessageClass) -> dict[str, int]:
        """Rows by topic."""
        return dict(self._db.execute(TOPICS[klass]).fetchall())

    def total(self, klass: MessageClass) -> tuple[int, int, int]:
        """(rows, bytes they count for, highest id)."""
        rows, size, last = self._db.execute(TOTAL[klass]).fetchone()
        return rows, size + rows * ROW_OVERHEAD_BYTES, last

    def set_alarm(self, change: OpenAlarm) -> None:
        """Write or remove an open alarm. Inside a transaction."""
        names = OPEN_ALARM + change.key, NOTES + change.key
        self._db.execute("DELETE FROM record WHERE name IN (?, ?)", names)
        if change.alarm is not None:
            alarm = asdict(change.alarm)
            notes = alarm.pop("notes")
            self._write(names[0], alarm)
            if notes:
                self._write_text(names[1], notes)

    def set_alarms(self, alarms: Mapping[str, Alarm]) -> None:
        """Replace the table of open alarms. Inside a transaction."""
        self._db.execute(
            "DELETE FROM record WHERE name LIKE ? OR name LIKE ?", (OPEN_ALARM + "%", NOTES + "%")
        )
        for key, alarm in alarms.items():
            self.set_alarm(OpenAlarm(key, alarm))

    def open_alarms(self) -> dict[str, Alarm]:
        """Alarms that began and have not ended, by key."""
        query = "SELECT name, body, crc FROM record WHERE name LIKE ? OR name LIKE ? ORDER BY name"
        return alarms_of(self._db.execute(query, (OPEN_ALARM + "%", NOTES + "%")))

    def add_dead_letter(self, letter: DeadLetter, keep: int) -> int:
        """Add a dead letter and delete the oldest above `keep`; returns how many. Inside a transaction."""
        row = letter.row
        values = (letter.reason, row.klass, row.id, row.seq, row.topic, row.body, row.created_us, row.clock_s)
        self._db.execute("INSERT INTO dead VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        statement = "DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?"
        return self._db.execute(statement, (keep,)).rowcount

    def dead_letters(self) -> list[DeadLetter]:
        """Dead letters, oldest first."""
        stored = self._db.execute(
            "SELECT reason, class, row_id, seq, topic, body, created_us, clock_s FROM dead ORDER BY id"
        )
        return [
            DeadLetter(StoredMessage(MessageClass(klass), *rest), reason) for reason, klass, *rest in stored
        ]

    def checkpoint(self) -> None:
        """Move everything from the WAL into the file and sync both; raises when that is not possible."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def copy_to(self, path: Path) -> None:
        """Write everything to another file, which must not exist."""
        self._db.execute("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        """Close the file; SQLite moves the WAL into it when it can."""
        self._db.close()
