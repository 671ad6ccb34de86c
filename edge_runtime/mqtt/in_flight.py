"""What was handed to one connection and is not yet acknowledged: `Sent`, `InFlight`. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge_runtime.mqtt.retries import Key
from edge_runtime.spool import StoredMessage


@dataclass(frozen=True, slots=True)
class Sent:
    """A message handed over: a stored row, an answer to a command, a chunk, or else a retained one."""

    at_s: float
    """When, monotonic seconds."""
    topic: str
    size: int
    """Bytes as a packet."""
    row: StoredMessage | None = None
    is_reply: bool = False
    is_chunk: bool = False

    @property
    def key(self) -> Key | None:
        """Names the row in the queue."""
        return None if self.row is None else (self.row.klass, self.row.id)


class InFlight:
    """By packet identifier, oldest first; times are arguments, in monotonic seconds."""

    def __init__(self) -> None:
        """Nothing has been sent."""
        self._sent: dict[int, Sent] = {}
        self._acked_to_s = self._next_since_s = 0.0
        self._live_bytes, self._live_s = 0, 0.0

    def __len__(self) -> int:
        """How many messages wait for their acknowledgement."""
        return len(self._sent)

    def add(self, number: int, sent: Sent) -> None:
        """Note a message that will be acknowledged."""
        self._sent[number] = sent

    def add_live(self, size: int, now_s: float) -> None:
        """Note a message at QoS 0; it has arrived when a later one is acknowledged."""
        self._live_bytes, self._live_s = max(self._live_bytes, size), now_s

    def settle(self, answers: Iterable[tuple[int, int]], now_s: float) -> list[tuple[Sent, int]]:
        """What was acknowledged, with what reason code; `answers` are identifiers and reason codes.

        An identifier that is not in use may be anything: nothing comes of it.
        """
        settled = []
        for number, code in answers:
            if number not in self._sent:
                continue
            if number == next(iter(self._sent)):
                self._next_since_s = now_s
            sent = self._sent.pop(number)
            self._acked_to_s = max(self._acked_to_s, sent.at_s)
            if self._live_s < sent.at_s:
                self._live_bytes = 0
            settled.append((sent, code))
        return settled

    def holds(self, key: Key) -> bool:
        """Whether the row is in flight."""
        return any(sent.key == key for sent in self._sent.values())

    @property
    def busy(self) -> set[str]:
        """Topics of the retained messages in flight."""
        return {
            sent.topic for sent in self._sent.values() if not (sent.row or sent.is_reply or sent.is_chunk)
        }

    @property
    def chunks(self) -> int:
        """How many chunks of transfers are in flight."""
        return sum(sent.is_chunk for sent in self._sent.values())

    @property
    def rows(self) -> dict[Key, Sent]:
        """The stored messages in flight."""
        return {sent.key: sent for sent in self._sent.values() if sent.key is not None}

    @property
    def largest_bytes(self) -> int:
        """Size of the largest packet that the broker may not have taken; 0 where there is none."""
        return max([self._live_bytes, *(sent.size for sent in self._sent.values())])

    def overdue(self, timeout_s: float, now_s: float) -> Sent | None:
        """The oldest message, if it should have been acknowledged by now."""
        oldest = next(iter(self._sent.values()), None)
        # On a slow link each of them takes its time: it counts from when one was the next to be acknowledged.
        if oldest is None or now_s - max(oldest.at_s, self._next_since_s) < timeout_s:
            return None
        return oldest

    def passed_by(self, sent: Sent) -> bool:
        """Whether a message sent after this one has been acknowledged."""
        return self._acked_to_s > sent.at_s
