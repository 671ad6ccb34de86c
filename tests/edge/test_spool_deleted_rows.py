"""Rows that were acknowledged and that a full disk does not delete: not given out again, read only once."""

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.spool.deleted_rows import DeletedRows
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.disks import fill, mount_tmpfs
from tests.faults.alarm_account import body_of


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 30))))
def test_skips_known_dead_ranges_and_nothing_else(steps: list[Any]) -> None:
    """Against a set: a skip from anywhere ends before the first row that no read has found deleted."""
    deleted, known = DeletedRows(), set()
    for reading, first, last in steps:
        if reading and last > first:
            deleted.add_dead_range(first, last)
            known |= set(range(first + 1, last + 1))
        for after in range(32):
            assert deleted.skip_dead(after) == next(i for i in range(after, 64) if i + 1 not in known)
    deleted.add([1, 2], "a")
    deleted.add([2, 3], "b")
    assert deleted.first(9) == {1: "a", 2: "a", 3: "b"}
    deleted.discard([1, 2, 3])
    assert deleted.skip_dead(0) == 0, "nothing is left to be skipped"


def test_what_a_full_disk_does_not_let_go_is_not_given_out_again(small_disk: Path) -> None:
    with Spool(small_disk / "state", SpoolLimits(reserve_bytes=0)) as spool:
        for n in range(100):
            spool.put(MessageClass.ALARM, "t", body_of(f"a{n:02}"))
        stone = fill(small_disk)
        while spool.put(
            MessageClass.TELEMETRY, "t", body_of("t", 3000)
        ):  # the last of the room that the WAL has
            pass
        spool.ack(MessageClass.ALARM, range(1, 71))
        assert spool.figures()["alarm.depth"] == 100, "they could not be removed"
        assert [row.id for row in spool.peek(MessageClass.ALARM, 10)] == list(range(71, 81))
        assert [row.id for row in spool.peek(MessageClass.ALARM, 64, after=68)] == list(range(71, 101))
        assert spool.peek(MessageClass.ALARM, 10, upto=70) == []
        stone.unlink()
        spool.maintain()
        assert spool.figures()["alarm.depth"] == 30
        assert spool.figures()["alarm.acked"] == 70


def test_too_much_is_not_shed_while_the_disk_does_not_let_it_go(small_disk: Path) -> None:
    with Spool(small_disk / "state", SpoolLimits(max_bytes=64 * 1024, reserve_bytes=24 * 1024)) as spool:
        for n in range(20):
            spool.put(MessageClass.ALARM, "t", body_of(f"a{n}", 3000))
        stone = fill(small_disk)
        spool.put(MessageClass.ALARM, "t", body_of("over", 3000))
        assert spool.trouble == "the disk is full"
        stone.unlink()
        spool.maintain()
        spool.put(MessageClass.ALARM, "t", body_of("last"))
        assert spool.figures()["alarm.bytes"] <= 64 * 1024
        assert json.loads(spool.peek(MessageClass.ALARM, 1000)[-1].body)["id"] == "last"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Any:
    """SQLite's connections, in the order of their opening."""
    made, connect = [], sqlite3.connect

    def noted(*arguments: Any, **options: Any) -> Any:
        made.append(connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    return made


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Any]:
    """Makes disks of 16 MiB."""
    with contextlib.ExitStack() as stack:

        def make(name: str) -> Any:
            stack.callback(mount_tmpfs(tmp_path / name, "16m"))
            return tmp_path / name

        yield make


def work_to_drain(disk: Any, count: int, opened: Any) -> Any:
    """Drain a spool whose disk lets nothing go, beginning again after every 64 rows; count SQLite's steps."""
    with Spool(disk / "state", SpoolLimits(reserve_bytes=0)) as spool:
        for n in range(count):
            spool.put(MessageClass.ALARM, "t", body_of(f"a{n}"))
        stone = fill(disk)
        while spool.put(MessageClass.TELEMETRY, "t", body_of("t", 3000)):
            pass
        steps: Counter[Any] = Counter()
        part = "drain"

        def step() -> None:
            steps[part] += 10

        opened[-1].set_progress_handler(step, 10)
        drained = []
        while rows := spool.peek(MessageClass.ALARM, 64):
            drained += [row.id for row in rows]
            spool.ack(MessageClass.ALARM, drained[-len(rows) :])
        part = "raise"
        for n in range(20):
            spool.put(MessageClass.ALARM, "t", body_of(f"late{n}"))
        opened[-1].set_progress_handler(None, 0)
        assert drained == list(range(1, count + 1))
        assert spool.figures()["ring"] > 10, "there was next to no room"
        stone.unlink()
        spool.maintain()
        assert (spool.figures()["alarm.acked"], spool.figures()["alarm.depth"]) == (count, 20)
        return steps


def test_a_long_backlog_on_a_full_disk_makes_no_step_longer(disks: Any, opened: Any) -> None:
    """Acknowledged rows that cannot be removed are read once; to raise an alarm touches none of them."""
    few = work_to_drain(disks("few"), 500, opened)
    many = work_to_drain(disks("many"), 4000, opened)
    print(f"steps of SQLite: {dict(few)} for 500, {dict(many)} for 4000")
    assert many["drain"] < 1.2 * 8 * few["drain"]
    assert many["raise"] < 1.2 * few["raise"]
