"""Scoring in a process of its own over the call in this one: docs/decisions/0012 chose the call.

The worker is as lean as one can be: the window and the score lie in shared memory, and one byte through a
pipe each way says that there is one.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
import psutil

from edge_runtime.core.records import Samples
from edge_runtime.models import scorer
from tests.benchmarks import models
from tests.benchmarks.measure import Measure, interleave, ratio

NAME = "gaussian"
"""The detector with the least work: what the way there and back costs shows most."""
ASK, END = b"a", b""
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
    memory = shared_memory.SharedMemory(create=True, size=like.nbytes + 8)
    command = [sys.executable, "-m", __name__, str(file), memory.name, *map(str, like.shape)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    score = _Score(memory, like.shape, process)
    try:
        yield score, process
    finally:
        score.release()
        process.communicate()
        memory.close()
        memory.unlink()


class _Score:
    """A window's score from the worker."""

    def __init__(
        self, memory: shared_memory.SharedMemory, shape: tuple[int, ...], process: "subprocess.Popen[bytes]"
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._window, self._found = _parts(memory, shape)
        self._to, self._from = process.stdin.fileno(), process.stdout.fileno()

    def __call__(self, window: Samples) -> float:
        self._window[:] = window
        os.write(self._to, ASK)
        assert os.read(self._from, 1) == ASK
        return float(self._found[0])

    def release(self) -> None:
        """Let the memory go, which cannot be closed while arrays lie in it."""
        del self._window, self._found


def _parts(
    memory: shared_memory.SharedMemory, shape: tuple[int, ...]
) -> tuple[Samples, "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"]:
    window: Samples = np.ndarray(shape, np.float32, memory.buf)
    return window, np.ndarray((1,), np.float64, memory.buf, window.nbytes)


def main(file: str, name: str, *shape: str) -> None:
    """Score until standard input ends."""
    memory = shared_memory.SharedMemory(name)
    score = scorer.open_trusted(Path(file)).graph.score_one
    window, found = _parts(memory, tuple(map(int, shape)))
    while os.read(0, 1) != END:
        found[0] = score(window)
        os.write(1, ASK)
    del window, found
    memory.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
