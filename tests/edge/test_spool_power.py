"""The power fails at any moment: what was promised is on the disk, and the spool opens by itself."""

import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.faults.powercut import cut, record

SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
CUTS = int(os.environ.get("STEADYHUM_CUTS", "10000" if SOAK else "120"))
ROOT = Path(__file__).resolve().parents[2]
MEMORY = Path("/dev/shm")

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt install strace"
)


@pytest.fixture(scope="module")
def root() -> Iterator[Any]:
    folder = Path(tempfile.mkdtemp(prefix="power-", dir=MEMORY if MEMORY.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def steps(root: Any) -> Any:
    """Enough alarms, and acknowledgements, for the WAL to have been moved into the file and started over."""
    state = root / "state"
    found = []
    for prefix in "ab":
        command = [sys.executable, "-m", "tests.faults.driver", str(state), "300", "--prefix", prefix]
        found += record(command, state, ROOT)
    return found


def test_the_recording_has_everything(steps: Any, root: Any) -> None:
    """Played to its end without a cut it gives the very files the program left."""
    files, _ = cut(steps, len(steps), random.Random(0))
    path = root / "state" / "spool.db"
    assert bytes(files[str(path)]) == path.read_bytes()
    assert sum(step.kind == "sync" for step in steps) > 340
    assert sum(step.kind == "write" and step.path.endswith("spool.db") for step in steps) > 100


def test_no_promised_alarm_is_lost_by_a_power_cut(steps: Any, root: Any) -> None:
    randomness = random.Random(23)
    promised, slowest_s = 0, 0.0
    for n in range(CUTS):
        when = randomness.randrange(len(steps))
        files, said = cut(steps, when, randomness)
        folder = root / "after"
        folder.mkdir()
        for path, content in files.items():
            (folder / Path(path).name).write_bytes(content)
        begun_s = time.monotonic()
        with Spool(folder, SpoolLimits(reserve_bytes=4096)) as spool:
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
            assert spool.salvaged is None, f"cut {n} before step {when}: {spool.salvaged}"
            waiting = {json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 10**6)}
        raised = set(re.findall(rb"^raised (\S+)$", said, re.MULTILINE))
        acked = {
            json.loads(body)["id"].encode() for body in re.findall(rb"^acking \d+ (.*)$", said, re.MULTILINE)
        }
        lost = raised - acked - {name.encode() for name in waiting}
        assert not lost, f"cut {n} before step {when}: {sorted(lost)[:3]} of {len(raised)}"
        promised += len(raised)
        shutil.rmtree(folder)
    print(
        f"{CUTS} power cuts, {promised} alarms promised, 0 lost, 0 damaged; slowest start {slowest_s:.3f} s"
    )
