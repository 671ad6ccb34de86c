"""What others ask of the service's own thread, done there in small portions: `WorkQueue`."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from edge_runtime.core import EdgeError
from edge_runtime.door.protocol import Code, RequestError
from edge_runtime.door.registry import Asker, Registry

MAX_WAITING: Final = 64
"""Requests that wait, of all askers: twice the clients, each of which waits for one answer at a time."""
TURN_S: Final = 0.002
"""Of one turn of scoring, at most, and one request in any case: a window of 1,024 samples takes as long."""
PATIENCE_S: Final = 5.0
"""Then a request that was not begun is given up: a model's run, or a disk, may hold the service so long."""
_LOG: Final = logging.getLogger("edge_runtime")

Answer = tuple[object, EdgeError | None]
"""The result, or why there is none."""


class Work:
    """One request on its way through the service's thread."""

    def __init__(
        self, method: str, params: dict[str, object], asker: Asker, done: Callable[["Work"], None]
    ) -> None:
        """`done` is called once, on the thread that settles it; it must not wait."""
        self.method, self.params, self.asker, self._done = method, params, asker, done
        self.asked_s = time.monotonic()
        self.answer: Answer | None = None
        self._mutex, self._taken = threading.Lock(), False

    def take(self) -> bool:
        """Claim it, to do it or to give it up; False for one that was claimed already."""
        with self._mutex:
            taken, self._taken = self._taken, True
            return not taken

    def settle(self, answer: Answer) -> None:
        """Give the answer; after `take`."""
        self.answer = answer
        self._done(self)


class Later:
    """An answer that a method gives later, because a disk has to be waited for: returned in place of it.

    Used on the service's thread alone.
    """

    def __init__(self) -> None:
        """Nobody waits for it yet."""
        self._settle: Callable[[Answer], None] | None = None
        self._answer: Answer | None = None

    def give(self, result: object, error: EdgeError | None = None) -> None:
        """Give the result, or why there is none; the first counts."""
        if self._answer is None:
            self._answer = result, error
            if self._settle is not None:
                self._settle(self._answer)

    def to(self, settle: Callable[[Answer], None]) -> None:
        """Bring the answer there, now or when it is given."""
        self._settle = settle
        if self._answer is not None:
            settle(self._answer)


class WorkQueue:
    """Requests that wait. `put` and `give_up` may be called from any thread, `pump` from the service's."""

    def __init__(self) -> None:
        """Nothing waits, and nothing can be asked yet."""
        self.registry = Registry()
        """What can be asked now; replaced by the service's thread only."""
        self.wake: Callable[[], None] = lambda: None
        """Called after `put`: the service may be waiting for bytes."""
        self._waiting: deque[Work] = deque()

    @property
    def waits(self) -> bool:
        """Whether anything does."""
        return bool(self._waiting)

    def put(self, work: Work) -> None:
        """Let it wait for its turn; refuse it at once where too many do."""
        self.give_up(time.monotonic() - PATIENCE_S)
        if len(self._waiting) >= MAX_WAITING:
            if work.take():
                work.settle((None, _busy("too much is asked of the service at a time")))
            return
        self._waiting.append(work)
        self.wake()

    def give_up(self, before_s: float) -> None:
        """Refuse what was asked before this monotonic time and not begun."""
        while self._waiting and self._waiting[0].asked_s < before_s:
            try:
                work = self._waiting.popleft()
            except IndexError:  # the service's thread was quicker
                return
            if work.take():
                work.settle((None, _busy("the service did not come to it in time")))

    def pump(self) -> None:
        """Do what waits, for a bounded time."""
        if not self._waiting:
            return
        until_s = time.monotonic() + TURN_S
        while self._waiting:
            try:
                work = self._waiting.popleft()
            except IndexError:  # given up meanwhile
                return
            if work.take():
                answer: Answer
                try:
                    answer = self.registry.call(work.method, work.params, work.asker), None
                except EdgeError as error:
                    answer = None, error
                except Exception as error:  # noqa: BLE001  a fault in one method must not end the service
                    _LOG.exception("the door's method %s failed", work.method)
                    what = f"{work.method} failed ({type(error).__name__})"
                    answer = None, RequestError(Code.INTERNAL, what, "Report what the service's log says")
                if isinstance(answer[0], Later):
                    answer[0].to(work.settle)
                else:
                    work.settle(answer)
            if time.monotonic() >= until_s:
                return


def _busy(what: str) -> RequestError:
    return RequestError(Code.BUSY, what, "Ask again; nothing was changed")
