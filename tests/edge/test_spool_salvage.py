"""A spool that is exchanged or damaged while in use is salvaged, and gives no number twice."""

import json
import os
from pathlib import Path

from edge_runtime.core.records import Alarm, AlarmKind
from edge_runtime.spool.queue import MessageClass, OpenAlarm, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.spools import rows_of
from tests.faults.alarm_account import body_of

LIMITS = SpoolLimits(reserve_bytes=4096)


ALARM = Alarm("open", AlarmKind.ANOMALY, 1, 2.0)


def test_an_older_copy_put_back_does_not_repeat_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with Spool(folder, LIMITS) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("kept"))
    backup = (folder / "spool.db").read_bytes()
    with Spool(folder, LIMITS) as spool:
        epoch = spool.epoch
        spool.put(MessageClass.ALARM, "t", body_of("sent"))
    (folder / "spool.db").write_bytes(backup)
    with Spool(folder, LIMITS) as spool:
        assert "alarm 2 was stored" in spool.salvaged.reason
        assert spool.epoch != epoch
        assert [json.loads(body)["id"] for body in rows_of(spool).values()] == ["kept"]


def test_damage_that_shows_while_running_is_salvaged_then(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with Spool(folder, LIMITS) as spool:
        for n in range(2000):  # enough for the WAL to have been moved into the file
            spool.put(MessageClass.TELEMETRY, "t", body_of(f"t{n}", 3000))
        alarm = spool.put(MessageClass.ALARM, "t", body_of("alarm"), OpenAlarm("pump/anomaly", ALARM))
        epoch = spool.epoch
        with (folder / "spool.db").open("r+b") as file:
            for page in range(100, 1100, 2):
                file.seek(page * 4096)
                file.write(os.urandom(4096))
        found = spool.peek(MessageClass.TELEMETRY, 10**6)
        assert spool.salvaged is not None
        assert spool.epoch != epoch
        assert 0 < len(found or spool.peek(MessageClass.TELEMETRY, 10**6)) < 2000
        (row,) = spool.peek(MessageClass.ALARM, 10)
        assert json.loads(row.body)["seq"] == alarm
        assert spool.open_alarms() == {"pump/anomaly": ALARM}
        assert spool.put(MessageClass.ALARM, "t", body_of("next")) == 1
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 10)] == ["alarm", "next"]
