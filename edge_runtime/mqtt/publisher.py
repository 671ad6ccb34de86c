"""Sends what the spool holds to the broker: `Publisher`, one thread of its own.

A row leaves the spool when, and only when, the broker has acknowledged it with a reason code below 0x80. What
it has not acknowledged when a connection ends is sent again on the next, so a subscriber may see a message
twice (at most as many as were in flight), and (epoch, seq) shows it. `send_order` has the order, `retries`
what is not sent for a while.

Beside the queue there are messages that are not stored: retained states, of which only the latest counts and
which are published again on every connection, and live telemetry at QoS 0, which goes to the socket at once
or is dropped when too much of it waits.

Under MQTT 3.1.1 a broker acknowledges what it refuses, so refused messages are lost there and nothing can be
done about it: sites choose it only when they must.
"""

import contextlib
import logging
import socket
import threading
import time
from random import Random, SystemRandom
from typing import Final

from edge_runtime.core import EdgeError, Health
from edge_runtime.mqtt.attempts import Attempts
from edge_runtime.mqtt.changeover import Changeover
from edge_runtime.mqtt.commands import CommandHandler
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.credentials import Credentials
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.read_back import Retained, read_back
from edge_runtime.mqtt.session import Session
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.mqtt.unqueued import NEVER_S, LiveMessage, State
from edge_runtime.mqtt.upkeep import TICK_S, Upkeep
from edge_runtime.spool import MessageClass, Spool

_LOG: Final = logging.getLogger("edge_runtime")
_STUCK_S: Final = 300.0
"""Longer than any name server keeps us waiting, and no other step of a connection takes nearly as long."""
_STOP_MARGIN_S: Final = 3.0
"""Given to the thread's end after `drain_s`: "offline" takes up to one second, and a turn another."""
_WAKE_UPS: Final = 4096
"""Bytes, one for each wake-up, that are read at a time: all there can be in practice."""


class Publisher:
    """Keeps a connection and sends; `offer`, `retain` and `wake` may be called from any thread."""

    def __init__(
        self,
        settings: BrokerSettings,
        spool: Spool,
        health: Health,
        availability: str,
        random: Random | None = None,
        *,
        read_below: str | tuple[str, ...] = (),
        commands: CommandHandler | None = None,
        births: str = "",
    ) -> None:
        """Prepare; `availability` is the topic that says whether this device is there, and our last will.

        What is retained on topics that begin with `read_below` is read before the first connection. Where
        there are `commands` they are subscribed to, and answered; at each `online` on the topic `births`
        all that is retained is sent again. Raises ConfigError or AccessError for unusable credentials.
        """
        self._spool, self._health = spool, health
        self._state = PublisherState(settings, spool, health, availability, commands, births=births)
        self._upkeep = Upkeep(spool, health, self._state)
        self._random = random or SystemRandom()
        self._use(settings)
        self._new_link(settings)
        self._changeover = Changeover()
        self._waker, self._wake = socket.socketpair()
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        self._stopping = threading.Event()
        self._stop_by_s, self._alive_s = float("inf"), time.monotonic()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._read_below = (read_below,) if isinstance(read_below, str) else read_below
        self.retained: Retained | None = None
        """What was found to be retained; None while that has not been looked for."""
        self.connected = False
        """Whether the broker has accepted us and not been lost since."""

    def start(self) -> None:
        """Start the thread; it connects by itself, now or as soon as the broker can be reached."""
        self._spool.on_put = self.wake
        self._thread.start()

    def stop(self) -> None:
        """Send what can be sent within `drain_s`, publish "offline", disconnect, end the thread."""
        self._stop_by_s = time.monotonic() + self._settings.drain_s
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            # A name server may hold the thread longer than that; it is a daemon and dies with the process.
            self._thread.join(self._settings.drain_s + _STOP_MARGIN_S)
        self._spool.on_put = lambda: None
        if not self._thread.is_alive():
            self._waker.close()
            self._wake.close()

    def follow(self, settings: BrokerSettings) -> None:
        """Connect again with other settings; all that waits to be sent stays. `changeover` has what others
        hear of it."""
        self._changeover.want(settings)
        self.wake()

    def is_alive(self) -> bool:
        """Whether the thread is doing its work, or has been waiting for the network for minutes at most."""
        return self._thread.is_alive() and time.monotonic() - self._alive_s < _STUCK_S

    def offer(self, topic: str, body: bytes, expiry_s: int | None = None) -> None:
        """Send once at QoS 0 or drop it; when too many wait, the oldest is dropped and counted."""
        if not self._state.unqueued.offer(LiveMessage(topic, body, expiry_s)):
            self._health.add("mqtt.live_dropped")
        self.wake()

    def retain(
        self, topic: str, body: bytes, *, refresh: bool = False, expiry_s: float | None = None
    ) -> None:
        """Make this the topic's retained message, now and again on every connection.

        `refresh` says that subscribers know it already: at QoS 0, behind every alarm, it waits in
        nobody's queue. After `expiry_s` seconds without another it is out of date: it is not sent any more,
        and under MQTT 5 the broker forgets it; None for a message that holds until the next.
        """
        until_s = NEVER_S if expiry_s is None else time.monotonic() + expiry_s
        if not self._state.unqueued.retain(State(topic, body, until_s), refresh=refresh):
            self._health.add("mqtt.states_refused")
        self.wake()

    def take_cleared(self) -> frozenset[str]:
        """Topics that were to be emptied and that the broker has confirmed to be, since the last call."""
        return self._state.unqueued.take_cleared()

    def wake(self) -> None:
        """Let the thread look for something to send."""
        # Full: the thread has not read earlier wake-ups yet. Closed: it has ended.
        with contextlib.suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")

    def _use(self, settings: BrokerSettings) -> None:
        self._settings, self._retained_will = settings, True
        topic = self._state.availability
        self._client_id = settings.client_id or topic.rpartition("/")[0].replace("/", "-")
        self._attempts = Attempts(settings, self._random)
        self._upkeep.warn(settings)

    def _new_link(self, settings: BrokerSettings, credentials: Credentials | None = None) -> Connection:
        topic = self._state.availability
        return Connection(
            settings,
            settings.client_id or topic.rpartition("/")[0].replace("/", "-"),
            topic,
            retained_will=self._retained_will,
            credentials=credentials,
            wanted=self._state.wanted,
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            if (settings := self._changeover.take()) is not None:
                self._use(settings)
                self._state.follow(settings)
            started_s = self._alive_s = time.monotonic()
            try:
                self._read_back()
                link = self._new_link(self._settings)
                try:
                    link.open(self._wake, self._stopping.is_set)
                    session = Session(link, self._state, announce=not self._changeover.left_online)
                    self._changeover.left_online = None
                    self._serve(session, link)
                finally:
                    link.drop()
                    self._note_connection(connected=False)
            except EdgeError as error:
                refused = isinstance(error, LinkError) and error.loss is LinkErrorKind.RETAINS_NOTHING
                self._retained_will = not refused
                self._retract()
                self._wait_to_reconnect(error, time.monotonic() - started_s)
        self._retract()

    def _retract(self) -> None:
        self._changeover.retract(
            self._new_link, self._state, self._wake, lambda: time.monotonic() > self._stop_by_s
        )

    def _read_back(self) -> None:
        if not self._read_below or self.retained is not None:
            return
        availability, stopping = self._state.availability, self._stopping.is_set
        found = read_back(self._settings, self._client_id, self._read_below, availability, stopping)
        if found is not None:
            self.retained = found
            if found.problem:
                _LOG.info("what is retained at the broker is not known: %s", found.problem)

    def _serve(self, session: Session, link: Connection) -> None:
        self._note_connection(connected=True)
        if self.retained is None:  # a broker that lets us in has had its chance
            self.retained = Retained(problem="there was no answer")
        notes = link.terms.notes
        self._upkeep.report("connected", "", f", which {' and '.join(notes)}" if notes else "")
        try:
            while not self._changeover.due and (session.feed() or not self._stopping.is_set()):
                session.turn(TICK_S)
                with contextlib.suppress(BlockingIOError):
                    self._wake.recv(_WAKE_UPS)
                self._maintain()
                if time.monotonic() > self._stop_by_s:
                    break
            if self._stopping.is_set():
                session.end()
            else:
                self._changeover.end(session, self._settings, link.credentials)
        except LinkError as error:
            may_be_cause = session.lost(error)
            progress = session.delivered > 0 or self._state.quarantine.quick_retry
            self._attempts.lost(error, message_may_be_cause=may_be_cause, progress=progress)
            raise

    def _wait_to_reconnect(self, error: EdgeError, lasted_s: float) -> None:
        self._upkeep.note_loss(error, self._attempts.words(error))
        begun_s, newest = time.monotonic(), self._spool.last_id(MessageClass.ALARM)
        wait_s, early_s = self._attempts.waits_s(error, lasted_s)
        while not (self._stopping.is_set() or self._changeover.due):
            # An alarm that has just been raised is worth an attempt of its own.
            fresh = self._spool.last_id(MessageClass.ALARM) > newest
            left_s = begun_s + (early_s if fresh else wait_s) - time.monotonic()
            if left_s <= 0:
                return
            self._wake.settimeout(min(left_s, TICK_S))
            with contextlib.suppress(TimeoutError, BlockingIOError):
                self._wake.recv(_WAKE_UPS)
            self._wake.setblocking(False)
            self._maintain()

    def _maintain(self) -> None:
        self._alive_s = time.monotonic()
        self._upkeep.maintain(self._alive_s)

    def _note_connection(self, *, connected: bool) -> None:
        self.connected = connected
        self._upkeep.note_connection(connected=connected)
