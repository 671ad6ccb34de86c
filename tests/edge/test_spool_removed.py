"""The spool's file is removed or replaced by somebody while the program runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.errors import BusyError
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.faults.alarm_account import body_of


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    return tmp_path / "state"


def test_a_folder_that_is_removed_under_us_is_put_back_with_all_it_held(folder: Any) -> None:
    """SQLite would go on with files that have no name any more."""
    with Spool(folder, SpoolLimits(reserve_bytes=4096)) as spool:
        epoch = spool.epoch
        for n in range(50):
            spool.put(MessageClass.ALARM, "t", body_of(f"alarm{n}", 3000))
        spool.ack(MessageClass.ALARM, [row.id for row in spool.peek(MessageClass.ALARM, 10)])
        shutil.rmtree(folder)
        spool.put(MessageClass.ALARM, "t", body_of("into nothing"))
        spool.maintain()
        assert (spool.trouble, spool.salvaged, spool.epoch) == ("", None, epoch)
        spool.put(MessageClass.ALARM, "t", body_of("after"))
        with pytest.raises(BusyError):
            Spool(folder, SpoolLimits(reserve_bytes=4096))
    with Spool(folder, SpoolLimits(reserve_bytes=4096)) as spool:
        found = [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 99)]
    assert found == [*(f"alarm{n}" for n in range(10, 50)), "into nothing", "after"]


def test_where_a_removed_file_cannot_be_put_back_it_is_said_and_tried_again(folder: Any) -> None:
    with Spool(folder, SpoolLimits(reserve_bytes=4096)) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("stored"))
        shutil.rmtree(folder)
        folder.write_text("not a folder")
        spool.maintain()
        assert "cannot be put back" in spool.trouble
        folder.unlink()
        spool.maintain()
        assert spool.trouble == ""
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == ["stored"]


def test_another_file_in_place_of_ours_is_said_and_left_alone(folder: Any) -> None:
    with Spool(folder, SpoolLimits(reserve_bytes=4096)) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("stored"))
        (folder / "spool.db").rename(folder / "ours")
        (folder / "spool.db").write_text("another")
        spool.maintain()
        assert "another file is in the spool's place" in spool.trouble
        assert (folder / "spool.db").read_text() == "another"
        (folder / "ours").rename(folder / "spool.db")
        spool.maintain()
        assert spool.trouble == ""


def test_a_folder_that_somebody_puts_back_is_used_and_ours_alone_again(folder: Any, tmp_path: Path) -> None:
    with Spool(folder, SpoolLimits(reserve_bytes=4096)) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("stored"))
        folder.rename(tmp_path / "aside")
        folder.write_text("not a folder")
        spool.maintain()
        assert "cannot be put back" in spool.trouble
        folder.unlink()
        (tmp_path / "aside").rename(folder)
        spool.maintain()
        assert spool.trouble == ""
        with pytest.raises(BusyError):
            Spool(folder, SpoolLimits(reserve_bytes=4096))
