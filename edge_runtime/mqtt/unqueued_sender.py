"""Sends over one connection what is not stored: availability, states and live telemetry. `UnqueuedSender`."""

import math
import time
from typing import Final

from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.in_flight import InFlight, Sent
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.size_limits import packet_bytes
from edge_runtime.mqtt.unqueued import NEVER_S, State

_STATES_REFUSED: Final = "mqtt.states_refused"


class UnqueuedSender:
    """Used by the publisher's thread; `unacked` is shared with the session, which settles it."""

    def __init__(self, link: Connection, state: PublisherState, unacked: InFlight) -> None:
        """Nothing is due yet; `renew` makes every state so."""
        self._link, self._state, self._unacked = link, state, unacked
        self._unqueued, self._health, self._limits = state.unqueued, state.health, state.limits

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

    def send_availability(self, body: bytes) -> None:
        """Publish whether this device is there."""
        topic = self._state.availability
        if not self._too_large(topic, body, _STATES_REFUSED):
            self._retain(topic, body, qos=1, expiry_s=None)

    def send_change(self) -> bool:
        """Publish a state that is new to subscribers; False where none is due or may be sent."""
        while self.may_send and (state := self._unqueued.take_change(self._unacked.busy)):
            if self._send_state(state, qos=1):
                return True
        return False

    def send_again(self) -> bool:
        """Publish what costs an alarm nothing, a state said again or telemetry; False where none waits."""
        while state := self._unqueued.take_refresh():
            if self._send_state(state, qos=0):
                return True
        while message := self._unqueued.take_live():
            if self._too_large(*message, "mqtt.live_dropped"):
                continue
            self._link.send(*message, qos=0)
            self._unacked.add_live(packet_bytes(*message), time.monotonic())
            return True
        return False

    def _send_state(self, state: State, *, qos: int) -> bool:
        expiry_s = None
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
        self._health.tell(f"size of {topic}", text)
        if large:
            self._health.add(counter)
        return large
