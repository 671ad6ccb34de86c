"""The durable queue on a disk that works: numbers, order, caps, ages, open alarms, two programs."""

import json
import os
import shutil
import sqlite3
import tempfile
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_runtime.errors import AccessError, BusyError, DataError, UnavailableError
from edge_runtime.records import Alarm, AlarmKind
from edge_runtime.settings import SpoolLimits
from edge_runtime.spool import Klass, OpenAlarm, Spool
from edge_runtime.storage.rows import ROW_OVERHEAD_BYTES, Row, row_of
from tests.bench.oracle import body_of

MEMORY = Path("/dev/shm")
ALARM = Alarm("01H", AlarmKind.ANOMALY, 1_700_000_000_000_000, 3.5, "")


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state"


def put(spool, name="a", klass=Klass.ALARM, size=0, **more):
    return spool.put(klass, "p/s/d/x/event", body_of(name, size), **more)


def names(spool, klass=Klass.ALARM, **span):
    return [json.loads(row.body)["id"] for row in spool.peek(klass, 1000, **span)]


def test_numbers_rise_without_holes_and_survive_restarts(folder):
    with Spool.open(folder) as spool:
        epoch = spool.epoch
        assert [put(spool, str(n)) for n in range(3)] == [1, 2, 3]
        assert put(spool, "t", Klass.TELEMETRY) == 1
        spool.ack(Klass.ALARM, [1, 2, 3])
    with Spool.open(folder) as spool:
        assert spool.epoch == epoch
        assert put(spool, "next") == 4
        (row,) = spool.peek(Klass.ALARM, 10)
        assert json.loads(row.body) == {"id": "next", "seq": 4, "epoch": epoch, "padding": ""}
        assert row.topic == "p/s/d/x/event"


def test_a_row_leaves_only_when_acknowledged(folder):
    with Spool.open(folder) as spool:
        for n in range(5):
            put(spool, str(n))
        first = spool.peek(Klass.ALARM, 2)
        assert [row.id for row in first] == [1, 2]
        assert names(spool, after=2, upto=4) == ["2", "3"]
        spool.ack(Klass.ALARM, [first[0].id, 99])
        assert names(spool) == ["1", "2", "3", "4"]
        figures = spool.figures()
        assert (figures["alarm.seq"], figures["alarm.acked"], figures["alarm.depth"]) == (5, 1, 4)
        assert spool.last_id(Klass.ALARM) == 5


def test_announces_every_put(folder):
    with Spool.open(folder) as spool:
        heard = []
        spool.announce = lambda: heard.append(names(spool))
        put(spool, "a")
        put(spool, "b")
        assert heard == [["a"], ["a", "b"]]


def test_telemetry_goes_first_when_room_is_short_then_the_oldest_alarms(folder):
    limits = SpoolLimits(max_bytes=64 * 1024)
    with Spool(folder, limits) as spool:
        for n in range(10):
            put(spool, f"t{n}", Klass.TELEMETRY, size=4000)
        for n in range(20):
            put(spool, f"a{n}", size=4000)
        assert names(spool, Klass.TELEMETRY) == []
        kept = names(spool)
        assert kept == [f"a{n}" for n in range(20 - len(kept), 20)]
        figures = spool.figures()
        assert figures["telemetry.dropped.bytes"] == 10
        assert figures["alarm.dropped.bytes"] == 20 - len(kept)
        assert figures["alarm.bytes"] <= limits.max_bytes < figures["alarm.bytes"] + 4200
    with Spool(folder, limits) as spool:
        assert spool.figures()["telemetry.dropped.bytes"] == 10, "drops are counted durably"


def test_a_smaller_limit_sheds_what_is_too_much(folder):
    with Spool.open(folder) as spool:
        for n in range(600):
            put(spool, f"t{n}", Klass.TELEMETRY, size=500)
    with Spool(folder, SpoolLimits(max_bytes=64 * 1024)) as spool:
        put(spool, "new", Klass.TELEMETRY, size=500)
        assert spool.figures()["telemetry.bytes"] <= 64 * 1024
        assert names(spool, Klass.TELEMETRY)[-1] == "new"


def test_age_counts_service_not_the_wall_clock(folder):
    clock, limits = Clock(), SpoolLimits(telemetry_age_s=100, alarm_age_s=1000)
    with Spool(folder, limits, clock) as spool:
        put(spool, "old", Klass.TELEMETRY)
        put(spool, "alarm")
        clock.now_s += 60
        put(spool, "young", Klass.TELEMETRY)
        spool.tend()
        assert names(spool, Klass.TELEMETRY) == ["old", "young"]
        clock.now_s += 50
        assert spool.figures()["oldest_age_s"] == pytest.approx(110)
        spool.tend()
        assert names(spool, Klass.TELEMETRY) == ["young"]
    clock = Clock()
    clock.now_s = 5.0  # another boot: its monotonic clock starts again
    with Spool(folder, limits, clock) as spool:
        assert 49 <= spool.figures()["oldest_age_s"] <= 111
        clock.now_s += 60
        spool.tend()
        assert names(spool, Klass.TELEMETRY) == []
        assert names(spool) == ["alarm"]
        clock.now_s += 1000
        spool.tend()
        assert names(spool) == []
        figures = spool.figures()
        assert (figures["telemetry.dropped.age"], figures["alarm.dropped.age"]) == (2, 1)
        assert figures["oldest_age_s"] is None


@pytest.mark.parametrize("jump_s", [365 * 86400, -365 * 86400, 2**31 - 1_767_225_600, 86400 * 365 * 5000])
def test_a_wall_clock_that_jumps_expires_nothing_and_keeps_the_order(folder, monkeypatch, jump_s):
    before = time.time_ns
    with Spool(folder, SpoolLimits(telemetry_age_s=100, alarm_age_s=100)) as spool:
        put(spool, "a")
        put(spool, "t", Klass.TELEMETRY)
        monkeypatch.setattr(time, "time_ns", lambda: before() + jump_s * 10**9)
        put(spool, "b")
        spool.tend()
        assert names(spool) == ["a", "b"]
        assert names(spool, Klass.TELEMETRY) == ["t"]
        assert 0 <= spool.figures()["oldest_age_s"] < 50
    with Spool(folder, SpoolLimits(telemetry_age_s=100, alarm_age_s=100)) as spool:
        spool.tend()
        assert names(spool) == ["a", "b"]


def test_zero_means_that_nothing_expires(folder):
    clock = Clock()
    with Spool(folder, SpoolLimits(telemetry_age_s=0), clock) as spool:
        put(spool, "t", Klass.TELEMETRY)
        clock.now_s += 1e9
        spool.tend()
        assert names(spool, Klass.TELEMETRY) == ["t"]


def test_capacity_is_told_in_hours(folder):
    clock = Clock()
    with Spool(folder, SpoolLimits(max_bytes=10 * 2**20), clock) as spool:
        assert spool.figures()["hours_of_capacity"] is None
        for n in range(100):
            put(spool, f"t{n}", Klass.TELEMETRY, size=10_000)
        clock.now_s += 3600
        taken = spool.figures()["telemetry.bytes"]
        assert spool.figures()["hours_of_capacity"] == pytest.approx((10 * 2**20 - taken) / taken)


def test_open_alarms_change_with_their_events(folder):
    with Spool.open(folder) as spool:
        put(spool, "new", open_alarm=OpenAlarm("pump/anomaly", ALARM))
        put(spool, "fault", open_alarm=OpenAlarm("fan/sensor_fault", ALARM))
        put(spool, "end", open_alarm=OpenAlarm("fan/sensor_fault", None))
        assert spool.open_alarms() == {"pump/anomaly": ALARM}
    with Spool.open(folder) as spool:
        assert spool.open_alarms() == {"pump/anomaly": ALARM}
        put(spool, "end", open_alarm=OpenAlarm("pump/anomaly", None))
        put(spool, "twice", open_alarm=OpenAlarm("pump/anomaly", None))
    with Spool.open(folder) as spool:
        assert spool.open_alarms() == {}


def test_dead_letters_are_kept_counted_and_bounded(folder):
    with Spool(folder, SpoolLimits(dead_rows=3)) as spool:
        for n in range(5):
            put(spool, str(n))
        for row in spool.peek(Klass.ALARM, 5):
            spool.dead_letter(row, f"because {row.seq}")
        assert [letter.reason for letter in spool.dead_letters()] == ["because 3", "because 4", "because 5"]
        assert json.loads(spool.dead_letters()[0].row.body)["id"] == "2"
        figures = spool.figures()
        assert (figures["alarm.dead"], figures["dead.forgotten"], figures["alarm.depth"]) == (5, 2, 0)


def test_a_message_larger_than_a_row_is_set_aside(folder):
    with Spool(folder, SpoolLimits(row_bytes=1024)) as spool:
        assert put(spool, "huge", size=2000) == 1
        assert put(spool, "next") == 2
        assert names(spool) == ["next"]
        (letter,) = spool.dead_letters()
        assert "larger" in letter.reason
        figures = spool.figures()
        assert figures["alarm.seq"] - figures["alarm.dead"] == figures["alarm.depth"]


def test_a_second_program_is_refused(folder):
    with Spool.open(folder), pytest.raises(BusyError, match=f"pid {os.getpid()}") as refusal:
        Spool.open(folder)
    assert refusal.value.exit_code == 75
    Spool.open(folder).close()


def test_a_newer_file_is_refused_and_left_alone(folder):
    with Spool.open(folder) as spool:
        put(spool, "kept")
    database = sqlite3.connect(folder / "spool.db")
    (body,) = database.execute("SELECT body FROM record WHERE name = 'meta'").fetchone()
    changed = body.replace('"schema": 1', '"schema": 2')
    crc = zlib.crc32(f"meta|{changed}".encode())
    database.execute("UPDATE record SET body = ?, crc = ? WHERE name = 'meta'", (changed, crc))
    database.commit()
    database.close()
    before = (folder / "spool.db").read_bytes()
    with pytest.raises(DataError, match="schema 2"):
        Spool.open(folder)
    assert (folder / "spool.db").read_bytes() == before
    with pytest.raises(DataError):
        Spool.open(folder)  # the refusal let go of the folder


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(AccessError):
        Spool.open(tmp_path / "state")


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="state folder"):
        Spool.open(tmp_path / "file" / "state")


def test_a_file_that_is_no_file_is_refused(folder):
    (folder / "spool.db").mkdir(parents=True)
    with pytest.raises(AccessError, match="must belong"):
        Spool.open(folder)


def test_no_reserve_is_a_choice(folder):
    with Spool(folder, SpoolLimits(reserve_bytes=0)) as spool:
        assert put(spool) == 1
        assert spool.trouble == ""


def test_a_row_is_whole_or_nothing():
    row = Row(Klass.ALARM, 1, 2, "t", b"body", 3, 4.0)
    record = (row.klass, row.id, row.seq, row.topic, row.body, row.created_us, row.clock_s, row.crc)
    assert row_of(record) == row
    for at, wrong in enumerate(("log", "1", None, b"t", "body", 3.0, 4, 5)):
        changed = (*record[:at], wrong, *record[at + 1 :])
        assert row_of(changed) is None


@pytest.mark.parametrize(
    "wrong",
    [{"max_bytes": 1}, {"telemetry_age_s": -1}, {"reserve_bytes": -1}, {"row_bytes": 1}, {"ring_rows": 0},
     {"dead_rows": 0}, {"corrupt_copies": -1}],
)  # fmt: skip
def test_limits_that_cannot_be_meant(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        SpoolLimits(**wrong)


class SpoolModel(RuleBasedStateMachine):
    """The spool against a dictionary, with restarts and crashes in between."""

    LIMITS = SpoolLimits(max_bytes=64 * 1024, row_bytes=30_000, dead_rows=4, telemetry_age_s=500)

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="spool-model-", dir=MEMORY if MEMORY.is_dir() else None))
        self.runs = 0
        self.clock = Clock()
        self.folder = self.root / "0"
        self.spool = Spool(self.folder, self.LIMITS, self.clock)
        self.rows = {klass: {} for klass in Klass}  # id to (seq, body, put at)
        self.seqs = dict.fromkeys(Klass, 0)
        self.counts = dict.fromkeys(("acked", "dead", "dropped"), 0)
        self.alarms = {}
        self.written_s = self.clock.now_s

    def note(self):
        # Every transaction writes the seconds of service; a crash takes back those since the last.
        self.written_s = self.clock.now_s

    @rule(klass=st.sampled_from(Klass), size=st.integers(0, 12_000))
    def put(self, klass, size):
        self.seqs[klass] += 1
        seq = put(self.spool, f"{klass}{self.seqs[klass]}", klass, size)
        assert seq == self.seqs[klass]
        body = body_of(f"{klass}{seq}", size)(seq, self.spool.epoch)
        self.rows[klass][seq] = (body, self.clock.now_s)
        self._shed()

    @rule()
    def put_oversize(self):
        self.seqs[Klass.ALARM] += 1
        put(self.spool, "huge", size=40_000)
        self.counts["dead"] += 1
        self.note()

    @rule(key=st.sampled_from("abc"), active=st.booleans(), peak=st.floats(0, 10))
    def change_alarm(self, key, active, peak):
        alarm = Alarm(key, AlarmKind.SENSOR, 1, peak, "stuck") if active else None
        self.seqs[Klass.ALARM] += 1
        seq = put(self.spool, "change", open_alarm=OpenAlarm(key, alarm))
        self.rows[Klass.ALARM][seq] = (body_of("change")(seq, self.spool.epoch), self.clock.now_s)
        self.alarms.pop(key, None)
        if alarm is not None:
            self.alarms[key] = alarm
        self._shed()

    @rule(klass=st.sampled_from(Klass), picks=st.lists(st.integers(0, 20), max_size=8))
    def ack(self, klass, picks):
        ids = [row_id for n, row_id in enumerate(sorted(self.rows[klass])) if n in picks]
        self.spool.ack(klass, [*ids, 10**6])
        for row_id in ids:
            del self.rows[klass][row_id]
        self.counts["acked"] += len(ids)
        self.note()

    @rule(klass=st.sampled_from(Klass))
    def bury_the_first(self, klass):
        for row in self.spool.peek(klass, 1):
            self.spool.dead_letter(row, "test")
            self.spool.dead_letter(row, "again: it is not there any more")
            del self.rows[klass][row.id]
            self.counts["dead"] += 1
            self.note()

    @rule(seconds=st.sampled_from((1.0, 200.0)))
    def time_passes(self, seconds):
        self.clock.now_s += seconds
        self.spool.tend()
        old = [i for i, (_, at) in self.rows[Klass.TELEMETRY].items() if self.clock.now_s - at > 500]
        for row_id in old:
            del self.rows[Klass.TELEMETRY][row_id]
        self.counts["dropped"] += len(old)
        if old:
            self.note()

    @rule()
    def restart(self):
        self.spool.close()
        self.spool = Spool(self.folder, self.LIMITS, self.clock)
        self.note()

    @rule()
    def crash(self):
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
    def holds_what_the_dictionary_holds(self):
        for klass in Klass:
            found = self.spool.peek(klass, 10**6)
            assert [(row.id, row.body) for row in found] == [
                (row_id, body) for row_id, (body, _) in sorted(self.rows[klass].items())
            ]
            assert self.spool.figures()[f"{klass}.depth"] == len(found)
        assert self.spool.open_alarms() == self.alarms

    @invariant()
    def everything_is_accounted_for(self):
        figures = self.spool.figures()
        for what, expected in self.counts.items():
            assert sum(v for name, v in figures.items() if f".{what}" in name) == expected
        assert sum(self.seqs.values()) == sum(self.counts.values()) + sum(map(len, self.rows.values()))

    def _shed(self):
        self.note()

        def held():
            topic = len("p/s/d/x/event")
            bodies = [body for rows in self.rows.values() for body, _ in rows.values()]
            return sum(len(body) + topic + ROW_OVERHEAD_BYTES for body in bodies)

        while held() > self.LIMITS.max_bytes:
            klass = Klass.TELEMETRY if self.rows[Klass.TELEMETRY] else Klass.ALARM
            del self.rows[klass][min(self.rows[klass])]
            self.counts["dropped"] += 1

    def teardown(self):
        self.spool.close()
        shutil.rmtree(self.root)


SpoolModel.TestCase.settings = settings(
    max_examples=int(os.environ.get("STEADYHUM_EXAMPLES", "30")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestSpoolModel = SpoolModel.TestCase
