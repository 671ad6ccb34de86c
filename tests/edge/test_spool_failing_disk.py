"""The durable queue on a disk that fails or takes no more writes: it is said, and alarms wait in memory."""

import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.errors import BusyError
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.driven import acked, check_nothing_lost, drive, needs_strace, said
from tests.faults.alarm_account import body_of

SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
MEMORY = Path("/dev/shm")


@pytest.fixture
def folder() -> Iterator[Any]:
    root = Path(tempfile.mkdtemp(prefix="spool-failing-", dir=MEMORY if MEMORY.is_dir() else None))
    yield root / "state"
    shutil.rmtree(root)


@needs_strace
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_one_failing_call_costs_nothing(folder: Any, call: str) -> None:
    for when in range(1, 40, 1 if SOAK else 9):
        home = folder / f"{call}{when}"
        code, lines, errors = drive(home, 3, strace=["-e", f"inject={call}:error=EIO:when={when}"])
        assert code == 0, f"{call} {when}: {errors}"
        assert len(said(lines, "raised")) == 3
        check_nothing_lost(home, lines)


@needs_strace
def test_a_disk_that_goes_on_failing_is_loud_and_alarms_wait_in_memory(folder: Any) -> None:
    code, lines, errors = drive(folder, 5, strace=["-e", "inject=fdatasync:error=EIO:when=12+"])
    assert code == 0, errors
    assert len(said(lines, "raised")) == 5
    (trouble,) = said(lines, "trouble")
    assert "disk I/O error" in trouble
    (depth,) = said(lines, "depth")
    on_disk, ring = (int(number) for number in re.findall(r"\d+", depth))
    assert ring > 0
    assert on_disk + ring + len(acked(lines)) == 5


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Any]:
    """Mounts the same small ext4 file system, again and again; skips where that is not allowed."""
    image, folder = tmp_path / "card.img", tmp_path / "card"
    image.write_bytes(bytes(8 << 20))
    folder.mkdir()

    def mount() -> Any:
        subprocess.run(["mount", "-o", "loop", image, folder], check=True, capture_output=True)
        return folder

    try:
        subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True)
        mount()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small ext4 file system needs root, e2fsprogs and a loop device: {error}")
    subprocess.run(["umount", folder], check=True)
    yield mount
    subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


def test_a_card_that_becomes_read_only_under_us(card: Any, tmp_path: Path) -> None:
    """As ext4 does it when the medium fails: said at once, alarms wait in memory, the stored ones stay."""
    folder = card()
    with Spool(folder / "state", SpoolLimits(reserve_bytes=4096)) as spool:
        for n in range(5):
            spool.put(MessageClass.ALARM, "t", body_of(f"stored{n}"))
        subprocess.run(["mount", "-o", "remount,abort", folder], check=True)
        spool.put(MessageClass.ALARM, "t", body_of("ring"))
        assert "cannot be opened" in spool.trouble
        assert spool.newest[0] == 1, "in the ring's own epoch"
        assert spool.newest[1] != spool.epoch
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == ["ring"]
        spool.ack(MessageClass.ALARM, [row.id for row in spool.peek(MessageClass.ALARM, 9)])
        assert spool.figures()["ring"] == 0, "sent from there"
    subprocess.run(["umount", folder], check=True)
    subprocess.run(["fsck.ext4", "-fy", tmp_path / "card.img"], check=False, capture_output=True)
    with Spool(card() / "state", SpoolLimits(reserve_bytes=4096)) as spool:
        assert spool.trouble == ""
        stored = [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)]
        assert stored == [f"stored{n}" for n in range(5)]


def test_a_card_that_is_mended_under_us_is_used_again(card: Any, tmp_path: Path) -> None:
    """Nothing of ours keeps it from being unmounted and checked; mounted again it gets what waited."""
    folder, now_s = card(), [0.0]
    with Spool(folder / "state", SpoolLimits(reserve_bytes=4096), clock=lambda: now_s[0]) as spool:
        for n in range(3):
            spool.put(MessageClass.ALARM, "t", body_of(f"stored{n}"))
        subprocess.run(["mount", "-o", "remount,abort", folder], check=True)
        spool.put(MessageClass.ALARM, "t", body_of("ring"))
        for _ in range(3):
            now_s[0] += 3
            spool.maintain()
            assert "cannot be opened" in spool.trouble
        subprocess.run(["umount", folder], check=True)
        subprocess.run(["fsck.ext4", "-fy", tmp_path / "card.img"], check=False, capture_output=True)
        card()
        now_s[0] += 3
        spool.maintain()
        assert (spool.trouble, spool.figures()["ring"], spool.salvaged) == ("", 0, None)
        spool.put(MessageClass.ALARM, "t", body_of("after"))
        names = ["stored0", "stored1", "stored2", "ring", "after"]
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == names
        with pytest.raises(BusyError):
            Spool(folder / "state", SpoolLimits(reserve_bytes=4096))


@pytest.fixture
def file_size_limit() -> Iterator[Any]:
    """Sets how large a file may become: beyond it every write fails, and opening does not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_again_after_reopening_goes_to_memory(folder: Any, file_size_limit: Any) -> None:
    with Spool(folder, SpoolLimits(reserve_bytes=0)) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("small"))
        file_size_limit(200_000)
        assert spool.put(MessageClass.ALARM, "t", body_of("large", 400_000)) == 1, "in the ring's own epoch"
        assert spool.figures()["disk_failures"] == 2
        assert spool.figures()["ring"] == 1
        file_size_limit(-1)
        spool.maintain()
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == ["small", "large"]
        assert spool.figures()["ring"] == 0


def test_in_memory_the_sensor_with_most_alarms_loses_its_own(folder: Any, file_size_limit: Any) -> None:
    with Spool(folder, SpoolLimits(reserve_bytes=0, ring_rows=5)) as spool:
        file_size_limit(20_000)
        for sensor, name in [("b", "b1"), *(("a", f"a{n}") for n in range(10))]:
            spool.put(MessageClass.ALARM, sensor, body_of(name, 400_000))
        waiting = [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)]
        assert waiting == ["b1", "a6", "a7", "a8", "a9"]
        assert (spool.dropped("a"), spool.dropped("b")) == (6, 0)
        assert spool.figures()["alarm.dropped.ring"] == 6
        file_size_limit(-1)


def test_a_folder_that_another_program_took_meanwhile_is_its_own(folder: Any, file_size_limit: Any) -> None:
    """In trouble the folder is released, and ids given in memory must not meet another program's rows."""
    now_s, limits = [0.0], SpoolLimits(reserve_bytes=0)
    with Spool(folder, limits, clock=lambda: now_s[0]) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("stored"))
        (folder / "spool.db").rename(folder / "away")
        (folder / "spool.db").mkdir()
        file_size_limit(200_000)
        spool.put(MessageClass.ALARM, "t", body_of("ring", 400_000))
        assert "cannot be opened" in spool.trouble
        file_size_limit(-1)
        (folder / "spool.db").rmdir()
        (folder / "away").rename(folder / "spool.db")
        with Spool(folder, limits) as other:
            other.put(MessageClass.ALARM, "t", body_of("theirs"))
            now_s[0] += 3
            spool.maintain()
            assert "another program uses this folder" in spool.trouble
        now_s[0] += 3
        spool.maintain()
        assert "another program has used this folder" in spool.trouble
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == ["ring"]
    with Spool(folder, limits) as spool:
        assert [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 9)] == [
            "stored",
            "theirs",
        ]


def test_a_lock_that_cannot_be_read_says_nothing(folder: Any) -> None:
    folder.mkdir()
    os.mkfifo(folder / "spool.lock")
    with Spool(folder, SpoolLimits(reserve_bytes=0)) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("a"))
        assert spool.trouble == ""


def test_a_newer_file_put_in_place_while_running_is_left_alone(
    folder: Any, tmp_path: Path, file_size_limit: Any
) -> None:
    with Spool(tmp_path / "newer", SpoolLimits(reserve_bytes=0)) as other:
        other.put(MessageClass.ALARM, "t", body_of("theirs"))
    body = json.dumps({"schema": 99, "epoch": "e"})
    database = sqlite3.connect(tmp_path / "newer" / "spool.db")
    database.execute(
        "UPDATE record SET body = ?, crc = ? WHERE name = 'meta'", (body, zlib.crc32(f"meta|{body}".encode()))
    )
    database.commit()
    database.close()
    newer = (tmp_path / "newer" / "spool.db").read_bytes()
    with Spool(folder, SpoolLimits(reserve_bytes=0)) as spool:
        spool.put(MessageClass.ALARM, "t", body_of("ours"))
        for suffix in ("", "-wal"):
            (folder / f"spool.db{suffix}").unlink()
        (folder / "spool.db").write_bytes(newer)
        file_size_limit(100_000)
        spool.put(MessageClass.ALARM, "t", body_of("large", 400_000))
        assert "schema 99" in spool.trouble
        assert len(spool.peek(MessageClass.ALARM, 9)) == 1
        file_size_limit(-1)
    assert (folder / "spool.db").read_bytes() == newer


def test_few_file_descriptors_are_enough(folder: Any) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

    code, lines, errors = drive(folder, 3, limits=few)
    assert code == 0, errors
    check_nothing_lost(folder, lines)
