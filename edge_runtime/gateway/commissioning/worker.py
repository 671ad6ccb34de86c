"""What commissioning does with disks and child processes, on a thread of its own: `Worker`."""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from edge_runtime.core import EdgeError, UnavailableError

T = TypeVar("T")
JOIN_S: Final = 2.0
"""Seconds that a job may take to end when the service stops. Each can be cut off anywhere; the thread is a
daemon."""


class Worker:
    """Jobs are done in the order in which they are given, and what comes of them is taken by `pump`."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called from the worker's thread when something is to be pumped."""
        self._wake = wake
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._done: deque[Callable[[], None]] = deque()
        self._thread = threading.Thread(target=self._run, name="commissioning", daemon=True)

    def start(self) -> None:
        """Begin, unless it has."""
        if self._thread.ident is None:
            self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread does its work, or has none yet."""
        return self._thread.ident is None or self._thread.is_alive()

    def put(self, job: Callable[[], T], then: Callable[[T | None, EdgeError | None], None]) -> None:
        """Do `job` on the thread; `then` takes its result, or why there is none, where `pump` is called."""

        def run() -> None:
            result: T | None = None
            error: EdgeError | None = None
            try:
                result = job()
            except EdgeError as refusal:
                error = refusal
            except OSError as failure:
                error = UnavailableError(
                    failure.strerror or str(failure),
                    where=str(failure.filename or "the state folder"),
                    remedy="Look at the disk: edge-runtime doctor; nothing was changed",
                )
            except Exception as fault:  # noqa: BLE001  a fault of ours in one job must not end the others
                what = f"commissioning failed ({type(fault).__name__}: {fault})"
                error = EdgeError(what, remedy="This is a fault of the program; report it")
            self._done.append(lambda: then(result, error))
            self._wake()

        self._jobs.put(run)

    def pump(self) -> None:
        """Take what the jobs came to; on the service's thread."""
        while self._done:
            self._done.popleft()()

    def stop(self) -> None:
        """End after the job at hand."""
        self._jobs.put(None)
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
