"""The durable queue when the process dies or the disk fails: real kills, real full disks, real EIO."""

import contextlib
import ctypes
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.records import Alarm, AlarmKind
from edge_runtime.settings import SpoolLimits
from edge_runtime.spool import Klass, OpenAlarm, Spool
from edge_runtime.storage.gone import Gone
from tests.bench.oracle import body_of

SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
MEMORY = Path("/dev/shm")
DRIVER = [sys.executable, "-m", "tests.bench.driver"]
ROOT = Path(__file__).resolve().parents[2]
WRITES = "write,pwrite64,pwritev,fdatasync,fsync,rename,renameat,renameat2,unlink,ftruncate,fallocate,mkdir"
ALARM = Alarm("open", AlarmKind.ANOMALY, 1, 2.0)

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt install strace"
)


@pytest.fixture
def folder():
    root = Path(tempfile.mkdtemp(prefix="spool-faults-", dir=MEMORY if MEMORY.is_dir() else None))
    yield root / "state"
    shutil.rmtree(root)


def drive(*arguments, strace=(), limits=None):
    """Run the driver to its end; returns its exit code and what it said."""
    command = [
        *(["strace", "-f", "-o", os.devnull, *strace] if strace else []),
        *DRIVER,
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60, check=False, preexec_fn=limits)
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode()


def said(lines, word):
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


def acked(lines):
    return {json.loads(line.partition(" ")[2])["id"] for line in said(lines, "acking")}


def check_nothing_lost(folder, lines):
    """Every alarm that was promised is in the spool or was handed over; it opens quickly and goes on."""
    begun_s = time.monotonic()
    with Spool.open(folder, SpoolLimits(reserve_bytes=4096)) as spool:
        assert time.monotonic() - begun_s < 5
        assert spool.salvaged is None, str(spool.salvaged)
        waiting = [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 1000)]
        lost = set(said(lines, "raised")) - set(waiting) - acked(lines)
        assert not lost, f"{lost} of {said(lines, 'raised')}"
        assert waiting == sorted(waiting), "in order"
        bodies = [json.loads(row.body) for row in spool.peek(Klass.ALARM, 1000)]
        numbers = {(body["epoch"], body["seq"]) for body in bodies}
        assert len(numbers) == len(bodies)
        assert (spool.epoch, spool.put(Klass.ALARM, "t", body_of("next"))) not in numbers
        (alarm,) = spool.open_alarms().values() or [None]
        if waiting and not acked(lines):
            assert (alarm is not None) == (int(waiting[-1][1:]) % 2 == 0), (
                "open alarms changed with their events"
            )
    return len(said(lines, "raised"))


def points_of(folder):
    """Every system call with which the driver changes anything: (name, how many of that name came before)."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["strace", "-f", "-o", log.name, "-e", f"trace={WRITES}", *DRIVER, str(folder), "3"]
        subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60, check=True)
        calls = [found[1] for line in log if (found := re.match(r"\d+ +(\w+)\(", line))]
    return [(call, calls[: n + 1].count(call)) for n, call in enumerate(calls)]


@needs_strace
def test_killed_at_every_system_call_nothing_is_lost(folder):
    points = points_of(folder.with_name("count"))
    assert len(points) > 60
    tried = points if SOAK else points[1::6]
    promised = killed = 0
    for call, when in tried:
        home = folder / f"{call}{when}"
        code, lines, _ = drive(home, 3, strace=["-e", f"inject={call}:signal=KILL:when={when}"])
        killed += code in (-9, 137)
        promised += check_nothing_lost(home, lines)
        shutil.rmtree(home)
    assert killed >= len(tried) - 1, "the last call of all may come too late to matter"
    print(f"killed at {killed} of {len(points)} system calls, {promised} alarms promised, 0 lost")


@needs_strace
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_one_failing_call_costs_nothing(folder, call):
    for when in range(1, 40, 1 if SOAK else 9):
        home = folder / f"{call}{when}"
        code, lines, errors = drive(home, 3, strace=["-e", f"inject={call}:error=EIO:when={when}"])
        assert code == 0, f"{call} {when}: {errors}"
        assert len(said(lines, "raised")) == 3
        check_nothing_lost(home, lines)


@needs_strace
def test_a_disk_that_goes_on_failing_is_loud_and_alarms_wait_in_memory(folder):
    code, lines, errors = drive(folder, 5, strace=["-e", "inject=fdatasync:error=EIO:when=12+"])
    assert code == 0, errors
    assert len(said(lines, "raised")) == 5
    (trouble,) = said(lines, "trouble")
    assert "disk I/O error" in trouble
    (depth,) = said(lines, "depth")
    on_disk, ring = (int(number) for number in re.findall(r"\d+", depth))
    assert ring > 0
    assert on_disk + ring + len(acked(lines)) == 5


def mount_tmpfs(folder, size):
    """A small file system of our own; skips where that takes rights we do not have."""
    folder.mkdir(parents=True)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={size}".encode()):
        pytest.skip(f"mounting a small file system needs root: {os.strerror(ctypes.get_errno())}")
    return lambda: libc.umount2(str(folder).encode(), 2)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MiB."""
    unmount = mount_tmpfs(tmp_path / "disk", "3m")
    yield tmp_path / "disk"
    unmount()


def fill(disk):
    """Take all the room there is."""
    stone = disk / "stone"
    file = os.open(stone, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(file, bytes(4096))
    os.close(file)
    return stone


def test_a_full_disk_takes_alarms_from_its_reserve_and_recovers_by_itself(small_disk):
    limits = SpoolLimits(reserve_bytes=512 * 1024)
    with Spool(small_disk / "state", limits) as spool:
        before = [spool.put(Klass.ALARM, "t", body_of(f"before{n}")) for n in range(20)]
        for cycle in range(100 if SOAK else 5):
            stone = fill(small_disk)
            while spool.put(Klass.TELEMETRY, "t", body_of("telemetry", 4000)):
                pass
            assert spool.trouble == "the disk is full"
            assert spool.put(Klass.TELEMETRY, "t", body_of("dropped")) == 0
            for n in range(10):
                spool.put(
                    Klass.ALARM, "t", body_of(f"full{cycle}.{n}", 500), OpenAlarm("pump/anomaly", ALARM)
                )
            assert spool.figures()["ring"] == 0, "the reserve was there for them"
            stone.unlink()
            spool.tend()
            assert spool.trouble == ""
            assert spool.put(Klass.TELEMETRY, "t", body_of("taken")) > 0
            spool.ack(Klass.TELEMETRY, [row.id for row in spool.peek(Klass.TELEMETRY, 1000)])
            names = [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 1000)]
            assert names == [f"before{n}" for n in range(20)] + [f"full{cycle}.{n}" for n in range(10)]
            spool.ack(Klass.ALARM, [row.id for row in spool.peek(Klass.ALARM, 1000, after=20)])
        assert spool.figures()["telemetry.dropped.disk"] >= 10
        assert before == list(range(1, 21))
    assert not (small_disk / "state" / "spool.db-wal").exists()


def test_when_even_the_reserve_is_gone_alarms_wait_in_memory(small_disk):
    limits = SpoolLimits(reserve_bytes=64 * 1024, ring_rows=30)
    with Spool(small_disk / "state", limits) as spool:
        heard = 0
        stone = fill(small_disk)
        while not spool.figures()["ring"]:
            heard += 1
            spool.put(Klass.ALARM, "t", body_of(f"a{heard}", 3000), OpenAlarm("pump/anomaly", ALARM))
            assert heard < 1000
        disk_epoch = spool.epoch
        for n in range(1, 20):
            spool.put(Klass.ALARM, "t", body_of(f"a{heard + n}", 3000))
        rows = spool.peek(Klass.ALARM, 1000)
        assert [json.loads(row.body)["id"] for row in rows] == [f"a{n}" for n in range(1, heard + 20)]
        ringed = [json.loads(row.body) for row in rows if json.loads(row.body)["epoch"] != disk_epoch]
        assert [body["seq"] for body in ringed] == list(range(1, 21)), "numbers of their own"
        spool.ack(Klass.ALARM, [rows[0].id, rows[-1].id])
        spool.dead_letter(rows[-2], "also from the ring")
        for n in range(20, 40):
            spool.put(Klass.ALARM, "t", body_of(f"a{heard + n}", 3000))
        assert spool.figures()["alarm.dropped.ring"] == 8
        stone.unlink()
        spool.tend()
        assert spool.trouble == ""
        assert spool.figures()["ring"] == 0
        assert spool.open_alarms() == {"pump/anomaly": ALARM}
        kept = [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 1000)]
        assert kept == [
            f"a{n}" for n in [*range(2, heard), *range(heard + 8, heard + 18), *range(heard + 20, heard + 40)]
        ]
        figures = spool.figures()
        assert figures["alarm.acked"] == 2
        assert figures["alarm.dead"] == 1
    with Spool(small_disk / "state", limits) as spool:
        assert [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 1000)] == kept


def test_starts_on_a_full_disk(small_disk):
    with Spool.open(small_disk / "state", SpoolLimits(reserve_bytes=256 * 1024)) as spool:
        spool.put(Klass.ALARM, "t", body_of("before"))
    stone = fill(small_disk)
    with Spool.open(small_disk / "state", SpoolLimits(reserve_bytes=256 * 1024)) as spool:
        assert spool.put(Klass.ALARM, "t", body_of("full")) == 2
        assert [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 9)] == ["before", "full"]
        stone.unlink()
        spool.tend()
        assert spool.trouble == ""


def test_starts_on_a_disk_without_a_byte_and_without_a_file(small_disk):
    (small_disk / "state").mkdir()
    (small_disk / "state" / "spool.lock").touch()
    stone = fill(small_disk)
    with Spool(small_disk / "state", SpoolLimits(), clock := Steps()) as spool:
        assert spool.trouble
        assert spool.epoch == ""
        assert spool.put(Klass.ALARM, "t", body_of("a"), OpenAlarm("pump/anomaly", ALARM)) == 1
        assert spool.put(Klass.TELEMETRY, "t", body_of("t")) == 0
        assert [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 9)] == ["a"]
        assert spool.dead_letters() == []
        stone.unlink()
        spool.tend()
        assert spool.trouble, "not yet: it tries every two seconds"
        clock.now_s += 2
        spool.tend()
        assert spool.trouble == ""
        assert spool.put(Klass.ALARM, "t", body_of("b")) == 1
        assert [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 9)] == ["a", "b"]
        assert spool.open_alarms() == {"pump/anomaly": ALARM}


def test_what_a_full_disk_does_not_let_go_is_not_given_out_again(small_disk):
    with Spool(small_disk / "state", SpoolLimits(reserve_bytes=0)) as spool:
        for n in range(100):
            spool.put(Klass.ALARM, "t", body_of(f"a{n:02}"))
        stone = fill(small_disk)
        while spool.put(Klass.TELEMETRY, "t", body_of("t", 3000)):  # the last of the room that the WAL has
            pass
        spool.ack(Klass.ALARM, range(1, 71))
        assert spool.figures()["alarm.depth"] == 100, "they could not be removed"
        assert [row.id for row in spool.peek(Klass.ALARM, 10)] == list(range(71, 81))
        assert [row.id for row in spool.peek(Klass.ALARM, 64, after=68)] == list(range(71, 101))
        assert spool.peek(Klass.ALARM, 10, upto=70) == []
        stone.unlink()
        spool.tend()
        assert spool.figures()["alarm.depth"] == 30
        assert spool.figures()["alarm.acked"] == 70


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 30))))
def test_leaps_over_what_is_gone_and_over_nothing_else(steps):
    """Against a set: a leap from anywhere ends before the first row that nobody has seen to be gone."""
    gone, known = Gone(), set()
    for reading, first, last in steps:
        if reading and last > first:
            gone.note(first, last)
            known |= set(range(first + 1, last + 1))
        for after in range(32):
            assert gone.past(after) == next(i for i in range(after, 64) if i + 1 not in known)
    gone.add([1, 2], "a")
    gone.add([2, 3], "b")
    assert gone.some(9) == {1: "a", 2: "a", 3: "b"}
    gone.released([1, 2, 3])
    assert gone.past(0) == 0, "nothing is left to be leapt over"


def test_too_much_is_not_shed_while_the_disk_does_not_let_it_go(small_disk):
    with Spool(small_disk / "state", SpoolLimits(max_bytes=64 * 1024, reserve_bytes=24 * 1024)) as spool:
        for n in range(20):
            spool.put(Klass.ALARM, "t", body_of(f"a{n}", 3000))
        stone = fill(small_disk)
        spool.put(Klass.ALARM, "t", body_of("over", 3000))
        assert spool.trouble == "the disk is full"
        stone.unlink()
        spool.tend()
        spool.put(Klass.ALARM, "t", body_of("last"))
        assert spool.figures()["alarm.bytes"] <= 64 * 1024
        assert json.loads(spool.peek(Klass.ALARM, 1000)[-1].body)["id"] == "last"


@pytest.fixture
def card(tmp_path):
    """Mounts the same small ext4 file system, again and again; skips where that is not allowed."""
    image, folder = tmp_path / "card.img", tmp_path / "card"
    image.write_bytes(bytes(8 << 20))
    folder.mkdir()

    def mount():
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


def test_a_card_that_becomes_read_only_under_us(card, tmp_path):
    """As ext4 does it when the medium fails: said at once, alarms wait in memory, the stored ones stay."""
    folder = card()
    with Spool(folder / "state", SpoolLimits(reserve_bytes=4096)) as spool:
        for n in range(5):
            spool.put(Klass.ALARM, "t", body_of(f"stored{n}"))
        subprocess.run(["mount", "-o", "remount,abort", folder], check=True)
        spool.put(Klass.ALARM, "t", body_of("ring"))
        assert "cannot be opened" in spool.trouble
        assert [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 9)] == ["ring"]
        spool.ack(Klass.ALARM, [row.id for row in spool.peek(Klass.ALARM, 9)])
        assert spool.figures()["ring"] == 0, "sent from there"
    subprocess.run(["umount", folder], check=True)
    subprocess.run(["fsck.ext4", "-fy", tmp_path / "card.img"], check=False, capture_output=True)
    with Spool(card() / "state", SpoolLimits(reserve_bytes=4096)) as spool:
        assert spool.trouble == ""
        stored = [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 9)]
        assert stored == [f"stored{n}" for n in range(5)]


@pytest.fixture
def file_size_limit():
    """Sets how large a file may become: beyond it every write fails, and opening does not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_again_after_reopening_goes_to_memory(folder, file_size_limit):
    with Spool(folder, SpoolLimits(reserve_bytes=0)) as spool:
        spool.put(Klass.ALARM, "t", body_of("small"))
        file_size_limit(200_000)
        assert spool.put(Klass.ALARM, "t", body_of("large", 400_000)) == 1, "in the ring's own epoch"
        assert spool.figures()["disk_failures"] == 2
        assert spool.figures()["ring"] == 1
        file_size_limit(-1)
        spool.tend()
        assert [json.loads(row.body)["id"] for row in spool.peek(Klass.ALARM, 9)] == ["small", "large"]
        assert spool.figures()["ring"] == 0


def test_a_newer_file_put_in_place_while_running_is_left_alone(folder, tmp_path, file_size_limit):
    with Spool(tmp_path / "newer", SpoolLimits(reserve_bytes=0)) as other:
        other.put(Klass.ALARM, "t", body_of("theirs"))
    body = json.dumps({"schema": 99, "epoch": "e"})
    database = sqlite3.connect(tmp_path / "newer" / "spool.db")
    database.execute(
        "UPDATE record SET body = ?, crc = ? WHERE name = 'meta'", (body, zlib.crc32(f"meta|{body}".encode()))
    )
    database.commit()
    database.close()
    newer = (tmp_path / "newer" / "spool.db").read_bytes()
    with Spool(folder, SpoolLimits(reserve_bytes=0)) as spool:
        spool.put(Klass.ALARM, "t", body_of("ours"))
        for suffix in ("", "-wal"):
            (folder / f"spool.db{suffix}").unlink()
        (folder / "spool.db").write_bytes(newer)
        file_size_limit(100_000)
        spool.put(Klass.ALARM, "t", body_of("large", 400_000))
        assert "schema 99" in spool.trouble
        assert len(spool.peek(Klass.ALARM, 9)) == 1
        file_size_limit(-1)
    assert (folder / "spool.db").read_bytes() == newer


class Steps:
    """Monotonic seconds that pass when told to."""

    now_s = 0.0

    def __call__(self):
        return self.now_s


def test_few_file_descriptors_are_enough(folder):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

    code, lines, errors = drive(folder, 3, limits=few)
    assert code == 0, errors
    check_nothing_lost(folder, lines)


@pytest.fixture
def disks(tmp_path):
    """Makes disks of 16 MiB."""
    with contextlib.ExitStack() as stack:

        def make(name):
            stack.callback(mount_tmpfs(tmp_path / name, "16m"))
            return tmp_path / name

        yield make


def work_to_drain(disk, count):
    """Drain a spool whose disk lets nothing go, beginning anew after every 64 rows; count SQLite's steps."""
    with Spool(disk / "state", SpoolLimits(reserve_bytes=0)) as spool:
        for n in range(count):
            spool.put(Klass.ALARM, "t", body_of(f"a{n}"))
        stone = fill(disk)
        while spool.put(Klass.TELEMETRY, "t", body_of("t", 3000)):
            pass
        steps = Counter()
        part = "drain"

        def step():
            steps[part] += 10

        spool._disk._store._db.set_progress_handler(step, 10)
        drained = []
        while rows := spool.peek(Klass.ALARM, 64):
            drained += [row.id for row in rows]
            spool.ack(Klass.ALARM, drained[-len(rows) :])
        part = "raise"
        for n in range(20):
            spool.put(Klass.ALARM, "t", body_of(f"late{n}"))
        spool._disk._store._db.set_progress_handler(None, 0)
        assert drained == list(range(1, count + 1))
        assert spool.figures()["ring"] > 10, "there was next to no room"
        stone.unlink()
        spool.tend()
        assert (spool.figures()["alarm.acked"], spool.figures()["alarm.depth"]) == (count, 20)
        return steps


def test_a_long_backlog_on_a_full_disk_makes_no_step_longer(disks):
    """Acknowledged rows that cannot be removed are read once; to raise an alarm touches none of them."""
    few, many = work_to_drain(disks("few"), 500), work_to_drain(disks("many"), 4000)
    print(f"steps of SQLite: {dict(few)} for 500, {dict(many)} for 4000")
    assert many["drain"] < 1.2 * 8 * few["drain"]
    assert many["raise"] < 1.2 * few["raise"]
