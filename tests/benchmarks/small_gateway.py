"""Service and learner on one core, with 400 MB for both: `python -m tests.benchmarks.small_gateway` as root.

Three sensors at 12 kHz x 3 are watched while half an hour of three channels in 30 conditions is learnt.
Prints what the two took, how long the learner did, and what of the vibration was lost.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_runtime.core import learning_folder, read_answer
from tests.benchmarks.benchmark_site import PERIOD_S, encoded, plant
from tests.benchmarks.learning import CONDITIONS, command, record_life
from tests.benchmarks.meanwhile import SENSORS, frames_taken
from tests.benchmarks.suite import SITE_MODEL, Shelf
from tests.processes import running
from tests.waiting import HANG_S, scaled

MEMORY_MB: Final = 400
GROUPS: Final = Path("/sys/fs/cgroup")


@contextmanager
def limited(memory_mb: int, core: int) -> Iterator[tuple[Path, Sequence[str]]]:
    """A control group, and what runs a command in it, on that core alone."""
    old = GROUPS / "memory"  # the first version of control groups has a tree for memory
    group = (old if old.is_dir() else GROUPS) / f"steadyhum-{os.getpid()}"
    group.mkdir()
    try:
        limit = "memory.limit_in_bytes" if old.is_dir() else "memory.max"
        (group / limit).write_text(str(memory_mb * 1024**2))
        joined = f'echo $$ > {group}/cgroup.procs; exec taskset -c {core} "$@"'
        yield group, ("sh", "-c", joined, "sh")
    finally:
        group.rmdir()


def main() -> int:
    """Print the figures; return 1 where something was lost or came to nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=int, default=MEMORY_MB, help="MB for both")
    parser.add_argument("--conditions", type=int, default=CONDITIONS, help="a minute of each is learnt")
    parser.add_argument("--play", type=float, default=240.0, help="seconds of vibration")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        state = Path(name)
        record_life(state, asked.conditions)
        model = Shelf(state).file(SITE_MODEL)
        return _run(state, model, asked.memory, asked.play)


def _run(state: Path, model: Path, memory_mb: int, play_s: float) -> int:
    lines = encoded(round(play_s / PERIOD_S))
    core = (os.cpu_count() or 1) - 1
    with limited(memory_mb, core) as (group, prefix), plant(lines, SENSORS) as site:
        service = site.service(model, health_s=1.0, prefix=prefix)
        with running([*prefix, *command(state)]) as learner:
            _, cut = site.play()
            meanwhile = learner.poll() is not None
            learner.wait(scaled(20 * HANG_S))
        lost = len(lines) * SENSORS - frames_taken(site)
        service_mb = service.memory_info().rss / 1e6
        killed = _killed(group)
    answer = read_answer(learning_folder(state, "pump"))
    outcome, took_s = ("nothing", 0.0) if answer is None else (answer.outcome, answer.seconds)
    print(
        f"{memory_mb} MB and one core for both: learner {outcome} after {took_s:.0f} s"
        f"{', while all was watched' if meanwhile else ', after the last frame'}; "
        f"{lost} of {len(lines) * SENSORS} frames lost, {cut} cut; service {service_mb:.0f} MB; {killed} "
        "ended for want of memory"
    )
    return int(bool(lost or cut or killed or outcome != "learnt" or not meanwhile))


def _killed(group: Path) -> int:
    """Processes that the kernel ended for want of memory."""
    events = group / ("memory.events" if (group / "memory.events").exists() else "memory.oom_control")
    rows = dict(line.split() for line in events.read_text().splitlines())
    return int(rows["oom_kill"])


if __name__ == "__main__":
    sys.exit(main())
