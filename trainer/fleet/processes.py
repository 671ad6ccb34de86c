"""The engine of one computer: a few processes, each at a chunk, that may end at any time."""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from trainer.core import interrupts_held
from trainer.fleet.engines import Chunks, Engine, Item, Lost, Result

_ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Processes share the processors already: more threads than those wait for one another."""
_END_S: Final = 5.0
"""That a worker has to end in when it is asked to, before it is killed."""


class Processes(Engine):
    """Starts them for one run; they end with it, and with this process, however that ends."""

    def __init__(self, count: int) -> None:
        """Work in `count` processes; 0 for one a processor."""
        self._count = count or os.cpu_count() or 1

    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | Lost]]:
        """Yield results as they come; a worker that ends is replaced, and its items are done again."""
        count = min(self._count, len(items))
        chunks: Chunks[Item] = Chunks(len(items), count)
        workers = [_Worker(work) for _ in range(count)]
        try:
            for worker in workers:
                worker.give(chunks.take(), items)
            while busy := [worker for worker in workers if worker.left]:
                ready = wait([worker.pipe for worker in busy])
                for worker in (each for each in busy if each.pipe in ready):
                    yield from answers(worker, chunks)
                for number, worker in enumerate(workers):
                    if not worker.left and (chunk := chunks.take()):
                        workers[number] = worker if worker.alive else _Worker(work)
                        workers[number].give(chunk, items)
        finally:
            for worker in workers:
                worker.end()


class _Worker:
    """One process, and what it has been given."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.left: deque[int] = deque()
        self.alive, self._ended = True, False
        self.begun_s, self.given = 0.0, 0
        before = dict(os.environ)
        os.environ.update({name: "1" for name in _ONE_THREAD if name not in os.environ})
        try:
            with interrupts_held():
                self._process: BaseProcess = context.Process(target=serve, args=(theirs, work), daemon=True)
                self._process.start()
        finally:
            for name in _ONE_THREAD:
                if name not in before:
                    del os.environ[name]
        theirs.close()

    def give(self, chunk: list[int], items: Sequence[Any]) -> None:
        """Pass a chunk on. One that has just ended shows it when its answer is waited for."""
        self.left, self.given, self.begun_s = deque(chunk), len(chunk), time.monotonic()
        try:
            self.pipe.send([(number, items[number]) for number in chunk])
        except OSError:
            self.alive = False

    def end(self) -> None:
        """End the process, unless it has been ended; what it was at is not finished."""
        if self._ended:
            return
        self._ended, self.alive = True, False
        self._process.terminate()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()
        self._process.close()

    def why(self) -> str:
        """How it ended."""
        self._process.join(_END_S)
        code = self._process.exitcode or 0
        return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def answers(worker: _Worker, chunks: Chunks[Any]) -> Iterator[tuple[int, Any]]:
    """What a worker has answered; where it has ended, what of its chunk is lost."""
    try:
        number, result = worker.pipe.recv()
    except (EOFError, OSError):
        why, left = worker.why(), list(worker.left)
        worker.end()
        worker.left = deque()
        if (lost := chunks.ended(left)) is not None:
            yield lost, Lost(f"the process that worked on it {why}, each of several times")
        return
    worker.left.remove(number)
    if not worker.left:
        chunks.took(worker.given, time.monotonic() - worker.begun_s)
    yield number, result


def serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """Work on what comes, until nothing can come any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        try:
            chunk = pipe.recv()
        except EOFError:
            return
        for number, item in chunk:
            pipe.send((number, work(item)))


def end_with_parent() -> None:
    """End where the process that gives the work has ended: another may begin it anew in the same folder."""
    if (parent := multiprocessing.parent_process()) is not None:
        wait([parent.sentinel])
        os._exit(1)
