"""The durable queue on a disk that works: numbers, order, open alarms, what it refuses to open."""

import json
import os
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.core.errors import AccessError, BusyError, DataError, UnavailableError
from edge_runtime.core.records import Alarm, AlarmKind
from edge_runtime.spool.folder_lock import check_folder
from edge_runtime.spool.queue import MessageClass, OpenAlarm, Spool
from edge_runtime.spool.rows import StoredMessage, stored_message_of
from tests.edge.spools import names, put

ALARM = Alarm("01H", AlarmKind.ANOMALY, 1_700_000_000_000_000, 3.5, "")


def test_numbers_rise_without_holes_and_survive_restarts(folder: Path) -> None:
    with Spool.open(folder) as spool:
        epoch = spool.epoch
        assert [put(spool, str(n)) for n in range(3)] == [1, 2, 3]
        assert put(spool, "t", MessageClass.TELEMETRY) == 1
        spool.ack(MessageClass.ALARM, [1, 2, 3])
    with Spool.open(folder) as spool:
        assert spool.epoch == epoch
        assert put(spool, "next") == 4
        (row,) = spool.peek(MessageClass.ALARM, 10)
        assert json.loads(row.body) == {"id": "next", "seq": 4, "epoch": epoch, "padding": ""}
        assert row.topic == "p/s/d/x/event"


def test_a_row_leaves_only_when_acknowledged(folder: Path) -> None:
    with Spool.open(folder) as spool:
        for n in range(5):
            put(spool, str(n))
        first = spool.peek(MessageClass.ALARM, 2)
        assert [row.id for row in first] == [1, 2]
        assert names(spool, after=2, upto=4) == ["2", "3"]
        spool.ack(MessageClass.ALARM, [first[0].id, 99])
        assert names(spool) == ["1", "2", "3", "4"]
        figures = spool.figures()
        assert (figures["alarm.seq"], figures["alarm.acked"], figures["alarm.depth"]) == (5, 1, 4)
        assert spool.last_id(MessageClass.ALARM) == 5


def test_calls_on_put_after_every_put(folder: Path) -> None:
    with Spool.open(folder) as spool:
        seen = []
        spool.on_put = lambda: seen.append(names(spool))
        put(spool, "a")
        put(spool, "b")
        assert seen == [["a"], ["a", "b"]]


def test_open_alarms_change_with_their_events(folder: Path) -> None:
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


def test_an_open_alarms_notes_are_kept_and_go_with_it(folder: Path) -> None:
    noted = replace(ALARM, notes='{"by":"me"}')
    with Spool.open(folder) as spool:
        assert spool.newest == (0, spool.epoch)
        put(spool, "new", open_alarm=OpenAlarm("pump/anomaly", noted))
        assert spool.newest == (1, spool.epoch)
    with Spool.open(folder) as spool:
        assert spool.open_alarms() == {"pump/anomaly": noted}
        put(spool, "plain", open_alarm=OpenAlarm("pump/anomaly", ALARM))
    with Spool.open(folder) as spool:
        assert spool.open_alarms() == {"pump/anomaly": ALARM}


def test_a_second_program_is_refused(folder: Path) -> None:
    with Spool.open(folder), pytest.raises(BusyError, match=f"pid {os.getpid()}") as refusal:
        Spool.open(folder)
    assert refusal.value.exit_code == 75
    Spool.open(folder).close()


def test_a_newer_file_is_refused_and_left_alone(folder: Path) -> None:
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
        Spool.open(folder)  # the refusal released the folder


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for use in (Spool.open, check_folder):
        with pytest.raises(AccessError):
            use(tmp_path / "state")


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "state")
    assert not list(tmp_path.iterdir()), "asking makes nothing"
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"file: is no folder\. The state folder must"):
        check_folder(tmp_path / "file" / "state")
    with pytest.raises(UnavailableError, match="state folder"):
        Spool.open(tmp_path / "file" / "state")


def test_a_file_that_is_no_file_is_refused(folder: Path) -> None:
    (folder / "spool.db").mkdir(parents=True)
    with pytest.raises(AccessError, match="must belong"):
        Spool.open(folder)


def test_a_row_is_whole_or_nothing() -> None:
    row = StoredMessage(MessageClass.ALARM, 1, 2, "t", b"body", 3, 4.0)
    record = (row.klass, row.id, row.seq, row.topic, row.body, row.created_us, row.clock_s, row.crc)
    assert stored_message_of(record) == row
    for at, wrong in enumerate(("log", "1", None, b"t", "body", 3.0, 4, 5)):
        changed = (*record[:at], wrong, *record[at + 1 :])
        assert stored_message_of(changed) is None
