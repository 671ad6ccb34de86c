"""The thread that takes evidence and reads it: `EvidenceDesk`. Whatever others call returns at once."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from edge_runtime.core import EdgeError, UnavailableError
from edge_runtime.gateway.evidence.record import EvidenceRecord
from edge_runtime.gateway.evidence.store import Store
from edge_runtime.gateway.evidence.taking import Taking, Wanted
from edge_runtime.sensors import EvidenceSettings, RecordingSettings

TURN_S: Final = 0.25
"""Between two turns while anything is taken: so much is written at one time, as of recordings."""
SETTLE_S: Final = 0.05
"""Until what was asked for is begun: the alarm itself is on its way by then. A kill within it costs the
evidence."""
MOST_AT_ONCE: Final = 3
"""Captures of one sensor that are taken at a time: a beginning, an end and a fault of the sensor; alarms that
come and go faster have no more of their own."""
LOOK_S: Final = 5.0
"""Between two looks at the room on the disk. A judgement: what evidence leaves free beyond captures lasts a
minute."""
SCAN_S: Final = 60.0
"""Between two looks at the folder: so late is known what others took away."""
_log: Final = logging.getLogger("edge_runtime")
T = TypeVar("T")
Then = Callable[[T | None, EdgeError | None], None]
"""Takes a result, or why there is none; called by `pump`."""


class EvidenceDesk(threading.Thread):
    """`pump` is called by the service's thread, which gets there what was done."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        """Work with a store that nobody else changes; `wake` says that there is something to be pumped."""
        super().__init__(name="evidence", daemon=True)
        self.store, self._wake_service = store, wake
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._done: deque[Callable[[], None]] = deque()
        self._quit, self._wake = threading.Event(), threading.Event()
        self._takings: list[Taking] = []
        self._looked_s = self._scanned_s = float("-inf")
        self.sealed: Callable[[EvidenceRecord], None] = lambda _record: None
        """Called by `pump` with evidence that no event has told of yet, its event included."""
        self.cut: Callable[[EvidenceRecord], None] = lambda _record: None
        """Called by `pump` with evidence that a stop of the program cut: `take` it up, or `seal` it."""
        self.trouble = ""
        """Why none is kept now; empty where some is."""
        self.kept = self.missed = 0
        """Pieces of evidence that were written, and that could not be, since the start."""

    def take(self, wanted: Wanted, *, goes_on: bool = False) -> None:
        """Take evidence; `goes_on` says that its capture was cut by a stop of the program."""

        def take() -> None:
            sensor = wanted.record.sensor
            if sum(taking.record.sensor == sensor for taking in self._takings) < MOST_AT_ONCE:
                self._takings.append(Taking(wanted, self.store, goes_on=goes_on))
            else:
                self.missed += 1

        self._ask(take)

    def seal(self, record: EvidenceRecord) -> None:
        """End evidence that was cut, as it is."""

        def end() -> None:
            try:
                sealed = self.store.end(replace(record, whole=False))
            except EdgeError as error:
                self.missed, self.trouble = self.missed + 1, str(error)
            else:
                self.kept += 1
                self._give(lambda: self.sealed(sealed))

        self._ask(end)

    def note_event(self, alarm: str, event: Mapping[str, Any]) -> None:
        """Keep an alarm's later event with what is being taken of it."""

        def note() -> None:
            for taking in self._takings:
                if taking.record.alarm == alarm:
                    taking.record = replace(taking.record, event=event)

        self._ask(note)

    def note_told(self, record: EvidenceRecord) -> None:
        """Keep that an event has told of it; where that fails it is told of again at the next start."""

        def note() -> None:
            with contextlib.suppress(EdgeError, OSError):
                self.store.write(replace(self.store.read(record), told=True))

        self._ask(note)

    def judge(self, alarm: str, judgement: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep what an alarm was found to be with its evidence; its latest event. Called by a job of `do`.

        Raises DataError and OSError.
        """
        for taking in self._takings:
            if taking.record.alarm == alarm:
                taking.record = replace(taking.record, judgement=judgement)
        event: Mapping[str, Any] = {}
        for record in self.store.records:
            if record.alarm == alarm:
                whole = replace(self.store.read(record), judgement=judgement)
                self.store.write(whole)
                event = whole.event
        return event

    def do(self, job: Callable[[], T], then: Then[T]) -> None:
        """Do `job` here, in turn; `then` takes what came of it in `pump`."""

        def work() -> None:
            result, error = outcome(job)
            self._give(lambda: then(result, error))

        self._ask(work)

    def follow(self, limits: EvidenceSettings, recording: RecordingSettings) -> None:
        """Keep to other limits."""
        self._ask(lambda: self.store.follow(limits, recording))

    def pump(self) -> None:
        """Give what was done."""
        while self._done:
            self._done.popleft()()

    def leave(self) -> None:
        """Stop, in the next turn; what is being taken goes on when the service runs again."""
        self._quit.set()
        self._wake.set()

    def run(self) -> None:
        """Work until told to leave."""
        while not self._quit.is_set():
            try:
                self._turn(time.monotonic())
            except Exception:  # noqa: BLE001  a fault of ours must not end the evidence of other alarms
                _log.exception("a turn of the evidence failed")
            self._wake.wait(TURN_S if self._takings else LOOK_S)
            self._wake.clear()
            self._quit.wait(SETTLE_S)
        for taking in self._takings:
            with contextlib.suppress(EdgeError):
                taking.advance()

    def _ask(self, what: Callable[[], None]) -> None:
        self._asked.put(what)
        self._wake.set()

    def _give(self, what: Callable[[], None]) -> None:
        self._done.append(what)
        self._wake_service()

    def _turn(self, now_s: float) -> None:
        if now_s - self._scanned_s >= SCAN_S and not self._takings:
            self._scan(first=self._scanned_s < 0)
            self._scanned_s = now_s
        with contextlib.suppress(Empty):
            while True:
                self._asked.get_nowait()()
        for taking in tuple(self._takings):
            self._advance(taking, now_s)
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s, self.trouble = now_s, ""
            try:
                self.store.make_room(0)
            except EdgeError as error:
                self.trouble = str(error)

    def _scan(self, *, first: bool) -> None:
        for record in self.store.scan():
            if first:
                self._give(partial(self.cut, record))
        for record in self.store.records if first else ():
            if not record.told:
                with contextlib.suppress(EdgeError):  # somebody took it away meanwhile
                    self._give(partial(self.sealed, self.store.read(record)))

    def _advance(self, taking: Taking, now_s: float) -> None:
        try:
            taking.advance()
            if now_s < taking.until_s:
                return
            record = taking.end()
        except Exception as error:  # a fault of ours in one must not end the others
            self.missed += 1
            self.trouble = str(error)
            self.store.give_up(taking.record)
            self._takings.remove(taking)
            if not isinstance(error, EdgeError):
                raise
            return
        self._takings.remove(taking)
        if record is not None:
            self.kept += 1
            said, refusal = outcome(lambda: taking.diagnosed(record))
            if refusal is not None:  # what is kept is kept, and told of, whatever became of this
                _log.warning("evidence: %s was not diagnosed: %s", record.id, refusal)
            self._give(partial(self.sealed, said or record))


def outcome(job: Callable[[], T]) -> tuple[T | None, EdgeError | None]:
    """What comes of a job: its result, or why there is none."""
    try:
        return job(), None
    except EdgeError as refusal:
        return None, refusal
    except OSError as failure:
        where, remedy = str(failure.filename or "the state folder"), "Look at the disk: doctor says more"
        return None, UnavailableError(str(failure.strerror or failure), where=where, remedy=remedy)
    except Exception as fault:  # noqa: BLE001  it is answered, and the others go on
        _log.exception("evidence: what was asked for failed")
        what = f"evidence failed ({type(fault).__name__})"
        return None, EdgeError(what, remedy="Report it with the service's log")
