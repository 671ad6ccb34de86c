"""Commands over one connection: subscribed to, handed on, answered. `CommandLane`.

A device that takes no commands subscribes to nothing, and whatever a broker sends it ends the connection. One
that does subscribes to its own commands alone, without what the broker has kept.
"""

import time
from typing import Final

from edge_runtime.mqtt.broker_words import ERROR
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.in_flight import InFlight, Sent
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.size_limits import packet_bytes

MOST_IN_PERIOD: Final = 200
PERIOD_S: Final = 10.0
"""So many commands in so many seconds are more than people and pages give: it is a flood, or a loop. A
judgement: a page that acknowledges every alarm of 64 sensors, three times."""
AWAY_S: Final = 60.0
"""After a flood nothing is subscribed to for so long: the broker then keeps it from us."""
_NO_WILDCARDS: Final = 0xA2
"""Reason code of a SUBACK: MQTT 5.0, section 3.9.3."""


class CommandLane:
    """Used by the publisher's thread; `unacked` is shared with the session, which settles it."""

    def __init__(self, link: Connection, state: PublisherState, unacked: InFlight) -> None:
        """Subscribe, where commands are wanted at all."""
        self._link, self._handler, self._health, self._unacked = link, state.commands, state.health, unacked
        self._limits = state.limits
        self._by_name = not link.terms.wildcards
        self._period_s, self._in_period = time.monotonic(), 0
        self._back_s: float | None = None
        self._asked = 0
        self._subscribe()

    def take(self) -> None:
        """Hand on what has arrived, and see what became of the subscription."""
        if self._handler is None:
            return
        now_s = time.monotonic()
        for code in self._link.arrivals.take_subacks(self._asked):
            self._subscribed(code)
        if self._back_s is not None and now_s >= self._back_s:
            self._back_s = None
            self._subscribe()
        if now_s - self._period_s >= PERIOD_S:
            self._period_s, self._in_period = now_s, 0
        for command in self._link.arrivals.take_commands():
            self._health.add("mqtt.commands")
            self._in_period += 1
            if self._in_period > MOST_IN_PERIOD:
                self._health.add("mqtt.commands_dropped")
                if self._back_s is not None:
                    continue
                self._back_s = now_s + AWAY_S
                self._link.arrivals.unsubscribe(self._topics)
                too_many = f"more than {MOST_IN_PERIOD} came within {PERIOD_S:g} s"
                self._health.set_trouble("commands", f"{too_many}: none is taken for {AWAY_S:g} s")
            else:
                self._handler.receive(command)

    def send(self) -> bool:
        """Send an answer that is due, if the broker takes one more; False where none was sent."""
        if self._handler is None or len(self._unacked) >= self._link.terms.in_flight:
            return False
        reply = self._handler.take_reply()
        if reply is None:
            return False
        size = packet_bytes(reply.topic, reply.body) + len(reply.correlation)
        if size > self._limits.most_bytes:
            self._health.add("mqtt.replies_refused")
            return True
        try:
            number = self._link.send(reply.topic, reply.body, qos=1, correlation=reply.correlation)
        except ValueError:  # a topic that MQTT cannot carry
            self._health.add("mqtt.replies_refused")
            return True
        self._unacked.add(number, Sent(time.monotonic(), reply.topic, size, is_reply=True))
        return True

    def settled(self, code: int) -> None:
        """Note what the broker did with an answer; it is not sent again."""
        self._health.add("mqtt.replies" if code < ERROR else "mqtt.replies_refused")

    @property
    def _topics(self) -> list[str]:
        """What is subscribed to; nothing where no commands are taken."""
        if self._handler is None:
            return []
        levels = self._handler.verbs if self._by_name else ("+",)
        return [f"{self._handler.prefix}{level}" for level in levels]

    def _subscribe(self) -> None:
        if topics := self._topics:
            self._asked = self._link.arrivals.subscribe(topics)

    def _subscribed(self, code: int) -> None:
        if code == _NO_WILDCARDS and not self._by_name:
            self._by_name = True
            self._subscribe()
            return
        topic = self._topics[0]
        why = f"the broker does not let us read {topic} (reason code {code}): grant it in its access list"
        self._health.set_trouble("commands", why if code >= ERROR else "")
