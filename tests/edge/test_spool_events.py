"""Events that are kept after the broker has them: in the transaction of their messages, and no more of them
than asked for."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from edge_runtime.spool.journal import Journal, KeptEvent
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.disks import fill
from tests.edge.spools import Clock, put
from tests.faults.alarm_account import body_of

ALARM = MessageClass.ALARM


def kept(spool: Spool, after: int = 0, limit: int = 1000) -> list[str]:
    """Names of the events that can be fetched."""
    return [json.loads(event.body)["id"] for event in spool.events.read(after, limit)]


def test_nothing_is_kept_unless_somebody_wants_it(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        put(spool, "a")
        assert (kept(spool), spool.events.most) == ([], 0)


def test_events_outlive_the_brokers_acknowledgement_and_a_restart(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.events.keep(3)
        for name in "abcde":
            put(spool, name)
        put(spool, "reading", MessageClass.TELEMETRY)
        spool.ack(ALARM, [row.id for row in spool.peek(ALARM, 10)])
        assert kept(spool) == ["c", "d", "e"]
        assert kept(spool, after=3) == ["d", "e"]
        assert kept(spool, limit=2) == ["c", "d"]
        assert {event.topic for event in spool.events.read(0, 9)} == {"p/s/d/x/event"}
    with Spool.open(tmp_path) as spool:
        spool.events.keep(3)
        assert kept(spool, after=4) == ["e"]
        put(spool, "f")
        assert kept(spool) == ["d", "e", "f"]
        spool.events.keep(0)
        assert kept(spool) == []
    with Spool.open(tmp_path) as spool:
        assert kept(spool) == []


def test_what_was_stored_before_a_kill_is_kept(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from edge_runtime.spool.queue import MessageClass, Spool\n"
        "spool = Spool.open(Path(sys.argv[1]))\n"
        "spool.events.keep(100)\n"
        "for n in range(20):\n"
        "    spool.put(MessageClass.ALARM, 't', lambda seq, epoch: b'{\"id\": \"%d\"}' % seq)\n"
        "    spool.ack(MessageClass.ALARM, [n + 1])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=False)
    with Spool.open(tmp_path) as spool:
        assert spool.peek(ALARM, 100) == []
        assert kept(spool) == [str(n + 1) for n in range(20)]


def test_a_damaged_event_is_left_out(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.events.keep(10)
        for name in "abc":
            put(spool, name)
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("UPDATE record SET body = '{}' WHERE name LIKE 'event/%2'")
    db.close()
    with Spool.open(tmp_path) as spool:
        assert kept(spool) == ["a", "c"]


def test_on_a_full_disk_the_reserve_is_for_messages_and_events_wait(small_disk: Path) -> None:
    with Spool(small_disk / "state", SpoolLimits(reserve_bytes=256 * 1024)) as spool:
        spool.events.keep(1000)
        put(spool, "before")
        stone = fill(small_disk)
        while spool.put(MessageClass.TELEMETRY, "t", body_of("telemetry", 4000)):
            pass
        for n in range(5):
            put(spool, f"full{n}", size=500)
        assert spool.figures()["ring"] == 0
        expected = ["before", *(f"full{n}" for n in range(5))]
        assert kept(spool) == expected
        spool.events.flush()
        assert len(spool._disk.journal.held) == 5  # noqa: SLF001  it cannot yet
        stone.unlink()
        spool.maintain()
        spool.events.flush()
        spool.events.flush()
        assert not spool._disk.journal.held  # noqa: SLF001
        assert kept(spool) == expected
    with Spool.open(small_disk / "state") as spool:
        spool.events.keep(1000)
        put(spool, "after")
        assert kept(spool) == [*expected, "after"]


def test_events_of_a_disk_that_fails_wait_though_the_broker_has_them(tmp_path: Path) -> None:
    """And none is there twice, though the number of the first was used for an attempt that failed."""
    clock, away = Clock(), tmp_path / "away"
    with Spool(tmp_path / "state", SpoolLimits(ring_rows=3), clock) as spool:
        spool.events.keep(1000)
        put(spool, "a")
        file = tmp_path / "state" / "spool.db"
        (tmp_path / "state").rename(away)
        file.parent.touch()  # a file where the folder was: nothing can be opened again
        spool.maintain()
        for name in "bcdef":
            put(spool, name)
        spool.ack(ALARM, [row.id for row in spool.peek(ALARM, 10) if row.id > 1])
        assert kept(spool)[-3:] == ["d", "e", "f"]
        file.parent.unlink()
        away.rename(file.parent)
        clock.now_s += 60
        spool.maintain()
        put(spool, "g")
        assert kept(spool)[-4:] == ["d", "e", "f", "g"]
        assert len(set(kept(spool))) == len(kept(spool))


def test_a_journal_that_keeps_nothing_holds_nothing() -> None:
    journal = Journal(2)
    events = [KeptEvent(number, "t", b"{}") for number in (1, 2, 3)]
    journal.hold(events)
    assert not journal.held
    journal.keep = 5
    journal.hold(events)
    assert sorted(journal.held) == [2, 3]
