"""The durable queue: an alarm counts as raised once it is in here, and leaves when the broker has it.

The pipeline's thread calls `put`, the publisher's `peek` and `ack`. One lock guards the one connection: a
`put` of an alarm holds it while the medium syncs, a few milliseconds, and no other thread's work is urgent
enough to deserve a second connection (`store` says what that would risk).

On a full disk telemetry is dropped and counted, and alarms use the reserve. On a disk that fails, alarms wait
in a bounded ring in memory, under an epoch of their own so that no number is ever given twice, and are sent
from there; they move to the disk when it works again. A damaged file is replaced (see `recovery`); the new
one has a new epoch, and rows keep their place. Ages are counted in seconds of service: a wall clock that
jumps expires nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

from edge_runtime.core import Alarm
from edge_runtime.spool.disk import Disk
from edge_runtime.spool.journal import KeptEvent
from edge_runtime.spool.kept_events import KeptEvents
from edge_runtime.spool.recovery import Salvaged
from edge_runtime.spool.rows import DeadLetter, MessageClass, OpenAlarm, StoredMessage
from edge_runtime.spool.settings import SpoolLimits
from edge_runtime.spool.store import MAX_ID, Store
from edge_runtime.spool.totals import CANDIDATES, CLOCK, EncodeMessage, QueueTotals

__all__ = ["DeadLetter", "EncodeMessage", "MessageClass", "OpenAlarm", "Spool", "StoredMessage"]

_INTERNAL: Final = frozenset((CLOCK, *(f"{klass}.id" for klass in MessageClass)))
"""Counters that only the spool needs."""


class Spool:
    """Rows in two classes, each given out oldest first; safe to use from several threads."""

    def __init__(
        self, folder: Path, limits: SpoolLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open the spool in `folder`; `clock` gives monotonic seconds.

        Raises BusyError when another program holds the folder, AccessError or UnavailableError when it
        cannot be used at all, DataError when a newer version wrote the file. A damaged file or a failing
        disk is no reason not to start: `salvaged` and `trouble` report them.
        """
        self._limits, self._mutex = limits, threading.RLock()
        self._totals = QueueTotals(limits, clock)
        self.on_put: Callable[[], None] = lambda: None
        """Called after every `put`, on the thread that put."""
        self._disk = Disk(folder, limits, clock, self._totals)
        self.events = KeptEvents(self._mutex, self._disk)

    @classmethod
    def open(cls, folder: Path, limits: SpoolLimits | None = None) -> Self:
        """Open the spool in `folder`; raises as the constructor does."""
        return cls(folder, limits or SpoolLimits())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def epoch(self) -> str:
        """Names this queue's numbering; a new file has a new one."""
        return self._totals.epoch

    @property
    def newest(self) -> tuple[int, str]:
        """Number of the newest alarm event and the epoch it is of; (0, epoch) before the first."""
        with self._mutex:
            return self._totals.newest

    @property
    def trouble(self) -> str:
        """What is wrong with the disk just now, for people; empty when nothing is."""
        return self._disk.trouble

    @property
    def salvaged(self) -> Salvaged | None:
        """What came of the last damaged file found since start."""
        return self._totals.salvaged

    def put(
        self, klass: MessageClass, topic: str, encode: EncodeMessage, open_alarm: OpenAlarm | None = None
    ) -> int:
        """Store a message and, in the same transaction, what it does to the open alarms; returns its seq.

        An alarm is on the medium when this returns, or in the ring and `trouble` says why. Telemetry that
        the disk does not take is dropped and counted; its seq is 0. Trouble is not raised: the pipeline
        goes on whatever the disk does.
        """
        with self._mutex:
            self._totals.apply(open_alarm)
            seq = self._put_on_disk(klass, topic, encode, open_alarm)
            if seq is None and klass is MessageClass.ALARM:
                seq = self._totals.put_in_ring(topic, encode)
                self._disk.journal.hold([KeptEvent.of(row) for row in self._totals.ring[-1:]])
            elif seq is None:
                seq = 0
                self._totals.count(f"{klass}.dropped.disk")
        self.on_put()
        return seq

    def peek(
        self, klass: MessageClass, limit: int, after: int = 0, upto: int = MAX_ID
    ) -> list[StoredMessage]:
        """At most `limit` whole rows with after < id <= upto, oldest first; damaged ones are dropped."""
        with self._mutex:
            deleted = self._totals.deleted[klass]
            while True:
                after = deleted.skip_dead(after)
                found = self._disk.run(partial(Store.peek, klass=klass, after=after, upto=upto, limit=limit))
                rows, damaged = found or ([], [])
                if damaged:
                    self._remove(klass, damaged, f"{klass}.dropped.damaged")
                ring = [row for row in self._totals.ring if row.klass is klass and after < row.id <= upto]
                rows = [*rows, *ring][:limit]
                read_to = max([*(row.id for row in rows), *damaged], default=after)
                alive = [row for row in rows if row.id not in deleted]
                if alive or read_to == after:
                    return alive
                deleted.add_dead_range(after, read_to)

    def ack(self, klass: MessageClass, ids: Iterable[int]) -> None:
        """Remove what the broker has acknowledged. After a power cut it may come back, and be sent twice."""
        with self._mutex:
            self._leave(klass, set(ids), f"{klass}.acked")

    def dead_letter(self, row: StoredMessage, reason: str) -> None:
        """Take a row out of the queue for good and keep it for inspection."""
        with self._mutex:
            self._leave(row.klass, {row.id}, f"{row.klass}.dead", DeadLetter(row, reason))

    def dead_letters(self) -> list[DeadLetter]:
        """Messages taken out of the queue because they could not be sent, oldest first."""
        with self._mutex:
            return self._disk.run(Store.dead_letters) or []

    def open_alarms(self) -> dict[str, Alarm]:
        """Alarms that began and have not ended, by key: what to resume after a crash."""
        with self._mutex:
            return dict(self._totals.alarms)

    def last_id(self, klass: MessageClass) -> int:
        """Id of the newest row ever put."""
        with self._mutex:
            return int(self._totals.counters.get(f"{klass}.id", 0))

    def first_id(self, klass: MessageClass) -> int:
        """Id of the oldest row that is held; where none is, that of the next one put."""
        rows = self.peek(klass, 1)
        return rows[0].id if rows else self.last_id(klass) + 1

    def dropped(self, topic: str) -> int:
        """Alarms of the topic dropped since start because there was no more room."""
        with self._mutex:
            return self._totals.dropped[topic]

    def maintain(self) -> None:
        """Expire old rows and reopen a failed file; call about every second, from any thread."""
        with self._mutex:
            self._disk.maintain()
            if self._totals.file_is_behind:
                self._disk.run(self._totals.catch_up, alarm=True)
            self._expire(MessageClass.TELEMETRY, self._limits.telemetry_age_s)
            self._expire(MessageClass.ALARM, self._limits.alarm_age_s)

    def figures(self) -> dict[str, float | None]:
        """Counters and gauges, flat, for health; those of one class begin with its name.

        `depth` rows and `bytes` are held; seq - acked - dead - dropped.* = depth. `ring` alarms wait in
        memory. Ages are seconds. None where there is no value: no row is held, or no rate is known.
        """
        with self._mutex:
            totals = self._totals
            figures: dict[str, float | None] = {
                name: value for name, value in totals.counters.items() if name not in _INTERNAL
            }
            for klass in MessageClass:
                figures[f"{klass}.depth"] = totals.rows[klass]
                figures[f"{klass}.bytes"] = totals.bytes[klass]
            figures["ring"], figures["disk_failures"] = len(totals.ring), self._disk.failures
            first = [clock_s for klass in MessageClass for _, clock_s, _ in self._oldest(klass)[:1]]
            figures["oldest_age_s"] = totals.service_s() - min(first) if first else None
            figures["hours_of_capacity"] = totals.hours_of_capacity()
            return figures

    def close(self) -> None:
        """Close in order."""
        with self._mutex:
            self._disk.revive()  # the last chance for what waits in memory
            self._disk.run(self._totals.catch_up, alarm=True)
            self._disk.close()

    def _put_on_disk(
        self, klass: MessageClass, topic: str, encode: EncodeMessage, open_alarm: OpenAlarm | None
    ) -> int | None:
        alarm = klass is MessageClass.ALARM
        if self._disk.full and not alarm:
            return None
        if self._totals.ring_in_use and not self._disk.run(self._totals.store_ring, alarm=True):
            return None  # the ring goes first, or order would be lost
        seq = self._disk.run(
            lambda store: self._totals.insert(store, klass, topic, encode, open_alarm), alarm=alarm
        )
        if seq is not None:
            if alarm:
                self._disk.record_stored(seq)
                self._disk.journal.stored()
            rows = self._totals.rows
            while (excess := sum(self._totals.bytes.values()) - self._limits.max_bytes) > 0:
                dropped_from = MessageClass.TELEMETRY if rows[MessageClass.TELEMETRY] else MessageClass.ALARM
                drop = partial(self._totals.to_drop, klass=dropped_from, excess_bytes=excess)
                topic, ids = self._disk.run(drop) or ("", [])
                if not ids or not self._remove(dropped_from, ids, f"{dropped_from}.dropped.bytes"):
                    break  # the disk is in trouble and this is tried again with the next message
                self._totals.dropped[topic] += len(ids)
        return seq

    def _leave(
        self, klass: MessageClass, ids: set[int], counter: str, letter: DeadLetter | None = None
    ) -> None:
        in_ring = {row.id for row in self._totals.ring if row.klass is klass} & ids
        if in_ring:
            self._totals.remove_from_ring(in_ring, counter)
        if ids - in_ring:
            self._remove(klass, sorted(ids - in_ring), counter, letter)

    def _remove(
        self, klass: MessageClass, ids: Sequence[int], counter: str, letter: DeadLetter | None = None
    ) -> bool:
        done = self._disk.run(lambda store: self._totals.delete(store, klass, ids, counter, letter))
        if not done:
            self._totals.deleted[klass].add(ids, counter)
        return bool(done)

    def _expire(self, klass: MessageClass, age_s: float) -> None:
        before_s = self._totals.service_s() - age_s
        ids = [row_id for row_id, clock_s, _ in self._oldest(klass) if age_s and clock_s < before_s]
        if ids:
            self._remove(klass, ids, f"{klass}.dropped.age")

    def _oldest(self, klass: MessageClass) -> list[tuple[int, float, int]]:
        return self._disk.run(lambda store: store.oldest(klass, CANDIDATES)) or []
