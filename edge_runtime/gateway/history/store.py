"""The history's SQLite file: `HistoryFile`. One thread; every failure leaves as the `sqlite3.Error` it is.

A rollback journal and not a write-ahead log: rows are appended, and what is new needs no journal, so that a
write goes to the card about once and not twice; and whoever may only read can read. The journal stays where
it is between writes, which spares the card's file system.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_runtime.core import DataError
from edge_runtime.gateway.history import statements
from edge_runtime.gateway.history.blocks import encode
from edge_runtime.gateway.history.reading import SLOT_MINUTES, SLOTS_OF_HOUR, HistoryReader, Mark
from edge_runtime.gateway.history.statements import ID_STEP
from edge_runtime.gateway.history.values import Values, history_columns, merged

MINUTES_KEPT: Final = 60 * 24 * 60
HOURS_KEPT: Final = 5 * 366 * 24
MOST_MARKS: Final = 100_000
"""A judgement: of sixteen sensors whose alarms come and go once an hour those of four months. 10 MB."""
_DAY_SLOTS: Final = 24 * SLOTS_OF_HOUR
_BUSY_S: Final = 1.0
"""Who reads the file meanwhile is waited for so long; then it is written ten minutes later."""
_VACUUM_PAGES: Final = 64
"""Given back at a time: what has to be moved for it takes a journal of 256 kB."""


class HistoryFile:
    """An open file."""

    def __init__(self, path: Path) -> None:
        """Open it, making it where there is none.

        Raises sqlite3.Error where it cannot be opened or is damaged, DataError where a newer version wrote
        it.
        """
        self._db = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
        self._sensors: dict[str, int] = {}
        self._layouts: dict[str, int] = {}
        try:
            if (schema := self._pragma("user_version")) > statements.SCHEMA:
                what = f"the history has schema {schema}, this program knows {statements.SCHEMA}"
                remedy = "Install the version that wrote it, or move the file away to begin another"
                raise DataError(what, where=str(path), remedy=remedy)
            for pragma in statements.PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}").fetchall()
            if schema < statements.SCHEMA:
                with self._transaction():
                    for statement in statements.TABLES:
                        self._db.execute(statement)
        except BaseException:
            self._db.close()
            raise
        self.reader = HistoryReader(self._db)

    def put(
        self,
        minutes: Mapping[str, Mapping[int, Values]],
        marks: Iterable[Mark],
        watched: Iterable[Mark] = (),
        oldest: tuple[int, int] | None = None,
    ) -> None:
        """Store minutes by sensor and number since 1970, and what happened, in one transaction.

        A minute that is there already is merged with it. `watched` are marks of what watches a sensor, stored
        where that is another than before. With `oldest` minutes and hours before these numbers are removed.
        """
        with self._transaction():
            for name, rows in minutes.items():
                self._put_sensor(self._sensor(name), rows)
            news = [mark for mark in watched if self._is_news(mark)]
            for mark in sorted([*marks, *news]):
                self._put_mark(mark)
            if oldest is not None:
                self._remove_before(*oldest)

    def shrink(self, most_bytes: int) -> None:
        """Remove the oldest rows until the file takes no more than this, as far as there are any."""
        while self.bytes > most_bytes:
            free = self._pragma("freelist_count")
            if self.bytes - free * self._pragma("page_size") <= most_bytes:
                self._give_back()
            elif not self.remove_oldest():
                return

    @property
    def bytes(self) -> int:
        """What the file takes."""
        return self._pragma("page_count") * self._pragma("page_size")

    def remove_oldest(self) -> bool:
        """Remove some of the oldest rows; return whether there were any.

        Minutes go first, but for the latest day; then hours with what happened in them, then the rest.
        """
        first, last = self._limits("minutes")
        if last - first >= _DAY_SLOTS:
            return self._remove("minutes", first + max(1, min(_DAY_SLOTS, (last - first) // 8)))
        begin, end = self._limits("hours")
        if end - begin > 24:
            upto = begin + max(1, (end - begin) // 16)
            self._db.execute(statements.REMOVE["marks"], (upto * 3600 * 1_000_000,))
            return self._remove("hours", upto)
        if last:
            return self._remove("minutes", first + max(1, (last - first) // 8))
        return bool(end) and self._remove("hours", end + 1)

    def give(self) -> bool:
        """Give some room back to the disk, or remove rows for it; return whether there was anything left."""
        if self._pragma("freelist_count"):
            self._give_back()
            return True
        return self.remove_oldest()

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def _give_back(self) -> None:
        self._db.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.rollback()
            self._sensors, self._layouts = {}, {}  # what was numbered in it is not there
            raise

    def _put_sensor(self, sensor: int, rows: Mapping[int, Values]) -> None:
        slots: defaultdict[int, dict[int, Values]] = defaultdict(dict)
        for minute, values in rows.items():
            slots[minute // SLOT_MINUTES][minute % SLOT_MINUTES] = values
        for slot, fresh in slots.items():
            known = self.reader.slot(slot, sensor)
            both = {
                place: merged([part[place] for part in (known, fresh) if place in part])
                for place in (*known, *fresh)
            }
            self._put_block("minutes", slot, sensor, both)
        for hour in {slot // SLOTS_OF_HOUR for slot in slots}:
            first = hour * SLOTS_OF_HOUR
            parts = [
                values
                for slot in range(first, first + SLOTS_OF_HOUR)
                for values in self.reader.slot(slot, sensor).values()
            ]
            self._put_block("hours", hour, sensor, {0: merged(parts)})

    def _put_block(self, table: str, slot: int, sensor: int, rows: Mapping[int, Values]) -> None:
        columns = history_columns({column for values in rows.values() for column in values})
        values = slot * ID_STEP + sensor, self._layout(columns), encode(rows, columns)
        self._db.execute(statements.PUT[table], values)

    def _put_mark(self, mark: Mark) -> None:
        query = "SELECT 1 FROM marks WHERE id = ?"
        at = mark.time_us
        while self._db.execute(query, (at,)).fetchone():  # the time is its id: two are a microsecond apart
            at += 1
        self._db.execute("INSERT INTO marks VALUES (?, ?, ?, ?)", (at, mark.sensor, mark.kind, mark.text))

    def _is_news(self, mark: Mark) -> bool:
        """Whether what watches the sensor now is another than what was kept; keep it."""
        statement = statements.WATCHED[mark.kind]
        return self._db.execute(statement, (mark.text, self._sensor(mark.sensor))).rowcount > 0

    def _sensor(self, name: str) -> int:
        self._sensors = self._sensors or self.reader.sensors()
        if name not in self._sensors:
            number = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM sensor").fetchone()[0]
            self._db.execute("INSERT INTO sensor VALUES (?, ?, '', '')", (number, name))
            self._sensors[name] = number
        return self._sensors[name]

    def _layout(self, columns: Sequence[str]) -> int:
        text = json.dumps(columns, separators=(",", ":"))
        if text not in self._layouts:
            self._db.execute("INSERT OR IGNORE INTO layout (columns) VALUES (?)", (text,))
            found = self._db.execute("SELECT id FROM layout WHERE columns = ?", (text,)).fetchone()
            self._layouts[text] = found[0]
        return self._layouts[text]

    def _remove_before(self, minute: int, hour: int) -> None:
        self._remove("minutes", minute // SLOT_MINUTES)
        self._remove("hours", hour)
        found = self._db.execute(statements.EXCESS, (MOST_MARKS,)).fetchone()
        upto = max(hour * 3600 * 1_000_000, found[0] + 1 if found else 0)
        self._db.execute(statements.REMOVE["marks"], (upto,))

    def _remove(self, table: str, upto: int) -> bool:
        return self._db.execute(statements.REMOVE[table], (upto * ID_STEP,)).rowcount > 0

    def _limits(self, table: str) -> tuple[int, int]:
        first, last = self._db.execute(statements.LIMITS[table]).fetchone()
        return first // ID_STEP, last // ID_STEP

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
