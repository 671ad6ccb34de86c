"""The worker of `worker.py`, which imports no more than scoring takes."""

import mmap
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core.records import Samples
from edge_runtime.models import scorer

ASK, END = b"a", b""
SCORE_BYTES = 8


def parts(memory: int, shape: tuple[int, ...]) -> tuple[Samples, NDArray[np.float64]]:
    """Lay a window and its score out in shared memory, given by its descriptor."""
    shared = mmap.mmap(memory, 0)
    window: Samples = np.ndarray(shape, np.float32, shared)
    return window, np.ndarray((1,), np.float64, shared, window.nbytes)


def main(file: str, memory: str, *shape: str) -> None:
    """Score until standard input ends."""
    score = scorer.open_trusted(Path(file)).graph.score_one
    window, found = parts(int(memory), tuple(map(int, shape)))
    while os.read(0, 1) != END:
        found[0] = score(window)
        os.write(1, ASK)


if __name__ == "__main__":
    main(*sys.argv[1:])
