"""What is sent over one connection, and what the broker answers: `Session`."""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import Health
from edge_runtime.messages import OFFLINE, ONLINE, stamp_replayed
from edge_runtime.mqtt.connection import PACKET_OVERHEAD_BYTES, Connection
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.retries import Pauses, Quarantine
from edge_runtime.mqtt.send_order import SendOrder
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.mqtt.unqueued import UnqueuedMessages
from edge_runtime.spool import MessageClass, Spool, StoredMessage

_NO_SUBSCRIBERS: Final = 0x10
"""Reason code of a PUBACK: accepted, and nobody subscribes; MQTT 5.0, section 3.4.2.1."""
_ERROR: Final = 0x80
"""Reason codes from here are refusals."""
_OF_THE_TOPIC: Final = (0x87, 0x97)
"""Not authorized, quota exceeded: other messages to the topic fare no better."""
_GOODBYE_S: Final = 1.0
"""What the end of the service may wait for "offline" to be acknowledged."""
_FULL_WAIT_S: Final = 0.02
"""Between looks at a full socket queue: no event says that it has room again."""
_MAX_TIMEOUT_FACTOR: Final = 20
"""Ten minutes by default: a link on which an acknowledgement takes longer carries no alarms."""
_QUIET_KEEPALIVES: Final = 1.2
"""Own keepalives without a byte from the broker, after which it is asked: later than paho's own ping."""
_URGENT_SHARE: Final = 4
"""One in so many of what may be in flight is kept for alarms that are new."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message handed over and not yet acknowledged: a stored row, or else a retained one."""

    at_s: float
    topic: str
    row: StoredMessage | None = None


class PublisherState:
    """What outlives a session: sources of messages, what is paused or set aside, the current ack timeout."""

    def __init__(self, settings: BrokerSettings, spool: Spool, health: Health, availability: str) -> None:
        """Nothing has gone wrong yet; `availability` is the topic that says whether this device is there."""
        self.settings, self.spool, self.health, self.availability = settings, spool, health, availability
        self.unqueued = UnqueuedMessages(settings.state_topics, settings.live_queue)
        self.pauses: Pauses[str] = Pauses(settings.denied_retry_s)
        """Topics."""
        self.quarantine = Quarantine(settings.denied_retry_s)
        self.ack_timeout_s = settings.ack_timeout_s


class Session:
    """Sends over one connection what spool and unqueued messages hold; used by the publisher's thread."""

    def __init__(self, link: Connection, state: PublisherState) -> None:
        """Publish that this device is online, and begin with everything that is stored or retained."""
        self._link, self._state, self._settings = link, state, state.settings
        self._spool, self._unqueued, self._health = state.spool, state.unqueued, state.health
        self._order = SendOrder(state.spool, live_first=state.settings.live_first)
        self._unacked: dict[int, _Sent] = {}
        self._acked_to_s = self._next_since_s = 0.0
        self.delivered = 0
        """Stored messages that the broker has acknowledged in this session."""
        self._proven = self._socket_full = False
        self._order.begin()
        self._unqueued.renew()
        self._send_availability(ONLINE)

    def feed(self) -> bool:
        """Hand over what may be in flight; False when nothing is left to be sent or acknowledged."""
        if self._state.quarantine.end(time.monotonic()) | bool(self._state.pauses.end(time.monotonic())):
            self._order.rewind()
            for klass in MessageClass:  # the spool may have dropped some meanwhile
                self._state.quarantine.forget_below(klass, self._spool.first_id(klass))
        rows = states = True
        # In turn: neither keeps the other waiting.
        while (has_room := self._link.has_room) and (rows or states):
            rows, states = rows and self._send_row(), states and self._send_state()
        while has_room and (message := self._unqueued.take_live()):
            if self._too_large(*message, "mqtt.live_dropped"):
                continue
            self._link.send(*message, qos=0)
            has_room = self._link.has_room
        self._socket_full = not has_room
        waiting = bool(self._unacked) or self._order.unfinished or not self._unqueued.empty
        return self._socket_full or waiting

    def turn(self, timeout_s: float) -> None:
        """Wait for the broker or a wake-up and settle what was acknowledged. Raises LinkError."""
        acked: dict[MessageClass, list[int]] = defaultdict(list)
        if self._socket_full:
            timeout_s = min(timeout_s, _FULL_WAIT_S)
        elif self._order.unfinished:
            timeout_s = 0
        answers = self._link.turn(timeout_s)
        # An identifier we do not know may be anything: nothing is deleted for it.
        for number, code in filter(lambda answer: answer[0] in self._unacked, answers):
            if number == next(iter(self._unacked)):
                self._next_since_s = time.monotonic()
            self._settle(self._unacked.pop(number), code, acked)
        for klass, ids in acked.items():
            self._spool.ack(klass, ids)
            self.delivered += len(ids)
        self._check_ack_timeout()
        # A broker may demand a keepalive so long that a dead link would go unnoticed: ask by a message.
        if self._link.silent_s > _QUIET_KEEPALIVES * self._settings.keepalive_s and not self._unacked:
            self._send_availability(ONLINE)

    def end(self) -> None:
        """Publish that this device goes offline, and disconnect. Raises LinkError."""
        self._send_availability(OFFLINE)
        until_s = time.monotonic() + _GOODBYE_S
        while self._unacked and time.monotonic() < until_s:
            self.turn(until_s - time.monotonic())
        self._link.leave()

    def lost(self, error: LinkError) -> bool:
        """Draw conclusions from the end of the connection; True where a message may be its cause."""
        if error.loss not in (LinkErrorKind.CLOSED, LinkErrorKind.HUNG_UP):
            return False
        rows = {
            (sent.row.klass, sent.row.id): sent for sent in self._unacked.values() if sent.row is not None
        }
        # Where nothing was acknowledged before, the cause need not be the message.
        begun_s = max((sent.at_s for sent in rows.values()), default=0.0) if self._proven else float("-inf")
        waited_s = time.monotonic() - begun_s
        dead = self._state.quarantine.lost(rows, waited_s, time.monotonic())
        if dead is not None and (row := rows[dead].row) is not None:
            self._give_up(row, f"the broker closes the connection at it: {error.what}")
        return bool(rows)

    def _send_availability(self, body: bytes) -> None:
        number = self._link.send(self._state.availability, body, qos=1, retain=True)
        self._unacked[number] = _Sent(time.monotonic(), self._state.availability)

    def _send_state(self) -> bool:
        busy = {sent.topic for sent in self._unacked.values() if sent.row is None}
        while len(self._unacked) < self._link.in_flight and (message := self._unqueued.take_state(busy)):
            if self._too_large(*message, "mqtt.states_refused"):
                continue
            topic, body = message
            number = self._link.send(topic, body, qos=1, retain=True)
            self._unacked[number] = _Sent(time.monotonic(), topic)
            return True
        return False

    def _send_row(self) -> bool:
        most = self._link.in_flight
        room = most - len(self._unacked)
        if self._state.quarantine.one_at_a_time:
            # A suspect is alone, and sent once the connection has shown that it works without it.
            room = most if self._proven and not self._unacked else 0
        row = self._order.next(self._skips, urgent=room <= most // _URGENT_SHARE) if room > 0 else None
        if row is None:
            return False
        body = stamp_replayed(row.body, replayed=self._order.is_replayed(row))
        if len(body) > (limit := self._body_limit(row.topic)):
            self._give_up(row, f"{len(body)} bytes, and no more than {limit} may be sent")
            return True
        try:
            number = self._link.send(row.topic, body, qos=1)
        except ValueError as error:
            self._give_up(row, f"it cannot be sent: {error}")
        else:
            self._unacked[number] = _Sent(time.monotonic(), row.topic, row)
        return True

    def _body_limit(self, topic: str) -> int:
        return self._link.max_packet_bytes - PACKET_OVERHEAD_BYTES - len(topic.encode())

    def _too_large(self, topic: str, body: bytes, counter: str) -> bool:
        # The broker would end each connection at it: unlike a row it would be sent again on every one.
        large = len(body) > (limit := self._body_limit(topic))
        text = f"{len(body)} bytes, and no more than {limit} may be sent" if large else ""
        self._health.tell(f"size of {topic}", text)
        if large:
            self._health.add(counter)
        return large

    def _skips(self, row: StoredMessage) -> bool:
        key = (row.klass, row.id)
        if self._state.pauses.holds(row.topic) or self._state.quarantine.holds(key):
            return True
        return any(
            sent.row is not None and (sent.row.klass, sent.row.id) == key for sent in self._unacked.values()
        )

    def _settle(self, sent: _Sent, code: int, acked: dict[MessageClass, list[int]]) -> None:
        self._acked_to_s = max(self._acked_to_s, sent.at_s)
        self._proven = True
        row, quarantine = sent.row, self._state.quarantine
        if code >= _ERROR:
            if row is None or code in _OF_THE_TOPIC or quarantine.crowded:
                self._pause_topic(sent.topic, f"denied with reason code {code}", "mqtt.denied")
                return
            self._health.add("mqtt.denied")
            if quarantine.refused((row.klass, row.id), time.monotonic()):
                self._give_up(row, f"the broker refuses it with reason code {code}")
        elif row is None:
            self._clear(sent.topic)
        elif (
            code == _NO_SUBSCRIBERS and self._settings.require_subscriber and row.klass is MessageClass.ALARM
        ):
            self._pause_topic(sent.topic, "heard by nobody", "mqtt.unheard_kept")
        else:
            self._health.add("mqtt.unheard" if code == _NO_SUBSCRIBERS else "mqtt.delivered")
            self._state.ack_timeout_s = self._settings.ack_timeout_s
            quarantine.passed((row.klass, row.id))
            self._clear(sent.topic)
            acked[row.klass].append(row.id)

    def _pause_topic(self, topic: str, why: str, counter: str) -> None:
        self._state.pauses.add(topic, time.monotonic())
        self._health.add(counter)
        self._health.tell(f"topic {topic}", why)

    def _clear(self, topic: str) -> None:
        if self._state.pauses.clear(topic):
            self._health.tell(f"topic {topic}", "")
            self._order.rewind()  # others to the topic may have been skipped, and no pause ends for them

    def _give_up(self, row: StoredMessage, reason: str) -> None:
        self._spool.dead_letter(row, reason)
        self._state.quarantine.forget((row.klass, row.id))
        self._health.add("mqtt.dead_letters")
        self._health.tell("dead letters", f"the last one: {reason}")

    def _check_ack_timeout(self) -> None:
        oldest = next(iter(self._unacked.values()), None)
        if oldest is None:
            return
        # On a slow link each of them takes its time: it counts from when one was the next to be acknowledged.
        if time.monotonic() - max(oldest.at_s, self._next_since_s) < self._state.ack_timeout_s:
            return
        if oldest.row is not None and self._acked_to_s > oldest.at_s:
            self._state.quarantine.stalled((oldest.row.klass, oldest.row.id), time.monotonic())
        else:  # perhaps it is only slow: wait longer next time
            longest_s = self._settings.ack_timeout_s * _MAX_TIMEOUT_FACTOR
            self._state.ack_timeout_s = min(2 * self._state.ack_timeout_s, longest_s)
        raise self._link.error(
            "a message was not acknowledged in time",
            "Look at the broker's load and log",
            LinkErrorKind.SILENT,
        )
