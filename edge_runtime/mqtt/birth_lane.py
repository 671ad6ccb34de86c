"""Another program's start, which wants all that is retained once more: `BirthLane`.

Home Assistant says `online` when it has started, and has then missed what the broker did not keep. Subscribed
to only where the site wants it.
"""

import time
from random import SystemRandom
from typing import Final

from edge_runtime.mqtt.broker_words import ERROR
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.publisher_state import PublisherState

LATEST_S: Final = 5.0
"""Answered within so many seconds, at random: a hall's gateways do not send everything in the same one."""
MOST_IN_PERIOD: Final = 200
PERIOD_S: Final = 10.0
"""As of commands: more is a flood."""
AWAY_S: Final = 60.0
"""After which nothing is subscribed to for so long."""
_ONLINE: Final = b"online"


class BirthLane:
    """Used by the publisher's thread."""

    def __init__(self, link: Connection, state: PublisherState) -> None:
        """Subscribe."""
        self._link, self._state, self._topic = link, state, state.wanted.births
        self._asked, self._due_s, self._back_s = 0, float("inf"), float("inf")
        self._period_s, self._in_period = time.monotonic(), 0
        self._subscribe()

    def due(self) -> bool:
        """Whether all that is retained is to be sent again now."""
        now_s = time.monotonic()
        for code in self._link.arrivals.take_subacks(self._asked):
            what = f"the broker does not let us read {self._topic} (reason code {code})"
            said = f"{what}: grant it in its access list" if code >= ERROR else ""
            self._state.health.set_trouble("births", said)
        if now_s >= self._back_s:
            self._back_s = float("inf")
            self._subscribe()
        self._take(now_s)
        if now_s < self._due_s:
            return False
        self._due_s = float("inf")
        self._state.health.add("mqtt.births")
        return True

    def _take(self, now_s: float) -> None:
        if now_s - self._period_s >= PERIOD_S:
            self._period_s, self._in_period = now_s, 0
        born = self._link.arrivals.take_births()
        self._in_period += len(born)
        if self._in_period > MOST_IN_PERIOD and self._back_s == float("inf"):
            self._back_s = now_s + AWAY_S
            self._link.arrivals.unsubscribe([self._topic])
            what = f"more than {MOST_IN_PERIOD} messages to {self._topic} came within {PERIOD_S:g} s"
            self._state.health.set_trouble("births", f"{what}: none is read for {AWAY_S:g} s")
        if _ONLINE in born and self._due_s == float("inf"):
            self._due_s = now_s + SystemRandom().uniform(0, LATEST_S)

    def _subscribe(self) -> None:
        self._asked = self._link.arrivals.subscribe([self._topic])
