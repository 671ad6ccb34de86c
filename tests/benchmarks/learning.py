"""Three sensors watched while a learner is at work on the same machine, and while none is.

The learner runs as its unit has it, at nice 15, on half an hour of three channels in 30 conditions. It goes
on from round to round where it was, so that all that it does is met.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.core import learning_folder
from edge_runtime.core.learning_files import ANSWER
from tests.benchmarks.benchmark_site import BenchmarkSite
from tests.benchmarks.meanwhile import measure_beside
from tests.benchmarks.measure import Measure
from tests.processes import start
from tests.shared import ROOT
from tests.trainer.captured import hum
from tests.trainer.learning import ask, capture, request

CONDITIONS = 30
SECONDS = 60.0
CHANNELS = ("x", "y", "z")


def measure(model: Path) -> Iterator[Measure]:
    """Measure with a model whose windows are one frame apart."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        record_life(Path(folder))
        with _Learner(Path(folder)) as learner:
            yield from measure_beside("learning", learner.at_work, model)


def record_life(state: Path, conditions: int = CONDITIONS, seconds: float = SECONDS) -> None:
    """Write captures of a made machine, and the request to learn from them."""
    captures = []
    for number in range(conditions):
        samples = hum(seconds, number, 0.1 * (1 + 0.3 * number / conditions), channels=len(CHANNELS))
        name = f"load {number}"
        captures.append(capture(state, name, samples, name, channels=CHANNELS))
    ask(state, request(captures, channels=CHANNELS))


def command(state: Path) -> Sequence[object]:
    """What starts the learner, with no more right to the processor than its unit has."""
    return ["chrt", "--other", "0", sys.executable, "-m", "trainer", "learn", state, "--once"]


class _Learner:
    """At work while asked to be; begun anew where it came to its end."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._running: subprocess.Popen[str] | None = None
        self._said = (state / "said").open("w")

    def __enter__(self) -> "_Learner":
        return self

    def __exit__(self, *_: object) -> None:
        if self._running is not None:
            os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()
        self._said.close()

    @contextmanager
    def at_work(self, site: BenchmarkSite) -> Iterator[None]:
        """Go on where it was, for the length of the block."""
        if self._running is None or self._running.poll() is not None:
            (learning_folder(self._state, "pump") / ANSWER).unlink(missing_ok=True)
            self._running = start(
                command(self._state), cwd=ROOT, stdout=self._said, stderr=self._said, start_new_session=True
            )
        os.killpg(self._running.pid, signal.SIGCONT)
        try:
            yield
        finally:
            os.killpg(self._running.pid, signal.SIGSTOP)
