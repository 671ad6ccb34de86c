"""Recordings that are killed at a system call, and what is left of them.

    python -m tests.faults.killed_recording [--every N]

kills the driver at each system call with which it changes anything, or each Nth, lets it go on afterwards,
and prints how much was lost.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from edge_runtime.core import Fault, Frame
from edge_runtime.gateway.recording.job_files import JobFiles
from edge_runtime.gateway.recording.store import read_captures
from tests.edge.recorded import captures_of, items_in
from tests.faults.recording_driver import LIMITS
from tests.waiting import HANG_S, scaled

ROOT = Path(__file__).resolve().parents[2]
DRIVER = [sys.executable, "-B", "-m", "tests.faults.recording_driver"]
CALLS = "write,fdatasync,fsync,rename,unlink,ftruncate,mkdir"
"""With which a recording changes anything. A file that was made and not written yet is met at the first write
to it; what Python opens to import differs from run to run."""
KILLED = (-9, 137)


def points(folder: Path) -> list[tuple[str, int]]:
    """Every system call on the state of a whole run: its name, and how many of that name came up to it."""
    log = folder / "calls"
    command = ["strace", "-f", "-y", "-o", str(log), "-e", f"trace={CALLS}", *DRIVER, str(folder / "whole")]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=2 * scaled(HANG_S))
    counts: dict[str, int] = {}
    found = []
    for line in log.read_text(errors="replace").splitlines():
        if (call := re.match(r"\d+ +(\w+)\((.*)", line)) is None:
            continue
        counts[call[1]] = counts.get(call[1], 0) + 1
        if str(folder / "whole") in call[2]:
            found.append((call[1], counts[call[1]]))
    return found


def run(folder: Path, *strace: str) -> tuple[int, list[str]]:
    """Run the driver, under strace where something is asked of that; its exit code and what it said."""
    command = [*(["strace", "-f", "-o", "/dev/null", *strace] if strace else []), *DRIVER, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=2 * scaled(HANG_S))
    return done.returncode, done.stdout.decode().splitlines()


def check(folder: Path, said: list[str], slack_s: float = 0.0, most_damaged: int = 1) -> None:
    """Raise AssertionError where a frame is missing that was handed over before the last `slack_s` seconds.

    Also where anything else is not as a kill may leave it.
    """
    fed = [(int(line.split()[1]), float(line.split()[2])) for line in said if line.startswith("fed")]
    until_s = fed[-1][1] - slack_s if fed else 0.0
    paths = captures_of(folder / "captures")
    items = [item for path in paths if path.parent.name == "pump" for item in items_in(path)]
    numbers = [item.sequence for item in items if isinstance(item, Frame)]
    lost = {number for number, at_s in fed if at_s <= until_s} - set(numbers)
    assert not lost, f"frames {sorted(lost)} of {len(fed)}"
    damaged = sum(isinstance(item, Fault) for item in items)
    assert damaged <= most_damaged, f"{damaged} damaged pieces"
    assert sum(path.stat().st_size for path in paths) <= LIMITS.max_bytes
    jobs = list(JobFiles(folder).read())
    assert not any(isinstance(job, Exception) for job in jobs), jobs


def go_on(folder: Path) -> None:
    """Let it go on to its end: what had ended is not touched but to be thinned."""
    with contextlib.ExitStack() as stack:
        # Open, so that no new file can get the number of one that was removed.
        kept = {path: stack.enter_context(path.open("rb")) for path in captures_of(folder / "captures")}
        before = {path: file.read() for path, file in kept.items()}
        code, said = run(folder)
        assert (code, said[-1]) == (0, "done"), said
        check(folder, said)
        # A snapshot of the same second may take the name of one that was thinned: it is another file.
        left = [
            path
            for path, file in kept.items()
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
        ]
        assert all(path.read_bytes() == before[path] for path in left)
    assert all(path.parent.name == "fan" for path in set(kept) - set(left)), "no recording was thinned"
    assert all(getattr(job, "ended", "") for job in JobFiles(folder).read())
    assert len(list(read_captures(folder / "captures"))) > 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="try each so many")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="killed-") as name:
        tried = points(Path(name))[:: arguments.every]
        killed = 0
        for call, when in tried:
            home = Path(name) / f"{call}{when}"
            code, said = run(home, "-e", f"inject={call}:signal=KILL:when={when}")
            killed += code in KILLED
            check(home, said)
            go_on(home)
            shutil.rmtree(home)
            print(f"{call} {when}: {sum(line.startswith('fed') for line in said)} frames, all there")
    print(f"killed at {killed} of {len(tried)} system calls: no whole frame lost, and every one went on")


if __name__ == "__main__":
    main()
