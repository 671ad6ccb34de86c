"""The durable queue on a full disk: alarms take the reserve, then memory, and it recovers by itself."""

import json
import os
from pathlib import Path

from edge_runtime.core.records import Alarm, AlarmKind
from edge_runtime.spool.queue import MessageClass, OpenAlarm, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.disks import fill
from tests.edge.spools import Clock
from tests.faults.alarm_account import body_of

SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
ALARM = Alarm("open", AlarmKind.ANOMALY, 1, 2.0)


def test_a_full_disk_takes_alarms_from_its_reserve_and_recovers_by_itself(small_disk: Path) -> None:
    limits = SpoolLimits(reserve_bytes=512 * 1024)
    with Spool(small_disk / "state", limits) as spool:
        before = [spool.put(MessageClass.ALARM, "t", body_of(f"before{n}")) for n in range(20)]
        for cycle in range(100 if SOAK else 5):
            stone = fill(small_disk)
            while spool.put(MessageClass.TELEMETRY, "t", body_of("telemetry", 4000)):
                pass
            assert spool.trouble == "the disk is full"
            assert spool.put(MessageClass.TELEMETRY, "t", body_of("dropped")) == 0
            for n in range(10):
                spool.put(
                    MessageClass.ALARM,
                    "t",
                    body_of(f"full{cycle}.{n}", 500),
                    OpenAlarm("pump/anomaly", ALARM),
                )
            assert spool.figures()["ring"] == 0, "the reserve was there for them"
            stone.unlink()
            spool.maintain()
            assert spool.trouble == ""
            assert spool.put(MessageClass.TELEMETRY, "t", body_of("taken")) > 0
            spool.ack(MessageClass.TELEMETRY, [row.id for row in spool.peek(MessageClass.TELEMETRY, 1000)])
            names = [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 1000)]
            assert names == [f"before{n}" for n in range(20)] + [f"full{cycle}.{n}" for n in range(10)]
            spool.ack(MessageClass.ALARM, [row.id for row in spool.peek(MessageClass.ALARM, 1000, after=20)])
        assert spool.figures()["telemetry.dropped.disk"] >= 10
        assert before == list(range(1, 21))
    assert not (small_disk / "state" / "spool.db-wal").exists()


def test_when_even_the_reserve_is_gone_alarms_wait_in_memory(small_disk: Path) -> None:
    limits = SpoolLimits(reserve_bytes=64 * 1024, ring_rows=30)
    with Spool(small_disk / "state", limits) as spool:
        heard = 0
        stone = fill(small_disk)
        while not spool.figures()["ring"]:
            heard += 1
            spool.put(MessageClass.ALARM, "t", body_of(f"a{heard}", 3000), OpenAlarm("pump/anomaly", ALARM))
            assert heard < 1000
        disk_epoch = spool.epoch
        for n in range(1, 20):
            spool.put(MessageClass.ALARM, "t", body_of(f"a{heard + n}", 3000))
        rows = spool.peek(MessageClass.ALARM, 1000)
        assert [json.loads(row.body)["id"] for row in rows] == [f"a{n}" for n in range(1, heard + 20)]
        ringed = [json.loads(row.body) for row in rows if json.loads(row.body)["epoch"] != disk_epoch]
        assert [body["seq"] for body in ringed] == list(range(1, 21)), "numbers of their own"
        spool.ack(MessageClass.ALARM, [rows[0].id, rows[-1].id])
        spool.dead_letter(rows[-2], "also from the ring")
        for n in range(20, 40):
            spool.put(MessageClass.ALARM, "t", body_of(f"a{heard + n}", 3000))
        assert spool.figures()["alarm.dropped.ring"] == 8
        stone.unlink()
        spool.maintain()
        assert spool.trouble == ""
        assert spool.figures()["ring"] == 0
        assert spool.open_alarms() == {"pump/anomaly": ALARM}
        kept = [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 1000)]
        assert kept == [
            f"a{n}" for n in [*range(2, heard), *range(heard + 8, heard + 18), *range(heard + 20, heard + 40)]
        ]
        figures = spool.figures()
        assert figures["alarm.acked"] == 2
        assert figures["alarm.dead"] == 1
    with Spool(small_disk / "state", limits) as spool:
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 1000)] == kept


def test_starts_on_a_full_disk(small_disk: Path) -> None:
    with Spool.open(small_disk / "state", SpoolLimits(reserve_bytes=256 * 1024)) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("before"))
    stone = fill(small_disk)
    with Spool.open(small_disk / "state", SpoolLimits(reserve_bytes=256 * 1024)) as spool:
        assert spool.put(MessageClass.ALARM, "t", body_of("full")) == 2
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == ["before", "full"]
        stone.unlink()
        spool.maintain()
        assert spool.trouble == ""


def test_starts_on_a_disk_without_a_byte_and_without_a_file(small_disk: Path) -> None:
    (small_disk / "state").mkdir()
    (small_disk / "state" / "spool.lock").touch()
    stone = fill(small_disk)
    with Spool(small_disk / "state", SpoolLimits(), clock := Clock()) as spool:
        assert spool.trouble
        assert spool.epoch == ""
        assert spool.put(MessageClass.ALARM, "t", body_of("a"), OpenAlarm("pump/anomaly", ALARM)) == 1
        assert spool.put(MessageClass.TELEMETRY, "t", body_of("t")) == 0
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == ["a"]
        assert spool.dead_letters() == []
        stone.unlink()
        spool.maintain()
        assert spool.trouble, "not yet: it tries every two seconds"
        clock.now_s += 2
        spool.maintain()
        assert spool.trouble == ""
        assert spool.put(MessageClass.ALARM, "t", body_of("b")) == 1
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == ["a", "b"]
        assert spool.open_alarms() == {"pump/anomaly": ALARM}
