"""The small gateway of tests/faults/driver.py, run to its end under strace, and what it leaves behind."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.faults.alarm_account import body_of
from tests.waiting import HANG_S, in_time, scaled

DRIVER = [sys.executable, "-m", "tests.faults.driver"]
ROOT = Path(__file__).resolve().parents[2]
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt install strace"
)


def drive(
    *arguments: object, strace: Sequence[str] = (), limits: Callable[[], None] | None = None
) -> tuple[int, list[str], str]:
    """Run the driver to its end; returns its exit code and what it said."""
    command = [
        *(["strace", "-f", "-o", os.devnull, *strace] if strace else []),
        *DRIVER,
        *map(str, arguments),
    ]
    done = subprocess.run(
        command, capture_output=True, cwd=ROOT, timeout=scaled(HANG_S), check=False, preexec_fn=limits
    )
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode()


def said(lines: Iterable[str], word: str) -> list[str]:
    """What it said after this word."""
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


def acked(lines: Iterable[str]) -> set[str]:
    """The names of the alarms that it handed over."""
    return {json.loads(line.partition(" ")[2])["id"] for line in said(lines, "acking")}


def check_nothing_lost(folder: Path, lines: Sequence[str]) -> int:
    """Every alarm that was promised is in the spool or was handed over; it opens quickly and goes on."""
    begun_s = time.monotonic()
    with Spool.open(folder, SpoolLimits(reserve_bytes=4096)) as spool:
        assert in_time(time.monotonic() - begun_s, 5), "a start does not wait for what was left behind"
        assert spool.salvaged is None, str(spool.salvaged)
        waiting = [json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 1000)]
        lost = set(said(lines, "raised")) - set(waiting) - acked(lines)
        assert not lost, f"{lost} of {said(lines, 'raised')}"
        assert waiting == sorted(waiting), "in order"
        bodies = [json.loads(row.body) for row in spool.peek(MessageClass.ALARM, 1000)]
        numbers = {(body["epoch"], body["seq"]) for body in bodies}
        assert len(numbers) == len(bodies)
        assert (spool.epoch, spool.put(MessageClass.ALARM, "t", body_of("next"))) not in numbers
        (alarm,) = spool.open_alarms().values() or [None]
        if waiting and not acked(lines):
            assert (alarm is not None) == (int(waiting[-1][1:]) % 2 == 0), (
                "open alarms changed with their events"
            )
    return len(said(lines, "raised"))
