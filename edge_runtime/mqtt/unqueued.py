"""Messages that are not stored: the latest retained states, and live telemetry that waits to be sent."""

import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

NEVER_S: Final = float("inf")
"""When a state is out of date that stays true until the next one."""


@dataclass(frozen=True, slots=True)
class State:
    """The latest state of a retained topic."""

    topic: str
    body: bytes
    until_s: float = NEVER_S
    """When it is out of date, monotonic seconds: it is not sent any more, and the broker is to forget it."""


class LiveMessage(NamedTuple):
    """Sent once, if at all."""

    topic: str
    body: bytes
    expiry_s: int | None = None
    """After so many seconds the broker is to forget it; None where it never waits for anybody."""


class UnqueuedMessages:
    """Written by the pipeline's thread, read by the publisher's; both parts are bounded."""

    def __init__(self, state_topics: int, live_queue: int) -> None:
        """`state_topics` retained topics at most, and `live_queue` live messages waiting."""
        self._state_topics, self._live_queue = state_topics, live_queue
        self._mutex = threading.Lock()
        self._states: dict[str, State] = {}
        self._changed: dict[str, None] = {}
        self._refreshed: dict[str, None] = {}
        self._live: deque[LiveMessage] = deque()
        self._cleared: set[str] = set()

    def follow(self, state_topics: int, live_queue: int) -> None:
        """Take over other limits, for what comes from now on."""
        with self._mutex:
            self._state_topics, self._live_queue = state_topics, live_queue

    def retain(self, state: State, *, refresh: bool) -> bool:
        """Make this its topic's latest state; False when there are too many topics already.

        A refresh says what is known already and can wait; one that comes while a change of the topic has not
        been sent yet is that change.
        """
        with self._mutex:
            if state.topic not in self._states and len(self._states) >= self._state_topics:
                return False
            self._states[state.topic] = state
            if not refresh:
                self._refreshed.pop(state.topic, None)
                self._changed[state.topic] = None
            elif state.topic not in self._changed:
                self._refreshed[state.topic] = None
            return True

    def offer(self, message: LiveMessage) -> bool:
        """Add a live message; False when the oldest one was dropped to make room."""
        with self._mutex:
            self._live.append(message)
            fits = len(self._live) <= self._live_queue
            if not fits:
                self._live.popleft()
            return fits

    def renew(self) -> None:
        """Make every state due again: a new connection publishes them all."""
        with self._mutex:
            self._changed, self._refreshed = dict.fromkeys(self._states), {}

    def renew_topics(self, topics: Collection[str]) -> None:
        """Make these due again, as far as they are retained ones."""
        with self._mutex:
            self._changed |= {topic: None for topic in topics if topic in self._states}

    def settle(self, topic: str) -> None:
        """Note that the broker has what was sent last at QoS 1; what was to be emptied is then forgotten."""
        with self._mutex:
            state = self._states.get(topic)
            if state is not None and not state.body and topic not in self._changed:
                del self._states[topic]
                self._refreshed.pop(topic, None)
                self._cleared.add(topic)

    def take_cleared(self) -> frozenset[str]:
        """Topics that have been emptied since the last call."""
        with self._mutex:
            cleared, self._cleared = frozenset(self._cleared), set()
            return cleared

    def take_change(self, busy: frozenset[str] | set[str]) -> State | None:
        """A changed state that is due and whose topic is not `busy`; None where there is none."""
        with self._mutex:
            return self._take(self._changed, busy)

    def take_refresh(self) -> State | None:
        """A state that is to be said again; None where there is none."""
        with self._mutex:
            return self._take(self._refreshed, frozenset())

    def take_live(self) -> LiveMessage | None:
        """The oldest live message; None where none waits."""
        with self._mutex:
            return self._live.popleft() if self._live else None

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        with self._mutex:
            return not (self._changed or self._refreshed or self._live)

    def _take(self, due: dict[str, None], busy: frozenset[str] | set[str]) -> State | None:
        topic = next((topic for topic in due if topic not in busy), None)
        if topic is None:
            return None
        del due[topic]
        return self._states[topic]
