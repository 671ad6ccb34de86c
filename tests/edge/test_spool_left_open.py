"""Open alarms are read from a spool that nobody has open, and nothing there is changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.core.errors import UnavailableError
from edge_runtime.core.records import Alarm, AlarmKind
from edge_runtime.spool.folder_lock import service_pid
from edge_runtime.spool.left_open import left_alarms
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.rows import OpenAlarm

ALARM = Alarm("name", AlarmKind.ANOMALY, 1_700_000_000_000_000, 3.5, "why", '{"id": "name"}')


def put(spool: Spool, alarm: Alarm | None) -> None:
    spool.put(MessageClass.ALARM, "t", lambda _seq, _epoch: b"{}", OpenAlarm("pump/anomaly", alarm))


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_of_a_service_that_ended_in_order(tmp_path: Path) -> None:
    assert left_alarms(tmp_path) == {}
    with Spool.open(tmp_path) as spool:
        put(spool, ALARM)
    before = files_of(tmp_path)
    assert left_alarms(tmp_path) == {"pump/anomaly": ALARM}
    assert files_of(tmp_path) == before
    with Spool.open(tmp_path) as spool:
        put(spool, None)
    assert left_alarms(tmp_path) == {}


def test_of_a_service_that_was_killed(tmp_path: Path) -> None:
    """What it stored is in the log beside the file, and no page of an earlier time counts."""
    program = "from tests.edge.test_spool_left_open import *; leave(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, tmp_path], check=False)
    before = files_of(tmp_path)
    assert len(before["spool.db-wal"]) > len(before["spool.db"])
    assert left_alarms(tmp_path) == {"pump/anomaly": ALARM}
    assert files_of(tmp_path) == before


def leave(folder: Path) -> None:
    """Begin an alarm, end it, begin it, and die."""
    spool = Spool.open(folder)
    for alarm in (ALARM, None, ALARM):
        put(spool, alarm)
    os._exit(9)


@pytest.mark.parametrize("content", [b"no database" * 1000, 2**30], ids=["no spool", "too large"])
def test_what_cannot_be_read(tmp_path: Path, content: bytes | int) -> None:
    with (tmp_path / "spool.db").open("wb") as file:
        if isinstance(content, int):
            file.truncate(content)
        else:
            file.write(content)
    with pytest.raises(UnavailableError, match=r"cannot be read|too much to be copied"):
        left_alarms(tmp_path)


def test_which_process_has_the_folder(tmp_path: Path) -> None:
    assert service_pid(tmp_path) is None
    with Spool.open(tmp_path):
        assert service_pid(tmp_path) == os.getpid()
        (tmp_path / "spool.lock").write_bytes(b"pid ten")
        assert service_pid(tmp_path) == 0
    assert service_pid(tmp_path) is None
    (tmp_path / "spool.lock").unlink()
    os.mkfifo(tmp_path / "spool.lock")
    assert service_pid(tmp_path) is None
