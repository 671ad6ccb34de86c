"""What waits for each destination, on disk: `Deliveries`.

Events are taken in one transaction with the place up to which they were fetched, and leave when their server
has them. One connection, one lock: destinations are threads. Ages are seconds in service, so that a clock
that is set expires nothing.
"""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge_runtime.core import UnavailableError
from edge_runtime.messages.notify import News

FILE: Final = "deliveries.db"
_DAMAGED: Final = ".damaged"
_DAMAGE: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA)
"""Result codes that are about the file's content; all others are about the disk or access to it."""
_PRIMARY_CODE: Final = 0xFF
"""The low byte of an extended result code is the primary one: https://www.sqlite.org/rescode.html."""
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, epoch TEXT NOT NULL, number INTEGER NOT NULL,"
    " clock_s REAL NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY AUTOINCREMENT, destination TEXT NOT NULL,"
    " clock_s REAL NOT NULL, news TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS counter (destination TEXT, name TEXT, value INTEGER NOT NULL,"
    " PRIMARY KEY (destination, name)) STRICT",
)
COUNTERS: Final = ("told", "messages", "failures", "refusals", "dropped", "expired")


class Waiting(NamedTuple):
    """Something to be told."""

    id: int
    clock_s: float
    """Seconds in service when it came."""
    news: News


class Deliveries:
    """The file of a gateway; safe to use from several threads."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Open it. A damaged one is set aside and begun anew: what is still kept by the service is fetched
        again. Raises UnavailableError where the folder cannot be used."""
        self._mutex, self._clock, self._begun_s = threading.Lock(), clock, clock()
        self._sent: set[int] = set()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = _opened(folder / FILE)
        except (OSError, sqlite3.Error) as error:
            remedy = "Give the folder to the user of this program, on a disk with room"
            raise UnavailableError(f"cannot be used ({error})", where=str(folder), remedy=remedy) from error
        found = self._db.execute("SELECT epoch, number, clock_s FROM place").fetchone()
        self.epoch: str = found[0] if found else ""
        self.number: int = found[1] if found else 0
        """Up to where events were fetched, in which numbering."""
        self._served_s: float = found[2] if found else 0.0

    def close(self) -> None:
        """Close it."""
        with self._mutex:
            self._db.close()

    def service_s(self) -> float:
        """Seconds in service, over all starts."""
        return self._served_s + self._clock() - self._begun_s

    def take(self, news: Iterable[tuple[str, News]], epoch: str, number: int) -> None:
        """Let these wait, each for its destination, and remember where they ended. Raises sqlite3.Error."""
        now_s = self.service_s()
        rows = [(name, now_s, json.dumps(each.members())) for name, each in news]
        with self._mutex, self._transaction():
            self._db.executemany("INSERT INTO waiting VALUES (NULL, ?, ?, ?)", rows)
            self._db.execute("INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?)", (epoch, number, now_s))
        self.epoch, self.number = epoch, number

    def waiting(self, destination: str, limit: int) -> list[Waiting]:
        """What waits for it, oldest first, at most `limit`; not what was sent and could not be removed."""
        query = "SELECT id, clock_s, news FROM waiting WHERE destination = ? ORDER BY id LIMIT ?"
        with self._mutex:
            rows = self._db.execute(query, (destination, limit)).fetchall()
        return [
            Waiting(number, clock_s, News.of(json.loads(news)))
            for number, clock_s, news in rows
            if number not in self._sent
        ]

    def done(self, destination: str, ids: Sequence[int], counter: str, messages: int = 0) -> None:
        """These are told, or given up: count them and forget them. Raises sqlite3.Error; they are not told
        again by this process in any case."""
        with self._mutex:
            self._sent.update(ids)
            with self._transaction():
                self._remove(destination, sorted(self._sent), counter, messages)
            self._sent.clear()

    def count(self, destination: str, counter: str, amount: int = 1) -> None:
        """Count something that happened. Raises sqlite3.Error."""
        with self._mutex, self._transaction():
            self._add(destination, counter, amount)

    def keep_within(self, destination: str, most: int, age_s: float) -> None:
        """Give up what is too much or too old. Raises sqlite3.Error."""
        old = "SELECT id FROM waiting WHERE destination = ? AND clock_s < ?"
        many = "SELECT id FROM waiting WHERE destination = ? ORDER BY id DESC LIMIT -1 OFFSET ?"
        with self._mutex:
            for counter, query, bound in (
                ("expired", old, self.service_s() - age_s),
                ("dropped", many, float(most)),
            ):
                if ids := [number for (number,) in self._db.execute(query, (destination, bound))]:
                    with self._transaction():
                        self._remove(destination, ids, counter)

    def forget_others(self, destinations: Sequence[str]) -> None:
        """Remove what waits for whom the configuration does not name any more. Raises sqlite3.Error."""
        with self._mutex:
            known = {name for (name,) in self._db.execute("SELECT DISTINCT destination FROM waiting")}
            for name in known - set(destinations):
                with self._transaction():
                    self._db.execute("DELETE FROM waiting WHERE destination = ?", (name,))

    def account(self, destination: str) -> dict[str, float]:
        """Its counters, how much waits and for how long the oldest does, seconds."""
        with self._mutex:
            query = "SELECT name, value FROM counter WHERE destination = ?"
            counted: Mapping[str, int] = dict(self._db.execute(query, (destination,)).fetchall())
            query = "SELECT count(*), min(clock_s) FROM waiting WHERE destination = ?"
            depth, oldest_s = self._db.execute(query, (destination,)).fetchone()
        age_s = 0.0 if oldest_s is None else round(self.service_s() - oldest_s, 1)
        return {**dict.fromkeys(COUNTERS, 0), **counted, "waiting": depth, "oldest_s": age_s}

    def _remove(self, destination: str, ids: Sequence[int], counter: str, messages: int = 0) -> None:
        gone = sum(self._db.execute("DELETE FROM waiting WHERE id = ?", (each,)).rowcount for each in ids)
        self._add(destination, counter, gone)
        self._add(destination, "messages", messages)

    def _add(self, destination: str, counter: str, amount: int) -> None:
        statement = (
            "INSERT INTO counter VALUES (?, ?, ?)"
            " ON CONFLICT (destination, name) DO UPDATE SET value = value + excluded.value"
        )
        self._db.execute(statement, (destination, counter, amount))

    def _transaction(self) -> "contextlib.AbstractContextManager[Any]":
        return self._db  # commits at the end of the block, or takes it back


def _opened(path: Path) -> sqlite3.Connection:
    for last in (False, True):
        db = sqlite3.connect(path, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous = FULL")
            if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(str(verdict))
            with db:
                for table in _TABLES:
                    db.execute(table)
                db.execute("SELECT epoch, number, clock_s FROM place").fetchone()
                for news in db.execute("SELECT news FROM waiting"):
                    News.of(json.loads(news[0]))
        except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
            db.close()
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _PRIMARY_CODE
            if last or code not in _DAMAGE:
                raise sqlite3.DatabaseError(str(error)) from error
            path.replace(path.with_name(path.name + _DAMAGED))
            # SQLite would take what it has of the damaged file back into the new one.
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        else:
            return db
    raise AssertionError  # the second time it is returned or raised
