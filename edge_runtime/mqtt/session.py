"""What is said over one connection, and what came back: `Session`."""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import Health
from edge_runtime.messages import OFFLINE, ONLINE, stamp_replayed
from edge_runtime.mqtt.connection import PACKET_OVERHEAD_BYTES, Connection
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.retries import Pauses, Quarantine
from edge_runtime.mqtt.send_order import Lanes
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.mqtt.unqueued import UnqueuedMessages
from edge_runtime.spool import MessageClass, Spool, StoredMessage

_UNHEARD: Final = 0x10
_REFUSAL: Final = 0x80
_OF_THE_TOPIC: Final = (0x87, 0x97)
"""Not authorised, quota exceeded: other messages to the topic fare no better."""
_GOODBYE_S: Final = 1.0
_CROWDED_S: Final = 0.02
_MAX_PATIENCE: Final = 20


@dataclass(frozen=True, slots=True)
class _Flight:
    """A message handed over and not yet acknowledged: a stored row, or else a retained one."""

    sent_s: float
    topic: str
    row: StoredMessage | None = None


class Outlet:
    """What outlives a session: where messages come from, whom to leave alone, how long to wait."""

    def __init__(self, settings: BrokerSettings, spool: Spool, health: Health, availability: str) -> None:
        """Nothing has gone wrong yet; `availability` is the topic that says whether we are here."""
        self.settings, self.spool, self.health, self.availability = settings, spool, health, availability
        self.unqueued = UnqueuedMessages(settings.state_topics, settings.live_queue)
        self.pauses: Pauses[str] = Pauses(settings.denied_retry_s)
        self.quarantine = Quarantine(settings.denied_retry_s)
        self.ack_timeout_s = settings.ack_timeout_s


class Session:
    """Feeds a connection from spool and unqueued messages; used by the publisher's thread."""

    def __init__(self, link: Connection, outlet: Outlet) -> None:
        """Say that we are here, and begin with everything that is stored or retained."""
        self._link, self._outlet = link, outlet
        self._spool, self._unqueued, self._health = outlet.spool, outlet.unqueued, outlet.health
        self._settings = outlet.settings
        self._lanes = Lanes(outlet.spool, live_first=outlet.settings.live_first)
        self._flights: dict[int, _Flight] = {}
        self._acked_to_s = self._next_since_s = 0.0
        self.delivered = 0
        """Stored messages that the broker has acknowledged in this session."""
        self._proven = self._crowded = False
        self._lanes.begin()
        self._unqueued.renew()
        self._announce(ONLINE)

    def feed(self) -> bool:
        """Hand over what may be in flight; False when nothing is left to be sent or acknowledged."""
        if self._outlet.quarantine.end(time.monotonic()) | bool(self._outlet.pauses.end(time.monotonic())):
            self._lanes.rewind()
            for klass in MessageClass:  # some may have been dropped for want of room meanwhile
                self._outlet.quarantine.begins_at(klass, self._spool.first_id(klass))
        rows = states = True
        while (roomy := self._link.roomy) and (rows or states):  # in turn: neither keeps the other waiting
            rows, states = rows and self._feed_row(), states and self._feed_state()
        while roomy and (message := self._unqueued.take_live()):
            if self._too_large(*message, "mqtt.live_dropped"):
                continue
            self._link.send(*message, qos=0)
            roomy = self._link.roomy
        self._crowded = not roomy
        return self._crowded or bool(self._flights) or self._lanes.unfinished or not self._unqueued.empty

    def turn(self, timeout_s: float) -> None:
        """Wait for the broker or a wake-up and settle what was acknowledged. Raises LinkError."""
        acked: dict[MessageClass, list[int]] = defaultdict(list)
        if self._crowded:  # nothing tells when there is room again
            timeout_s = min(timeout_s, _CROWDED_S)
        elif self._lanes.unfinished:
            timeout_s = 0
        answers = self._link.turn(timeout_s)
        # A number we do not know may be anything: nothing is deleted for it.
        for number, code in filter(lambda answer: answer[0] in self._flights, answers):
            if number == next(iter(self._flights)):
                self._next_since_s = time.monotonic()
            self._settle(self._flights.pop(number), code, acked)
        for klass, ids in acked.items():
            self._spool.ack(klass, ids)
            self.delivered += len(ids)
        self._check_patience()
        self._stay_audible()

    def goodbye(self) -> None:
        """Say that we leave, and leave."""
        self._announce(OFFLINE)
        until_s = time.monotonic() + _GOODBYE_S
        while self._flights and time.monotonic() < until_s:
            self.turn(until_s - time.monotonic())
        self._link.leave()

    def lost(self, error: LinkError) -> bool:
        """The connection is gone: find out whether a message was to blame; False when none can be."""
        if error.loss not in (LinkErrorKind.CLOSED, LinkErrorKind.HUNG_UP):
            return False
        sent = {(f.row.klass, f.row.id): f for f in self._flights.values() if f.row is not None}
        # Where nothing was acknowledged before, the message proves nothing against itself.
        begun_s = max((f.sent_s for f in sent.values()), default=0.0) if self._proven else float("-inf")
        waited_s = time.monotonic() - begun_s
        dead = self._outlet.quarantine.lost(sent, waited_s, time.monotonic())
        if dead is not None and (row := sent[dead].row) is not None:
            self._give_up(row, f"the broker closes the connection at it: {error.what}")
        return bool(sent)

    def _announce(self, presence: bytes) -> None:
        number = self._link.send(self._outlet.availability, presence, qos=1, retain=True)
        self._flights[number] = _Flight(time.monotonic(), self._outlet.availability)

    def _feed_state(self) -> bool:
        busy = {flight.topic for flight in self._flights.values() if flight.row is None}
        while len(self._flights) < self._link.in_flight and (message := self._unqueued.take_state(busy)):
            if self._too_large(*message, "mqtt.states_refused"):
                continue
            topic, body = message
            number = self._link.send(topic, body, qos=1, retain=True)
            self._flights[number] = _Flight(time.monotonic(), topic)
            return True
        return False

    def _feed_row(self) -> bool:
        room = self._room()
        # The last quarter of what may be in flight is kept for alarms that are new.
        row = self._lanes.next(self._skips, urgent=room <= self._link.in_flight // 4) if room > 0 else None
        if row is not None:
            self._send(row)
        return row is not None

    def _limit(self, topic: str) -> int:
        return self._link.max_packet_bytes - PACKET_OVERHEAD_BYTES - len(topic.encode())

    def _too_large(self, topic: str, body: bytes, counter: str) -> bool:
        # The broker would end the connection, again and again: these are sent anew on every one.
        large = len(body) > (limit := self._limit(topic))
        text = f"{len(body)} bytes, and no more than {limit} may be sent" if large else ""
        self._health.tell(f"size of {topic}", text)
        if large:
            self._health.add(counter)
        return large

    def _room(self) -> int:
        if not self._outlet.quarantine.careful:
            return self._link.in_flight - len(self._flights)
        # One suspect at a time, and only once the connection has shown that it works without it.
        return self._link.in_flight if self._proven and not self._flights else 0

    def _skips(self, row: StoredMessage) -> bool:
        key = (row.klass, row.id)
        if self._outlet.pauses.holds(row.topic) or self._outlet.quarantine.holds(key):
            return True
        return any(
            flight.row is not None and (flight.row.klass, flight.row.id) == key
            for flight in self._flights.values()
        )

    def _send(self, row: StoredMessage) -> None:
        body = stamp_replayed(row.body, replayed=self._lanes.is_replayed(row))
        limit = self._limit(row.topic)
        if len(body) > limit:
            self._give_up(row, f"{len(body)} bytes, and no more than {limit} may be sent")
            return
        try:
            number = self._link.send(row.topic, body, qos=1)
        except ValueError as error:
            self._give_up(row, f"it cannot be sent: {error}")
            return
        self._flights[number] = _Flight(time.monotonic(), row.topic, row)

    def _settle(self, flight: _Flight, code: int, acked: dict[MessageClass, list[int]]) -> None:
        self._acked_to_s = max(self._acked_to_s, flight.sent_s)
        self._proven = True
        row = flight.row
        if code >= _REFUSAL:
            self._denied(flight, code)
        elif row is None:
            self._clear(flight.topic)
        elif code == _UNHEARD and self._settings.require_subscriber and row.klass is MessageClass.ALARM:
            self._set_aside(flight.topic, "heard by nobody", "mqtt.unheard_kept")
        else:
            self._health.add("mqtt.unheard" if code == _UNHEARD else "mqtt.delivered")
            self._outlet.ack_timeout_s = self._settings.ack_timeout_s
            self._outlet.quarantine.passed((row.klass, row.id))
            self._clear(flight.topic)
            acked[row.klass].append(row.id)

    def _denied(self, flight: _Flight, code: int) -> None:
        quarantine, row = self._outlet.quarantine, flight.row
        if row is None or code in _OF_THE_TOPIC or quarantine.crowded:
            self._set_aside(flight.topic, f"denied with reason code {code}", "mqtt.denied")
            return
        self._health.add("mqtt.denied")
        if quarantine.refused((row.klass, row.id), time.monotonic()):
            self._give_up(row, f"the broker refuses it with reason code {code}")

    def _set_aside(self, topic: str, why: str, counter: str) -> None:
        self._outlet.pauses.add(topic, time.monotonic())
        self._health.add(counter)
        self._health.tell(f"topic {topic}", why)

    def _clear(self, topic: str) -> None:
        if self._outlet.pauses.clear(topic):
            self._health.tell(f"topic {topic}", "")
            self._lanes.rewind()  # others to the topic may have been passed over, and no pause ends for them

    def _give_up(self, row: StoredMessage, reason: str) -> None:
        self._spool.dead_letter(row, reason)
        self._outlet.quarantine.forget((row.klass, row.id))
        self._health.add("mqtt.dead_letters")
        self._health.tell("dead letters", f"the last one: {reason}")

    def _check_patience(self) -> None:
        oldest = next(iter(self._flights.values()), None)
        if oldest is None:
            return
        # On a slow link each of them takes its time: it counts from when one was the next to be acknowledged.
        if time.monotonic() - max(oldest.sent_s, self._next_since_s) < self._outlet.ack_timeout_s:
            return
        if oldest.row is not None and self._acked_to_s > oldest.sent_s:
            self._outlet.quarantine.stalled((oldest.row.klass, oldest.row.id), time.monotonic())
        else:  # perhaps it is only slow: wait longer next time
            longest_s = self._settings.ack_timeout_s * _MAX_PATIENCE
            self._outlet.ack_timeout_s = min(2 * self._outlet.ack_timeout_s, longest_s)
        raise self._link.error(
            "a message was not acknowledged in time",
            "Look at the broker's load and log",
            LinkErrorKind.SILENT,
        )

    def _stay_audible(self) -> None:
        # A broker may dictate a keepalive so long that a dead link would go unnoticed; then we ask ourselves.
        if self._link.quiet_s > 1.2 * self._settings.keepalive_s and not self._flights:
            self._announce(ONLINE)
