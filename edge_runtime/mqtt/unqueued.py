"""Messages that are not stored: the latest retained states, and live telemetry that waits to be sent."""

import threading
from collections import deque

Message = tuple[str, bytes]


class UnqueuedMessages:
    """Written by the pipeline's thread, read by the publisher's; both parts are bounded."""

    def __init__(self, state_topics: int, live_queue: int) -> None:
        """`state_topics` retained topics at most, and `live_queue` live messages waiting."""
        self._state_topics, self._live_queue = state_topics, live_queue
        self._mutex = threading.Lock()
        self._states: dict[str, bytes] = {}
        self._due: dict[str, None] = {}
        self._live: deque[Message] = deque()

    def follow(self, state_topics: int, live_queue: int) -> None:
        """Take over other limits, for what comes from now on."""
        with self._mutex:
            self._state_topics, self._live_queue = state_topics, live_queue

    def retain(self, topic: str, body: bytes) -> bool:
        """Make this the topic's latest state; False when there are too many topics already."""
        with self._mutex:
            if topic not in self._states and len(self._states) >= self._state_topics:
                return False
            self._states[topic] = body
            self._due[topic] = None
            return True

    def offer(self, topic: str, body: bytes) -> bool:
        """Add a live message; False when the oldest one was dropped to make room."""
        with self._mutex:
            self._live.append((topic, body))
            fits = len(self._live) <= self._live_queue
            if not fits:
                self._live.popleft()
            return fits

    def renew(self) -> None:
        """Make every state due again: a new connection publishes them all."""
        with self._mutex:
            self._due = dict.fromkeys(self._states)

    def take_state(self, busy: frozenset[str] | set[str]) -> Message | None:
        """(topic, body) of a state that is due and whose topic is not `busy`; None where there is none."""
        with self._mutex:
            topic = next((topic for topic in self._due if topic not in busy), None)
            if topic is None:
                return None
            del self._due[topic]
            return topic, self._states[topic]

    def take_live(self) -> Message | None:
        """(topic, body) of the oldest live message; None where none waits."""
        with self._mutex:
            return self._live.popleft() if self._live else None

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        with self._mutex:
            return not self._due and not self._live
