"""Scoring in a process of its own over the call in this one: docs/decisions/0012 chose the call.

The worker is as lean as one can be: the window and the score lie in shared memory, and one byte through a
pipe each way says that there is one.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from edge_runtime.core.records import Samples
from edge_runtime.models import scorer
from tests.benchmarks import models, worker_process
from tests.benchmarks.measure import Measure, interleave, ratio
from tests.benchmarks.worker_process import ASK, SCORE_BYTES, parts

NAME = "gaussian"
"""The detector with the least work: what the way there and back costs shows most."""
REPEAT = 200
"""Windows of a round: 5 ms of the shorter work."""


def measure(file: Path) -> Iterator[Measure]:
    """Measure one window's way, and the memory that is the worker's alone."""
    window = models.windows()[0]
    call = scorer.open_trusted(file).graph.score_one
    with _worker(file, window) as (score, process):
        assert score(window) == call(window)
        seconds = interleave({"worker": lambda: score(window), "call": lambda: call(window)}, repeat=REPEAT)
        alone_mb = psutil.Process(process.pid).memory_full_info().uss / 1e6
    note = ", ".join(f"{peer} {1e6 * min(taken):.0f} us" for peer, taken in seconds.items()) + " (best)"
    yield ratio(f"worker_over_call.{NAME}", seconds["worker"], seconds["call"], note=note)
    yield Measure("worker_memory_mb", "MB", [alone_mb], note="not shared with any other process")


@contextlib.contextmanager
def _worker(file: Path, like: Samples) -> Iterator[tuple["_Score", "subprocess.Popen[bytes]"]]:
    file_of_memory = os.memfd_create("window")
    os.truncate(file_of_memory, like.nbytes + SCORE_BYTES)
    command = [
        sys.executable,
        "-m",
        worker_process.__name__,
        str(file),
        str(file_of_memory),
        *map(str, like.shape),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pass_fds=[file_of_memory]
    )
    try:
        yield _Score(file_of_memory, like.shape, process), process
    finally:
        process.communicate()
        os.close(file_of_memory)


class _Score:
    """A window's score from the worker."""

    def __init__(self, memory: int, shape: tuple[int, ...], process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._window, self._found = parts(memory, shape)
        self._to, self._from = process.stdin.fileno(), process.stdout.fileno()

    def __call__(self, window: Samples) -> float:
        self._window[:] = window
        os.write(self._to, ASK)
        assert os.read(self._from, 1) == ASK
        return float(self._found[0])
