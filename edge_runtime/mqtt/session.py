"""What is sent over one connection, and what the broker answers: `Session`."""

import time
from collections import defaultdict
from typing import Final

from edge_runtime.messages import OFFLINE, ONLINE, stamp_replayed
from edge_runtime.mqtt.broker_words import ERROR, RETAINS_NOTHING
from edge_runtime.mqtt.command_lane import CommandLane
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.in_flight import InFlight, Sent
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.send_order import SendOrder
from edge_runtime.mqtt.size_limits import packet_bytes
from edge_runtime.mqtt.transfer_lane import TransferLane
from edge_runtime.mqtt.unqueued_sender import UnqueuedSender
from edge_runtime.spool import MessageClass, StoredMessage

_NO_SUBSCRIBERS: Final = 0x10
"""Reason code of a PUBACK: accepted, and nobody subscribes; MQTT 5.0, section 3.4.2.1."""
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


class Session:
    """Sends over one connection what spool and unqueued messages hold; used by the publisher's thread."""

    def __init__(self, link: Connection, state: PublisherState, *, announce: bool = True) -> None:
        """Publish that this device is online, and begin with everything that is stored or retained.

        Without `announce` that was published before, and the broker has it still.
        """
        self._link, self._state, self._settings = link, state, state.settings
        self._spool, self._health = state.spool, state.health
        self._order, self._limits = SendOrder(state.spool, live_first=state.settings.live_first), state.limits
        self._unacked = InFlight()
        self._unqueued = UnqueuedSender(link, state, self._unacked)
        self._commands = CommandLane(link, state, self._unacked)
        self._transfers = TransferLane(link, state, self._unacked)
        self.delivered = 0
        """Stored messages that the broker has acknowledged in this session."""
        self._proven = self._socket_full = False
        self._limits.state(link.terms.stated_bytes)
        self._health.set_trouble("retained", "" if link.terms.retain else f"the broker {RETAINS_NOTHING}")
        self._limits.count_again(time.monotonic())
        self._order.begin()
        self._unqueued.renew()
        if announce:
            self._unqueued.send_availability(ONLINE)
        else:
            self._unqueued.note_online()

    def feed(self) -> bool:
        """Hand over what may be in flight; False when nothing is left to be sent or acknowledged."""
        quarantine, limits, now_s = self._state.quarantine, self._limits, time.monotonic()
        if limits.end(now_s):  # also what is not in the queue may pass now
            self._unqueued.renew()
            if self._unqueued.may_send:
                self._unqueued.send_availability(ONLINE)
            self._rewind()
        allowed = self._state.pauses.end(now_s)
        self._unqueued.renew_topics(allowed)
        if quarantine.end(now_s) | bool(allowed) | limits.stale(now_s):
            self._rewind()
            for klass in MessageClass:  # the spool may have dropped some meanwhile
                quarantine.forget_below(klass, self._spool.first_id(klass))
            self._state.clear_aside()
        rows = states = True
        self._commands.take()
        self._unqueued.answer_births()
        while self._link.has_room and self._commands.send():
            pass
        # In turn: neither keeps the other waiting.
        while (has_room := self._link.has_room) and (rows or states):
            rows, states = rows and self._send_row(), states and self._unqueued.send_change()
        while has_room and self._unqueued.send_again():
            has_room = self._link.has_room
        while has_room and self._transfers.send():
            has_room = self._link.has_room
        self._socket_full = not has_room
        waiting = bool(self._unacked) or self._order.unfinished or not self._unqueued.empty
        return self._socket_full or waiting

    def _rewind(self) -> None:
        self._order.rewind()
        self._limits.count_again(time.monotonic())

    def turn(self, timeout_s: float) -> None:
        """Wait for the broker or a wake-up and settle what was acknowledged. Raises LinkError."""
        acked: dict[MessageClass, list[int]] = defaultdict(list)
        if self._socket_full:
            timeout_s = min(timeout_s, _FULL_WAIT_S)
        elif self._order.unfinished:
            timeout_s = 0
        timeout_s = min(timeout_s, self._transfers.wait_s)
        answers = self._link.turn(timeout_s)
        for sent, code in self._unacked.settle(answers, time.monotonic()):
            self._proven = True
            if sent.is_reply:
                self._commands.settled(code)
            elif sent.is_chunk:
                self._transfers.settled(sent, code)
            else:
                self._settle(sent, code, acked)
        for klass, ids in acked.items():
            self._spool.ack(klass, ids)
            self.delivered += len(ids)
        now_s = time.monotonic()
        if (oldest := self._unacked.overdue(self._state.ack_timeout_s, now_s)) is not None:
            if oldest.key is not None and self._unacked.passed_by(oldest):
                self._state.quarantine.stalled(oldest.key, now_s)
            else:  # perhaps it is only slow: wait longer next time
                longest_s = self._settings.ack_timeout_s * _MAX_TIMEOUT_FACTOR
                self._state.ack_timeout_s = min(2 * self._state.ack_timeout_s, longest_s)
            what, remedy = "a message was not acknowledged in time", "Look at the broker's load and log"
            raise self._link.error(what, remedy, LinkErrorKind.SILENT)
        # A broker may demand a keepalive so long that a dead link would go unnoticed.
        if self._link.silent_s > _QUIET_KEEPALIVES * self._settings.keepalive_s and not self._unacked:
            self._link.ping()

    def leave(self) -> bool:
        """Disconnect without a word, where the next connection follows at once. Raises LinkError.

        Returns whether the broker is known to have noted it: then it does not publish our last will.
        """
        until_s = time.monotonic() + _GOODBYE_S
        while self._unacked and time.monotonic() < until_s:
            self.turn(until_s - time.monotonic())
        return self._link.leave(_GOODBYE_S)

    def end(self) -> None:
        """Publish that this device goes offline, and disconnect. Raises LinkError."""
        until_s = time.monotonic() + _GOODBYE_S
        while not self._unqueued.may_send and time.monotonic() < until_s:
            self.turn(until_s - time.monotonic())
        if (
            not self._unqueued.may_send
        ):  # one more than the broker takes: closing makes it publish the same for us
            return
        self._unqueued.send_availability(OFFLINE)
        while self._unacked and time.monotonic() < until_s:
            self.turn(until_s - time.monotonic())
        self._link.leave()

    def lost(self, error: LinkError) -> bool:
        """Draw conclusions from the end of the connection; True where a message may be its cause."""
        if error.loss is LinkErrorKind.TOO_LARGE:
            if largest := self._unacked.largest_bytes:
                self._limits.refused(largest, time.monotonic())
            return largest > 0
        if error.loss not in (LinkErrorKind.CLOSED, LinkErrorKind.HUNG_UP):
            return False
        rows = self._unacked.rows
        # Where nothing was acknowledged before, the cause need not be the message.
        begun_s = max((sent.at_s for sent in rows.values()), default=0.0) if self._proven else float("-inf")
        waited_s = time.monotonic() - begun_s
        if self._state.quarantine.lost(rows, waited_s, time.monotonic()):
            (sent,) = rows.values()
            self._state.report_aside(sent, f"the broker closes the connection at it: {error.what}")
        return bool(rows)

    def _send_row(self) -> bool:
        most = self._link.terms.in_flight
        room = most - len(self._unacked)
        if self._state.quarantine.one_at_a_time:
            # A suspect is alone, and sent once the connection has shown that it works without it.
            room = most if self._proven and not self._unacked else 0
        if room <= 0:
            return False
        urgent = room <= most // _URGENT_SHARE
        row = self._order.next(self._skips, urgent=urgent)
        if row is None:
            if not (urgent or self._order.unfinished):
                self._limits.report()
            return False
        body = stamp_replayed(row.body, replayed=self._order.is_replayed(row))
        if self._limits.above_own(row):
            limit = self._limits.own_bytes - packet_bytes(row.topic, b"")
            self._give_up(row, f"{len(body)} bytes, and no more than {limit} may be sent")
            return True
        try:
            number = self._link.send(row.topic, body, qos=1)
        except ValueError as error:
            self._give_up(row, f"it cannot be sent: {error}")
        else:
            sent = Sent(time.monotonic(), row.topic, packet_bytes(row.topic, body), row)
            self._unacked.add(number, sent)
        return True

    def _skips(self, row: StoredMessage) -> bool:
        key = (row.klass, row.id)
        if self._state.pauses.holds(row.topic) or self._state.quarantine.holds(key):
            return True
        return self._unacked.holds(key) or self._limits.holds(row)

    def _settle(self, sent: Sent, code: int, acked: dict[MessageClass, list[int]]) -> None:
        if code >= ERROR:
            quarantine = self._state.quarantine
            if sent.key is None or code in _OF_THE_TOPIC or quarantine.crowded:
                self._state.pause_topic(sent.topic, f"denied with reason code {code}", "mqtt.denied")
            else:
                self._health.add("mqtt.denied")
                quarantine.refused(sent.key, time.monotonic())
                self._state.report_aside(sent, f"the broker refuses it with reason code {code}")
            return
        self._limits.passed(sent.size)
        self._state.kept.add(time.monotonic())
        row = sent.row
        if row is None:
            self._state.unqueued.settle(sent.topic)
            self._clear(sent.topic)
        elif (
            code == _NO_SUBSCRIBERS and self._settings.require_subscriber and row.klass is MessageClass.ALARM
        ):
            self._state.pause_topic(sent.topic, "heard by nobody", "mqtt.unheard_kept")
        else:
            self._health.add("mqtt.unheard" if code == _NO_SUBSCRIBERS else "mqtt.delivered")
            self._state.ack_timeout_s = self._settings.ack_timeout_s
            if self._state.quarantine.passed((row.klass, row.id)):
                self._state.clear_aside()
            self._clear(sent.topic)
            acked[row.klass].append(row.id)

    def _clear(self, topic: str) -> None:
        if self._state.clear_topic(topic):
            self._rewind()  # others to the topic may have been skipped, and no pause ends for them

    def _give_up(self, row: StoredMessage, reason: str) -> None:
        self._spool.dead_letter(row, reason)
        self._state.quarantine.forget((row.klass, row.id))
        self._health.add("mqtt.dead_letters")
        self._health.set_trouble("dead letters", f"the last one: {reason}")
