"""The thread that keeps history: `HistoryDesk`. Whatever others call returns at once."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, Full, Queue
from typing import Final, NamedTuple, TypeVar

from edge_runtime.core import EdgeError, UnavailableError, clock_doubt
from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.history.looks import Look, values_of
from edge_runtime.gateway.history.reading import HistoryReader, Mark, Waiting
from edge_runtime.gateway.history.store import HOURS_KEPT, MINUTES_KEPT
from edge_runtime.gateway.history.values import Values, merged

MOST_WAITING: Final = 256
"""Of what is brought: looks at sixteen sensors for more than a minute, or marks of as many alarms at once."""
MOST_MINUTES: Final = 60
"""Of each sensor, that wait for a disk which refuses them. Then the oldest are lost."""
MOST_MARKS: Final = 1000
LOOK_S: Final = 60.0
"""Between two looks at the room on the disk."""
NAP_S: Final = 1.0
_log: Final = logging.getLogger("edge_runtime")
T = TypeVar("T")
Clocks = Callable[[], tuple[float, float]]
"""Wall time, seconds since 1970, and monotonic seconds."""


class Closed(NamedTuple):
    """A minute of a sensor, or a part of one."""

    sensor: str
    minute: int
    """Counted since 1970, by the clock as it was then."""
    apart_s: float
    """By how much the wall clock was ahead of the monotonic one then."""
    values: Values


class Noted(NamedTuple):
    """Something that happened."""

    mark: Mark
    apart_s: float
    """As of `Closed`."""
    watched: bool
    """Whether it says what watches a sensor, and is news only where that was another."""


def clocks() -> tuple[float, float]:
    """Both clocks now."""
    return time.time(), time.monotonic()


class HistoryDesk(threading.Thread):
    """`pump` is called by the service's thread, which gets there what was asked."""

    def __init__(self, keeping: Keeping, wake: Callable[[], None], clock: Clocks = clocks) -> None:
        """Write into a file that nobody else writes; `wake` says that there is something to be pumped."""
        super().__init__(name="history", daemon=True)
        self._keeping, self._wake_service, self._clock = keeping, wake, clock
        self._brought: Queue[Callable[[], None]] = Queue(MOST_WAITING)
        self._done: deque[Callable[[], None]] = deque()
        self._minutes: dict[tuple[str, int], Closed] = {}
        self._noted: list[Noted] = []
        self._looked_s = float("-inf")
        self._hour = 0
        self.judge: Callable[[str, Values], None] = lambda _sensor, _values: None
        """Is given what a look says of a sensor, in `pump`."""
        self.sensors = 1
        """How many are watched."""
        self.trouble = ""
        """Why nothing is kept now; empty where it is."""
        self.written = self.lost = self.dropped = 0
        """Writes since the start; minutes and marks that no disk took; what came faster than it was taken."""
        self._left = threading.Event()

    @property
    def keeping(self) -> Keeping:
        """The file, for those who ask how it stands."""
        return self._keeping

    def look(self, look: Look) -> None:
        """Take a second of vibration; never waits."""

        def add() -> None:
            values = values_of(look)
            self._add(Closed(look.sensor, look.minute, look.apart_s, values))
            self._done.append(lambda: self.judge(look.sensor, values))

        self._bring(add)

    def close_minutes(self, closed: Sequence[Closed]) -> None:
        """Take what minutes came to."""

        def add() -> None:
            for minute in closed:
                self._add(minute)

        self._bring(add)

    def note(self, noted: Noted) -> None:
        """Take something that happened."""
        self._bring(lambda: self._note(noted))

    def write(self) -> bool:
        """Write what there is; return whether that is going to be done."""
        return self._bring(self._write)

    def ask(
        self,
        job: Callable[[HistoryReader, Waiting], T],
        then: Callable[[T | None, EdgeError | None], None],
    ) -> None:
        """Let `job` read what is kept, and what waits to be; `then` takes what comes of it in `pump`."""

        def read() -> None:
            result: T | None = None
            refusal: EdgeError | None = None
            try:
                minutes = {key: closed.values for key, closed in self._retimed()}
                waiting = Waiting(minutes, [mark for mark, watched in self._marks() if not watched])
                result = self._keeping.run(lambda file: job(file.reader, waiting))
            except EdgeError as error:
                refusal = error
            except Exception as fault:  # noqa: BLE001  it is answered, and the thread goes on
                _log.exception("history: what was asked for failed")
                what = f"history failed ({type(fault).__name__})"
                refusal = EdgeError(what, remedy="Report it with the service's log")
            self._done.append(lambda: then(result, refusal))
            self._wake_service()

        if not self._bring(read):
            then(None, UnavailableError("the history is busy", remedy="Ask again in a minute"))

    def pump(self) -> None:
        """Give what was asked."""
        while self._done:
            self._done.popleft()()

    def leave(self) -> None:
        """Write what there is, and stop."""
        self._left.set()
        self._bring(lambda: None)  # it may be waiting

    def run(self) -> None:
        """Work until told to leave."""
        while not (self._left.is_set() and self._brought.empty()):
            self._guarded(self._turn)
        self._guarded(self._write)
        self._keeping.close()

    def _guarded(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception:  # noqa: BLE001  a fault of ours must not end the history of other sensors
            _log.exception("a turn of the history failed")
            self.lost += 1

    def _turn(self) -> None:
        with contextlib.suppress(Empty):
            self._brought.get(timeout=NAP_S)()
        _, now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._try(self._keeping.make_room)

    def _bring(self, what: Callable[[], None]) -> bool:
        try:
            self._brought.put_nowait(what)
        except Full:
            self.dropped += 1
            return False
        return True

    def _try(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except EdgeError as error:
            self.trouble = str(error)
            return False
        self.trouble = ""
        return True

    def _add(self, closed: Closed) -> None:
        key = closed.sensor, closed.minute
        if (known := self._minutes.get(key)) is not None:
            closed = known._replace(values=merged([known.values, closed.values]))
        self._minutes[key] = closed
        while len(self._minutes) > MOST_MINUTES * self.sensors:
            del self._minutes[next(iter(self._minutes))]
            self.lost += 1

    def _note(self, noted: Noted) -> None:
        self._noted.append(noted)
        while len(self._noted) > MOST_MARKS:
            del self._noted[0]
            self.lost += 1

    def _retimed(self) -> list[tuple[tuple[str, int], Closed]]:
        """What waits, by the wall clock as it is now: it may have been set since."""
        wall_s, now_s = self._clock()
        return [
            ((sensor, minute + round((wall_s - now_s - closed.apart_s) / 60)), closed)
            for (sensor, minute), closed in self._minutes.items()
        ]

    def _marks(self) -> list[tuple[Mark, bool]]:
        """What happened, likewise, and whether it says what watches a sensor."""
        wall_s, now_s = self._clock()
        return [
            (mark._replace(time_us=mark.time_us + round((wall_s - now_s - apart_s) * 1e6)), watched)
            for mark, apart_s, watched in self._noted
        ]

    def _write(self) -> None:
        wall_s, _ = self._clock()
        doubt = bool(clock_doubt(wall_s))
        minutes: dict[str, dict[int, Values]] = {}
        for (sensor, minute), closed in self._retimed():
            values = {**closed.values, columns.DOUBT: 1.0} if doubt else closed.values
            of_it = minutes.setdefault(sensor, {})
            of_it[minute] = merged([of_it[minute], values]) if minute in of_it else values
        marks = [mark for mark, watched in self._marks() if not watched]
        watching = [mark for mark, watched in self._marks() if watched]
        # Once an hour, to spare the card. A clock that nobody vouches for removes nothing.
        now, hour = int(wall_s) // 60, int(wall_s) // 3600
        oldest = None if doubt or hour == self._hour else (now - MINUTES_KEPT, hour - HOURS_KEPT)
        if self._try(self._keeping.make_room) and self._try(
            lambda: self._keeping.run(lambda file: file.put(minutes, marks, watching, oldest))
        ):
            self.written, self._hour = self.written + 1, hour
            self._minutes.clear()
            self._noted.clear()
