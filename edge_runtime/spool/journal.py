"""Events kept for a while after the broker has them: `Journal`, for those who fetch them later.

An event is written in the transaction that stores its message, so that neither is there without the other,
and is read by the id of that message's row. What the file cannot take now waits in memory.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from edge_runtime.spool.rows import StoredMessage

EVENT: Final = "event/"
"""Begins the names of the records that are events."""
_DIGITS: Final = 20
"""Of an id in a record's name, so that names sort as ids do; 2**63 has 19."""


class KeptEvent(NamedTuple):
    """An event as it is kept."""

    id: int
    """Of its message's row: rises with every event of a file, with gaps."""
    topic: str
    body: bytes
    """As in the spool, like the topic."""

    @staticmethod
    def of(row: StoredMessage) -> "KeptEvent":
        """That of a message."""
        return KeptEvent(row.id, row.topic, row.body)

    @property
    def record(self) -> tuple[str, str]:
        """Name and body of its record."""
        return event_name(self.id), f"{self.topic}\n{self.body.decode()}"

    @staticmethod
    def read(name: str, body: str) -> "KeptEvent":
        """As `record` gave it."""
        topic, _, event = body.partition("\n")
        return KeptEvent(int(name.removeprefix(EVENT)), topic, event.encode())


class Journal:
    """Which events are kept, and those that wait for the file; used under the spool's lock."""

    def __init__(self, most_held: int, full: Callable[[], bool] = lambda: False) -> None:
        """Keep nothing yet; hold so many events at most. `full` says whether the disk is: then its reserve is
        for messages alone."""
        self.keep = 0
        """Events in the file; 0 where nobody wants them."""
        self.held: dict[int, KeptEvent] = {}
        """What waits for the file, by id."""
        self._most_held, self._full = most_held, full
        self._fresh: Sequence[KeptEvent] = ()

    def begin(self, alarms: Sequence[KeptEvent]) -> Sequence[KeptEvent]:
        """Alarms go into the file in a transaction that begins; returns what is to be written with them."""
        if not alarms:
            return ()
        self._fresh = alarms
        return () if self._full() else (*self.held.values(), *alarms)

    def stored(self) -> None:
        """The transaction was committed."""
        if self._full():
            self.hold(self._fresh)
        else:
            self.held.clear()

    def hold(self, events: Sequence[KeptEvent]) -> None:
        """Let these wait, too; of too many the oldest are given up."""
        if self.keep:
            self.held |= {event.id: event for event in events}
            for number in sorted(self.held)[: max(len(self.held) - self._most_held, 0)]:
                del self.held[number]


def event_name(number: int) -> str:
    """The name of its record."""
    return f"{EVENT}{number:0{_DIGITS}d}"
