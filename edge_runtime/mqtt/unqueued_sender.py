"""Sends over one connection what is not stored: availability, states and live telemetry. `UnqueuedSender`.

A broker keeps messages of QoS 1 for a subscriber that is away, and Mosquitto a thousand of them by default:
what fills that queue pushes alarms out. So states go out at QoS 0 (docs/decisions/0018). That loses nothing
for good: while the connection lasts TCP delivers them, and every new connection publishes them all. Two are
sent at QoS 1: the first of a kind since the start, whose acknowledgement says whether the broker lets us
write it, and the empty one that removes a topic, which nobody would say again.
"""

import math
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from edge_runtime.messages import ONLINE
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.in_flight import InFlight, Sent
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.size_limits import packet_bytes
from edge_runtime.mqtt.unqueued import NEVER_S, State

if TYPE_CHECKING:
    from edge_runtime.mqtt.birth_lane import BirthLane

_STATES_REFUSED: Final = "mqtt.states_refused"
_ONLINE_KEEPALIVES: Final = 3
"""After so many without another the broker forgets "online", which is said again after each of them."""


class UnqueuedSender:
    """Used by the publisher's thread; `unacked` is shared with the session, which settles it."""

    def __init__(self, link: Connection, state: PublisherState, unacked: InFlight) -> None:
        """Nothing is due yet; `renew` makes every state so."""
        self._link, self._state, self._unacked = link, state, unacked
        self._unqueued, self._health, self._limits = state.unqueued, state.health, state.limits
        self._online_s = float("-inf")
        self._births = _births(link, state)

    @property
    def may_send(self) -> bool:
        """Whether the broker takes one more message that it has to acknowledge."""
        return len(self._unacked) < self._link.terms.in_flight

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return self._unqueued.empty

    def renew(self) -> None:
        """Make every state due again."""
        self._unqueued.renew()

    def renew_topics(self, topics: Collection[str]) -> None:
        """Make these due again, as far as they are retained ones."""
        self._unqueued.renew_topics(topics)

    def answer_births(self) -> None:
        """Make every state due again where a program has started that wants them."""
        if self._births is not None and self._births.due():
            self._unqueued.renew()

    def send_availability(self, body: bytes, *, again: bool = False) -> None:
        """Publish whether this device is there; `again` where subscribers know it already.

        "online" has an end: with this broker, and with every other that it is passed on to, it is gone when
        nobody says it any more. "offline" is true until the next "online".
        """
        topic, keepalive_s = self._state.availability, self._state.settings.keepalive_s
        self._online_s = time.monotonic()
        if not self._too_large(topic, body, _STATES_REFUSED):
            expiry_s = _ONLINE_KEEPALIVES * keepalive_s if body == ONLINE else None
            self._retain(topic, body, qos=0 if again else 1, expiry_s=expiry_s)

    def note_online(self) -> None:
        """The broker has "online" from the connection before: say it again when it is time."""
        self._online_s = time.monotonic()

    def send_change(self) -> bool:
        """Publish a state that is new to subscribers; False where none is due or may be sent."""
        while self.may_send and (state := self._unqueued.take_change(self._unacked.busy)):
            if self._send_state(state):
                return True
        return False

    def send_again(self) -> bool:
        """Publish what costs an alarm nothing, a state said again or telemetry; False where none waits."""
        if time.monotonic() - self._online_s >= self._state.settings.keepalive_s:
            self.send_availability(ONLINE, again=True)
            return True
        while state := self._unqueued.take_refresh():
            if self._send_state(state):
                return True
        while message := self._unqueued.take_live():
            topic, body, expiry_s = message
            if self._too_large(topic, body, "mqtt.live_dropped"):
                continue
            self._link.send(topic, body, qos=0, expiry_s=expiry_s)
            self._unacked.add_live(packet_bytes(topic, body), time.monotonic())
            return True
        return False

    def _send_state(self, state: State) -> bool:
        # At QoS 1 each would take a place in the queue of every subscriber that is away, which alarms need.
        asks = not state.body or self._state.asks_about(state.topic, self._unacked.busy)
        qos, expiry_s = int(asks and self.may_send), None
        if state.until_s < NEVER_S:
            expiry_s = math.ceil(state.until_s - time.monotonic())
            if expiry_s <= 0:
                return False
        if self._too_large(state.topic, state.body, _STATES_REFUSED):
            return False
        self._retain(state.topic, state.body, qos=qos, expiry_s=expiry_s)
        return True

    def _retain(self, topic: str, body: bytes, *, qos: int, expiry_s: int | None) -> None:
        number = self._link.send(topic, body, qos=qos, retain=True, expiry_s=expiry_s)
        if qos:
            self._unacked.add(number, Sent(time.monotonic(), topic, packet_bytes(topic, body)))
        else:
            self._unacked.add_live(packet_bytes(topic, body), time.monotonic())

    def _too_large(self, topic: str, body: bytes, counter: str) -> bool:
        # The broker would end each connection at it: unlike a row it would be sent again on every one.
        limit = self._limits.most_bytes - packet_bytes(topic, b"")
        large = len(body) > limit
        text = f"{len(body)} bytes, and no more than {limit} may be sent" if large else ""
        self._health.set_trouble(f"size of {topic}", text)
        if large:
            self._health.add(counter)
        return large


def _births(link: Connection, state: PublisherState) -> "BirthLane | None":
    if not state.wanted.births:
        return None
    from edge_runtime.mqtt.birth_lane import BirthLane  # noqa: PLC0415  memory that most can spare

    return BirthLane(link, state)
