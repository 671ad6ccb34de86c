"""What the spool holds, as memory knows it: counters, totals, open alarms, and what the file still lacks.

The disk may be unusable for a time. Then `QueueTotals` is the truth and the file catches up: alarms raised
meanwhile wait in the ring, rows that left the queue meanwhile are remembered as deleted. Methods that take a
`Store` change nothing here unless it was committed, and raise sqlite3.Error when it was not.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from edge_runtime.core import Alarm
from edge_runtime.spool.deleted_rows import DeletedRows
from edge_runtime.spool.fair_room import Candidate, choose, fullest
from edge_runtime.spool.recovery import Salvaged
from edge_runtime.spool.rows import DeadLetter, MessageClass, OpenAlarm, StoredMessage
from edge_runtime.spool.settings import SpoolLimits
from edge_runtime.spool.store import MAX_ID, Store

EncodeMessage = Callable[[int, str], bytes]
"""(seq, epoch) to the message's body; may be called twice for one message, so it must not count."""
CLOCK: Final = "clock_s"
"""Name of the counter that keeps the seconds of service."""
_DELETE_ROWS: Final = 1000
"""Rows deleted in one transaction, at most: what is done stays done when a full disk ends the next one."""
CANDIDATES: Final = 256
"""Rows looked at in one step of dropping: few transactions, and the lock is held for milliseconds only."""
_LEAST_RUN_S: Final = 60.0
"""Shorter than this no rate is known; the first messages after a start would claim a full disk soon."""
_OVERSIZE: Final = "larger than a row of the spool may be"


class QueueTotals:
    """Used under the spool's lock."""

    def __init__(self, limits: SpoolLimits, clock: Callable[[], float]) -> None:
        """Nothing is held until a file is adopted or an alarm is put into the ring."""
        self._limits, self._clock = limits, clock
        self._started_s, self._served_s = clock(), 0.0
        self.epoch = ""
        """Names the file's numbering; empty until a file was open."""
        self.counters: dict[str, float] = {}
        self.rows = dict.fromkeys(MessageClass, 0)
        self.bytes = dict.fromkeys(MessageClass, 0)
        self.topics: Counter[str] = Counter()
        """Alarms in the file by topic: a topic is a sensor's."""
        self.dropped: Counter[str] = Counter()
        """Alarms dropped for want of room since start, by topic."""
        self._searched: dict[str, int] = {}
        """Up to which id no alarm of a topic is left: looking for its oldest begins behind it."""
        self.bytes_put = 0
        """Bytes taken in since start."""
        self.alarms: dict[str, Alarm] = {}
        self.ring: list[StoredMessage] = []
        self._ring_epoch, self._ring_seq = "", 0
        self._uncertain_ids: list[int] = []
        self.deleted = {klass: DeletedRows() for klass in MessageClass}
        """Rows that have left the queue and that are still in the file."""
        self.salvaged: Salvaged | None = None

    @property
    def file_is_behind(self) -> bool:
        """Whether the file lacks something."""
        return self.ring_in_use or any(self.deleted.values())

    @property
    def ring_in_use(self) -> bool:
        """Whether alarms went into the ring that are not in the file yet."""
        return bool(self._ring_epoch)

    @property
    def newest(self) -> tuple[int, str]:
        """(seq, epoch) of the newest alarm: of the ring's own numbering while alarms go there."""
        if self._ring_epoch:
            return self._ring_seq, self._ring_epoch
        return int(self.counters.get("alarm.seq", 0)), self.epoch

    def running_s(self) -> float:
        """Seconds since start."""
        return self._clock() - self._started_s

    def service_s(self) -> float:
        """Seconds this spool has been in service, over all starts."""
        return self._served_s + self.running_s()

    def hours_of_capacity(self) -> float | None:
        """Hours until the limit is reached at the rate since start; None without a rate."""
        free_bytes = max(self._limits.max_bytes - sum(self.bytes.values()), 0)
        hours = max(self.running_s(), _LEAST_RUN_S) / 3600
        return free_bytes * hours / self.bytes_put if self.bytes_put else None

    def count(self, name: str, amount: float = 1) -> None:
        """Count what happened without a transaction; the next one writes it."""
        _add(self.counters, name, amount)

    def apply(self, change: OpenAlarm | None) -> None:
        """Note what a message does to the open alarms."""
        if change is None:
            return
        if change.alarm is None:
            self.alarms.pop(change.key, None)
        else:
            self.alarms[change.key] = change.alarm

    def adopt(self, store: Store, salvaged: Salvaged | None) -> None:
        """Go on with a file that has just been opened, for the first time or again."""
        if not self.epoch:
            self.counters = {**store.counters, **self.counters}
            self.alarms = {**store.open_alarms(), **self.alarms}
            self._served_s = store.counters.get(CLOCK, 0.0)
        if self.epoch != store.epoch:  # another file: its numbering is its own
            self.counters |= {f"{klass}.seq": store.counters.get(f"{klass}.seq", 0) for klass in MessageClass}
        if salvaged is not None:
            self.salvaged = salvaged
            self.count("salvaged.files")
            self.count("salvaged.rows", salvaged.rows)
        for klass in MessageClass:
            self.counters[f"{klass}.id"] = max(self.counters.get(f"{klass}.id", 0), store.total(klass)[2])
        self.epoch = store.epoch
        self.catch_up(store)

    def catch_up(self, store: Store) -> bool:
        """Bring the file up to date, the ring first and then the deleted rows, a part at a time."""
        self.store_ring(store)
        for klass, deleted in self.deleted.items():
            while deleted:
                part, counters = deleted.first(_DELETE_ROWS), dict(self.counters)
                freed: list[tuple[str, int]] = []
                with store.transaction(durable=False):
                    for row_id, counter in part.items():
                        found = store.delete(klass, [row_id])
                        _add(counters, counter, len(found))
                        freed += found
                    store.count(counters | {CLOCK: self.service_s()})
                self.counters = counters
                self._grow(klass, freed, sign=-1)
                deleted.discard(part)
        return True

    def store_ring(self, store: Store) -> bool:
        """Store the alarms that wait in the ring; quick, however much else the file lacks."""
        counters = dict(self.counters)
        with store.transaction(durable=True):
            store.insert(self.ring)
            _add(counters, "alarm.replaced", len(store.delete(MessageClass.ALARM, self._uncertain_ids)))
            store.set_alarms(self.alarms)
            store.count(counters | {CLOCK: self.service_s()})
        self.deleted[MessageClass.ALARM].discard(self._uncertain_ids)
        self.counters, self.ring, self._ring_epoch, self._uncertain_ids = counters, [], "", []
        for klass in MessageClass:
            self.rows[klass], self.bytes[klass], _ = store.total(klass)
        self.topics = Counter(store.topics(MessageClass.ALARM))
        return True

    def insert(
        self, store: Store, klass: MessageClass, topic: str, encode: EncodeMessage, change: OpenAlarm | None
    ) -> int:
        """Store a message under the next number; returns the number."""
        counters = dict(self.counters)
        seq = int(_add(counters, f"{klass}.seq"))
        row = self._row(klass, int(_add(counters, f"{klass}.id")), seq, topic, encode(seq, self.epoch))
        fits = len(row.body) <= self._limits.row_bytes
        with store.transaction(durable=klass is MessageClass.ALARM):
            if fits:
                store.insert([row])
            else:
                _add(counters, f"{klass}.dead")
                store.add_dead_letter(DeadLetter(row, _OVERSIZE), self._limits.dead_rows)
            if change is not None:
                store.set_alarm(change)
            store.count(counters | {CLOCK: self.service_s()})
        self.counters = counters
        self._grow(klass, [(topic, row.cost_bytes)] if fits else [])
        self.bytes_put += row.cost_bytes
        return seq

    def to_drop(self, store: Store, klass: MessageClass, excess_bytes: int) -> tuple[str, list[int]]:
        """Rows to drop for that much room, and the topic of what are alarms."""
        topic = fullest(self.topics) if klass is MessageClass.ALARM else ""
        found = store.candidates(klass, topic, self._searched.get(topic, 0), CANDIDATES)
        self._searched[topic] = found[0].id - 1 if found else 0
        return topic, choose(found, excess_bytes)

    def delete(
        self,
        store: Store,
        klass: MessageClass,
        ids: Iterable[int],
        counter: str,
        letter: DeadLetter | None = None,
    ) -> bool:
        """Delete rows and count them; a row that was there is kept as `letter` where one is given."""
        counters = dict(self.counters)
        with store.transaction(durable=False):
            freed = store.delete(klass, ids)
            _add(counters, counter, len(freed))
            if letter is not None and freed:
                _add(counters, "dead.forgotten", store.add_dead_letter(letter, self._limits.dead_rows))
            store.count(counters | {CLOCK: self.service_s()})
        self.counters = counters
        self._grow(klass, freed, sign=-1)
        return True

    def put_in_ring(self, topic: str, encode: EncodeMessage) -> int:
        """Hold an alarm that the disk does not take; returns its number, in the ring's own epoch."""
        if not self._ring_epoch:
            # The transaction that failed may still turn up in the file; its message is in the ring now.
            self._uncertain_ids = [self._next_id()]
            self.deleted[MessageClass.ALARM].add(self._uncertain_ids, "alarm.replaced")
            self._ring_epoch, self._ring_seq = uuid.uuid4().hex, 0
        self._ring_seq += 1
        body = encode(self._ring_seq, self._ring_epoch)
        self.ring.append(self._row(MessageClass.ALARM, self._next_id(), self._ring_seq, topic, body))
        if len(self.ring) > self._limits.ring_rows:
            fullest_topic = fullest(Counter(row.topic for row in self.ring))
            theirs = [row for row in self.ring if row.topic == fullest_topic][:CANDIDATES]
            ids = set(choose([Candidate(row.id, row.cost_bytes, row.body) for row in theirs], 1))
            self.remove_from_ring(ids, "alarm.dropped.ring")
            self.dropped[fullest_topic] += len(ids)
        return self._ring_seq

    def remove_from_ring(self, ids: set[int], counter: str) -> None:
        """Remove alarms from the ring and count them."""
        kept = [row for row in self.ring if row.id not in ids]
        self.count(counter, len(self.ring) - len(kept))
        self.ring = kept

    def _next_id(self) -> int:
        # No file was open yet: half the range is more than any file can have used, and leaves as much.
        if not self.epoch:
            self.counters.setdefault("alarm.id", MAX_ID // 2)
        return int(_add(self.counters, "alarm.id"))

    def _row(self, klass: MessageClass, row_id: int, seq: int, topic: str, body: bytes) -> StoredMessage:
        return StoredMessage(klass, row_id, seq, topic, body, time.time_ns() // 1000, self.service_s())

    def _grow(self, klass: MessageClass, costs: Sequence[tuple[str, int]], sign: int = 1) -> None:
        self.rows[klass] += sign * len(costs)
        for topic, cost in costs:
            self.bytes[klass] += sign * cost
            if klass is MessageClass.ALARM:
                self.topics[topic] += sign
        self.topics = +self.topics  # topics without rows go


def _add(counters: dict[str, float], name: str, amount: float = 1) -> float:
    counters[name] = counters.get(name, 0) + amount
    return counters[name]
