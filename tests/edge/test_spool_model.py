"""The durable queue against a dictionary, over restarts and crashes, by hypothesis."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_runtime.core.records import Alarm, AlarmKind
from edge_runtime.spool.queue import MessageClass, OpenAlarm, Spool
from edge_runtime.spool.rows import ROW_OVERHEAD_BYTES
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.spools import Clock, put
from tests.faults.alarm_account import body_of

MEMORY = Path("/dev/shm")


class SpoolModel(RuleBasedStateMachine):
    """The spool against a dictionary, with restarts and crashes in between."""

    LIMITS = SpoolLimits(max_bytes=64 * 1024, row_bytes=30_000, dead_rows=4, telemetry_age_s=500)

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="spool-model-", dir=MEMORY if MEMORY.is_dir() else None))
        self.runs = 0
        self.clock = Clock()
        self.folder = self.root / "0"
        self.spool = Spool(self.folder, self.LIMITS, self.clock)
        self.rows: dict[str, Any] = {klass: {} for klass in MessageClass}  # id to (seq, body, put at)
        self.seqs = dict.fromkeys(MessageClass, 0)
        self.counts = dict.fromkeys(("acked", "dead", "dropped"), 0)
        self.alarms: dict[str, Any] = {}
        self.written_s = self.clock.now_s

    def note(self) -> None:
        # Every transaction writes the seconds of service; a crash takes back those since the last.
        self.written_s = self.clock.now_s

    @rule(klass=st.sampled_from(MessageClass), size=st.integers(0, 12_000))
    def put(self, klass: Any, size: int) -> None:
        self.seqs[klass] += 1
        seq = put(self.spool, f"{klass}{self.seqs[klass]}", klass, size)
        assert seq == self.seqs[klass]
        body = body_of(f"{klass}{seq}", size)(seq, self.spool.epoch)
        self.rows[klass][seq] = (body, self.clock.now_s)
        self._shed()

    @rule()
    def put_oversize(self) -> None:
        self.seqs[MessageClass.ALARM] += 1
        put(self.spool, "huge", size=40_000)
        self.counts["dead"] += 1
        self.note()

    @rule(key=st.sampled_from("abc"), active=st.booleans(), peak=st.floats(0, 10))
    def change_alarm(self, key: Any, active: bool, peak: float) -> None:
        alarm = Alarm(key, AlarmKind.SENSOR, 1, peak, "stuck") if active else None
        self.seqs[MessageClass.ALARM] += 1
        seq = put(self.spool, "change", open_alarm=OpenAlarm(key, alarm))
        self.rows[MessageClass.ALARM][seq] = (body_of("change")(seq, self.spool.epoch), self.clock.now_s)
        self.alarms.pop(key, None)
        if alarm is not None:
            self.alarms[key] = alarm
        self._shed()

    @rule(klass=st.sampled_from(MessageClass), picks=st.lists(st.integers(0, 20), max_size=8))
    def ack(self, klass: Any, picks: list[int]) -> None:
        ids = [row_id for n, row_id in enumerate(sorted(self.rows[klass])) if n in picks]
        self.spool.ack(klass, [*ids, 10**6])
        for row_id in ids:
            del self.rows[klass][row_id]
        self.counts["acked"] += len(ids)
        self.note()

    @rule(klass=st.sampled_from(MessageClass))
    def bury_the_first(self, klass: Any) -> None:
        for row in self.spool.peek(klass, 1):
            self.spool.dead_letter(row, "test")
            self.spool.dead_letter(row, "again: it is not there any more")
            del self.rows[klass][row.id]
            self.counts["dead"] += 1
            self.note()

    @rule(seconds=st.sampled_from((1.0, 200.0)))
    def time_passes(self, seconds: Any) -> None:
        self.clock.now_s += seconds
        self.spool.maintain()
        old = [i for i, (_, at) in self.rows[MessageClass.TELEMETRY].items() if self.clock.now_s - at > 500]
        for row_id in old:
            del self.rows[MessageClass.TELEMETRY][row_id]
        self.counts["dropped"] += len(old)
        if old:
            self.note()

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder, self.LIMITS, self.clock)
        self.note()

    @rule()
    def crash(self) -> None:
        self.runs += 1
        copy = self.root / str(self.runs)
        shutil.copytree(self.folder, copy)
        self.spool.close()
        self.folder = copy
        self.spool = Spool(copy, self.LIMITS, self.clock)
        assert self.spool.salvaged is None
        lost_s = self.clock.now_s - self.written_s
        for rows in self.rows.values():
            rows.update({row_id: (body, at + lost_s) for row_id, (body, at) in rows.items()})
        self.note()

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        for klass in MessageClass:
            found = self.spool.peek(klass, 10**6)
            assert [(row.id, row.body) for row in found] == [
                (row_id, body) for row_id, (body, _) in sorted(self.rows[klass].items())
            ]
            assert self.spool.figures()[f"{klass}.depth"] == len(found)
        assert self.spool.open_alarms() == self.alarms

    @invariant()
    def everything_is_accounted_for(self) -> None:
        figures: dict[str, Any] = self.spool.figures()
        for what, expected in self.counts.items():
            assert sum(v for name, v in figures.items() if f".{what}" in name) == expected
        assert sum(self.seqs.values()) == sum(self.counts.values()) + sum(map(len, self.rows.values()))

    def _shed(self) -> None:
        self.note()

        def held() -> Any:
            topic = len("p/s/d/x/event")
            bodies = [body for rows in self.rows.values() for body, _ in rows.values()]
            return sum(len(body) + topic + ROW_OVERHEAD_BYTES for body in bodies)

        while held() > self.LIMITS.max_bytes:
            klass = MessageClass.TELEMETRY if self.rows[MessageClass.TELEMETRY] else MessageClass.ALARM
            del self.rows[klass][min(self.rows[klass])]
            self.counts["dropped"] += 1

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.root)


SpoolModel.TestCase.settings = settings(
    max_examples=int(os.environ.get("STEADYHUM_EXAMPLES", "30")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestSpoolModel = SpoolModel.TestCase
