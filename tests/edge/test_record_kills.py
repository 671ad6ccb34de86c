"""Recordings that end at any moment: killed at a system call, or with the power."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.sensors.capture_file import SYNC_S
from tests.edge.driven import needs_strace
from tests.faults.killed_recording import DRIVER, KILLED, ROOT, check, go_on, points, run
from tests.faults.powercut import cut, record
from tests.faults.recording_driver import TURN_S

SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
MEMORY = Path("/dev/shm")
pytestmark = needs_strace


@pytest.fixture
def folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="recording-", dir=MEMORY if MEMORY.is_dir() else None))
    yield root
    shutil.rmtree(root)


def test_killed_at_a_system_call_no_frame_is_lost_and_it_goes_on(folder: Path) -> None:
    found = points(folder)
    assert len(found) > 200
    tried = found if SOAK else random.Random(11).sample(found, 3)
    for call, when in tried:
        home = folder / f"{call}{when}"
        code, said = run(home, "-e", f"inject={call}:signal=KILL:when={when}")
        assert code in KILLED
        check(home, said)
        go_on(home)


def test_a_power_cut_costs_the_last_second(folder: Path) -> None:
    """What a disk may hold of writes that were not synced, at moments of a whole run."""
    state = folder / "state"
    steps: Any = record([*DRIVER, str(state)], state, ROOT)
    assert sum(step.kind == "write" and step.path.endswith(".frames") for step in steps) > 100
    randomness = random.Random(5)
    for number in range(500 if SOAK else 60):
        files, said = cut(steps, randomness.randrange(len(steps)), randomness)
        home = folder / str(number)
        for path, content in files.items():
            copy = home / Path(path).relative_to(state)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        # Of frames that were not synced any may be torn.
        lines = [line for line in said.decode().splitlines() if len(line.split()) == 3]
        check(home, lines, slack_s=SYNC_S + TURN_S, most_damaged=12)
        shutil.rmtree(home, ignore_errors=True)
