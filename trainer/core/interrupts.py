"""Processes that an interrupt at the terminal does not reach: `interrupts_held`."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Begin processes that no interrupt at the terminal reaches: this one is to end them.

    They inherit the mask of signals, and so are safe before they run a line. Windows has none; there an
    interrupt within a worker's start, until it ignores it, ends that worker.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
