"""The durable queue when the process dies, at any of its system calls."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.driven import DRIVER, ROOT, check_nothing_lost, drive, needs_strace
from tests.waiting import HANG_S, scaled

SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
MEMORY = Path("/dev/shm")
WRITES = "write,pwrite64,pwritev,fdatasync,fsync,rename,renameat,renameat2,unlink,ftruncate,fallocate,mkdir"


@pytest.fixture
def folder() -> Iterator[Any]:
    root = Path(tempfile.mkdtemp(prefix="spool-kills-", dir=MEMORY if MEMORY.is_dir() else None))
    yield root / "state"
    shutil.rmtree(root)


def points_of(folder: Any) -> Any:
    """Every system call with which the driver changes anything: (name, how many of that name came before)."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["strace", "-f", "-o", log.name, "-e", f"trace={WRITES}", *DRIVER, str(folder), "3"]
        subprocess.run(command, capture_output=True, cwd=ROOT, timeout=scaled(HANG_S), check=True)
        calls = [found[1] for line in log if (found := re.match(r"\d+ +(\w+)\(", line))]
    return [(call, calls[: n + 1].count(call)) for n, call in enumerate(calls)]


@needs_strace
def test_killed_at_every_system_call_nothing_is_lost(folder: Any) -> None:
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
