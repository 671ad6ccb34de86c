"""How much and how long the durable queue keeps: caps, ages, and what goes first."""

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.spool.fair_room import Candidate, choose
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.spools import Clock, names, put


def test_telemetry_goes_first_when_room_is_short_then_the_oldest_alarms(folder: Path) -> None:
    limits = SpoolLimits(max_bytes=64 * 1024)
    with Spool(folder, limits) as spool:
        for n in range(10):
            put(spool, f"t{n}", MessageClass.TELEMETRY, size=4000)
        for n in range(20):
            put(spool, f"a{n}", size=4000)
        assert names(spool, MessageClass.TELEMETRY) == []
        kept = names(spool)
        assert kept == [f"a{n}" for n in range(20 - len(kept), 20)]
        figures = spool.figures()
        assert figures["telemetry.dropped.bytes"] == 10
        assert figures["alarm.dropped.bytes"] == 20 - len(kept)
        assert figures["alarm.bytes"] <= limits.max_bytes < figures["alarm.bytes"] + 4200
    with Spool(folder, limits) as spool:
        assert spool.figures()["telemetry.dropped.bytes"] == 10, "drops are counted durably"


def test_a_smaller_limit_sheds_what_is_too_much(folder: Path) -> None:
    with Spool.open(folder) as spool:
        for n in range(600):
            put(spool, f"t{n}", MessageClass.TELEMETRY, size=500)
    with Spool(folder, SpoolLimits(max_bytes=64 * 1024)) as spool:
        put(spool, "new", MessageClass.TELEMETRY, size=500)
        assert spool.figures()["telemetry.bytes"] <= 64 * 1024
        assert names(spool, MessageClass.TELEMETRY)[-1] == "new"


def test_age_counts_service_not_the_wall_clock(folder: Path) -> None:
    clock, limits = Clock(), SpoolLimits(telemetry_age_s=100, alarm_age_s=1000)
    with Spool(folder, limits, clock) as spool:
        put(spool, "old", MessageClass.TELEMETRY)
        put(spool, "alarm")
        clock.now_s += 60
        put(spool, "young", MessageClass.TELEMETRY)
        spool.maintain()
        assert names(spool, MessageClass.TELEMETRY) == ["old", "young"]
        clock.now_s += 50
        assert spool.figures()["oldest_age_s"] == pytest.approx(110)
        spool.maintain()
        assert names(spool, MessageClass.TELEMETRY) == ["young"]
    clock = Clock()
    clock.now_s = 5.0  # another boot: its monotonic clock starts again
    with Spool(folder, limits, clock) as spool:
        assert 49 <= spool.figures()["oldest_age_s"] <= 111
        clock.now_s += 60
        spool.maintain()
        assert names(spool, MessageClass.TELEMETRY) == []
        assert names(spool) == ["alarm"]
        clock.now_s += 1000
        spool.maintain()
        assert names(spool) == []
        figures = spool.figures()
        assert (figures["telemetry.dropped.age"], figures["alarm.dropped.age"]) == (2, 1)
        assert figures["oldest_age_s"] is None


@pytest.mark.parametrize("jump_s", [365 * 86400, -365 * 86400, 2**31 - 1_767_225_600, 86400 * 365 * 5000])
def test_a_wall_clock_that_jumps_expires_nothing_and_keeps_the_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    before = time.time_ns
    with Spool(folder, SpoolLimits(telemetry_age_s=100, alarm_age_s=100)) as spool:
        put(spool, "a")
        put(spool, "t", MessageClass.TELEMETRY)
        monkeypatch.setattr(time, "time_ns", lambda: before() + jump_s * 10**9)
        put(spool, "b")
        spool.maintain()
        assert names(spool) == ["a", "b"]
        assert names(spool, MessageClass.TELEMETRY) == ["t"]
        assert 0 <= spool.figures()["oldest_age_s"] < 50
    with Spool(folder, SpoolLimits(telemetry_age_s=100, alarm_age_s=100)) as spool:
        spool.maintain()
        assert names(spool) == ["a", "b"]


def test_zero_means_that_nothing_expires(folder: Path) -> None:
    clock = Clock()
    with Spool(folder, SpoolLimits(telemetry_age_s=0), clock) as spool:
        put(spool, "t", MessageClass.TELEMETRY)
        clock.now_s += 1e9
        spool.maintain()
        assert names(spool, MessageClass.TELEMETRY) == ["t"]


def test_capacity_is_told_in_hours(folder: Path) -> None:
    clock = Clock()
    with Spool(folder, SpoolLimits(max_bytes=10 * 2**20), clock) as spool:
        assert spool.figures()["hours_of_capacity"] is None
        for n in range(100):
            put(spool, f"t{n}", MessageClass.TELEMETRY, size=10_000)
        clock.now_s += 3600
        taken = spool.figures()["telemetry.bytes"]
        assert spool.figures()["hours_of_capacity"] == pytest.approx((10 * 2**20 - taken) / taken)


def test_dead_letters_are_kept_counted_and_bounded(folder: Path) -> None:
    with Spool(folder, SpoolLimits(dead_rows=3)) as spool:
        for n in range(5):
            put(spool, str(n))
        for row in spool.peek(MessageClass.ALARM, 5):
            spool.dead_letter(row, f"because {row.seq}")
        assert [letter.reason for letter in spool.dead_letters()] == ["because 3", "because 4", "because 5"]
        assert json.loads(spool.dead_letters()[0].row.body)["id"] == "2"
        figures = spool.figures()
        assert (figures["alarm.dead"], figures["dead.forgotten"], figures["alarm.depth"]) == (5, 2, 0)


def test_a_message_larger_than_a_row_is_set_aside(folder: Path) -> None:
    with Spool(folder, SpoolLimits(row_bytes=1024)) as spool:
        assert put(spool, "huge", size=2000) == 1
        assert put(spool, "next") == 2
        assert names(spool) == ["next"]
        (letter,) = spool.dead_letters()
        assert "larger" in letter.reason
        figures = spool.figures()
        assert figures["alarm.seq"] - figures["alarm.dead"] == figures["alarm.depth"]


def test_no_reserve_is_a_choice(folder: Path) -> None:
    with Spool(folder, SpoolLimits(reserve_bytes=0)) as spool:
        assert put(spool) == 1
        assert spool.trouble == ""


@pytest.mark.parametrize(
    "wrong",
    [{"max_bytes": 1}, {"telemetry_age_s": -1}, {"reserve_bytes": -1}, {"row_bytes": 1}, {"ring_rows": 0},
     {"dead_rows": 0}, {"corrupt_copies": -1}],
)  # fmt: skip
def test_limits_that_cannot_be_meant(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        SpoolLimits(**wrong)


def event(spool: Any, sensor: Any, alarm: Any, kind: Any, size: int = 4000) -> Any:
    """Store an event of one sensor's alarm."""
    body = {"type": kind, "id": alarm, "padding": "x" * size}
    return spool.put(MessageClass.ALARM, f"p/s/d/{sensor}/event", lambda *_: json.dumps(body).encode())


def waiting(spool: Any, sensor: Any) -> Any:
    """What waits of a sensor's alarms, in order."""
    rows = (row for row in spool.peek(MessageClass.ALARM, 1000) if f"/{sensor}/" in row.topic)
    return [(body["id"], body["type"]) for body in (json.loads(row.body) for row in rows)]


def test_alarms_of_one_sensor_never_displace_anothers(folder: Path) -> None:
    with Spool(folder, SpoolLimits(max_bytes=64 * 1024)) as spool:
        event(spool, "b", "b1", "new")
        event(spool, "b", "b1", "update")
        event(spool, "b", "b1", "end")
        event(spool, "a", "open", "new")
        for _ in range(3):
            event(spool, "a", "open", "update")
        for n in range(40):
            event(spool, "a", f"a{n}", "new")
            event(spool, "a", f"a{n}", "end")
        assert waiting(spool, "b") == [("b1", "new"), ("b1", "update"), ("b1", "end")]
        kept = waiting(spool, "a")
        assert kept[0] == ("open", "new"), "updates and pairs go before an alarm that is not over"
        assert kept[-2:] == [("a39", "new"), ("a39", "end")]
        assert all((name, "new") in kept for name, kind in kept if kind == "end"), "pairs go whole"
        assert spool.dropped("p/s/d/a/event") == spool.figures()["alarm.dropped.bytes"] == 84 - len(kept)
        assert spool.dropped("p/s/d/b/event") == 0
    with Spool(folder, SpoolLimits(max_bytes=64 * 1024)) as spool:
        event(spool, "a", "later", "new")
        assert len(waiting(spool, "b")) == 3, "counted again from the file"


def test_updates_of_a_sensor_go_before_its_pairs() -> None:
    rows = [("1", "new"), ("1", "update"), ("2", "new"), ("1", "end"), ("2", "update"), ("2", "end")]
    candidates = [
        Candidate(n, 10, json.dumps({"id": name, "type": kind}).encode())
        for n, (name, kind) in enumerate(rows)
    ]
    assert choose(candidates, 15) == [1, 4]
    assert choose(candidates, 25) == [1, 4, 0, 3]
    assert choose(candidates, 1000) == [1, 4, 0, 3, 2, 5]
    assert choose([Candidate(7, 10, b"[]"), Candidate(8, 10, b"{")], 10) == [7]
    assert choose([], 10) == []


def test_a_topic_that_was_damaged_on_disk_does_not_keep_the_spool_full(folder: Path) -> None:
    with Spool.open(folder) as spool:
        for n in range(30):
            event(spool, "a", f"a{n}", "new")
    with contextlib.closing(sqlite3.connect(folder / "spool.db")) as db:
        db.execute("UPDATE alarm SET topic = CAST(x'ff' AS TEXT)")
        db.commit()
    limits = SpoolLimits(max_bytes=64 * 1024)
    with Spool(folder, limits) as spool:
        event(spool, "b", "b1", "new")
        assert spool.figures()["alarm.bytes"] <= limits.max_bytes
        assert waiting(spool, "b") == [("b1", "new")]
