"""Drains the spool to the broker: `Publisher`, one thread of its own.

A row leaves the spool when, and only when, the broker has acknowledged it with a reason code below 0x80. What
it has not acknowledged when a connection ends is sent again on the next, so a subscriber may see a message
twice (at most as many as were in flight), and tells by (epoch, seq). The order is the business of `lanes`,
what is left alone for a while that of `setbacks`.

Beside the queue there are things with no past: retained states, of which only the latest counts and which are
published again on every connection, and live telemetry at QoS 0, which goes to the socket at once or is
dropped when too much of it waits.

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
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.retries import Backoff
from edge_runtime.mqtt.session import Outlet, Session
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool import MessageClass, Spool

_LOG: Final = logging.getLogger("edge_runtime")
_TICK_S: Final = 1.0
_EARLY_S: Final = (2.0, 4.0)
_STABLE_S: Final = 30.0
_PEACE_S: Final = 300.0
_SAY_AGAIN_S: Final = 60.0
_STUCK_S: Final = 300.0
"""Longer than any name server keeps us waiting, and no other step of a connection takes nearly as long."""
_UNWANTED: Final = (LinkErrorKind.REFUSED, LinkErrorKind.TAKEN_OVER)
_EVICTIONS: Final = 3
_EVICTED: Final = "It is closed again and again: perhaps another client uses our client id"


class Publisher:
    """The way out. `offer`, `retain` and `wake` may be called from any thread."""

    def __init__(
        self,
        settings: BrokerSettings,
        spool: Spool,
        health: Health,
        availability: str,
        random: Random | None = None,
    ) -> None:
        """Prepare; `availability` is the topic that says whether this device is there, and our last will.

        Raises ConfigError or AccessError for credentials that cannot be used.
        """
        self._settings, self._spool, self._health = settings, spool, health
        self._outlet = Outlet(settings, spool, health, availability)
        self._client_id = settings.client_id or availability.rpartition("/")[0].replace("/", "-")
        self._new_link()
        self._random = random or SystemRandom()
        self._backoff = Backoff(settings.backoff_s, self._random)
        self._refused = Backoff(settings.refused_backoff_s, self._random, least=0.5)
        self._waker, self._wake = socket.socketpair()
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        self._stopping = threading.Event()
        self._stop_by_s = float("inf")
        self._tended_s = float("-inf")
        self._beat_s = time.monotonic()
        self._evictions = 0
        self._said: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self.connected = False
        """Whether the broker has accepted us and not been lost since."""
        if not settings.private:
            health.tell("insecure", "what goes to the broker can be overheard and forged")
        if settings.mqtt != "5":
            _LOG.warning("MQTT 3.1.1: messages that the broker refuses count as delivered and are lost")

    def start(self) -> None:
        """Start the thread; it connects by itself, now or whenever the broker is there."""
        self._spool.on_put = self.wake
        self._thread.start()

    def stop(self) -> None:
        """Send what can be sent within `drain_s`, say offline, disconnect, end the thread."""
        self._stop_by_s = time.monotonic() + self._settings.drain_s
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            # A name server may hold the thread longer than that; it is a daemon and dies with the process.
            self._thread.join(self._settings.drain_s + 3)
        self._spool.on_put = lambda: None
        if not self._thread.is_alive():
            self._waker.close()
            self._wake.close()

    def is_alive(self) -> bool:
        """Whether the thread is doing its work, or has been waiting for the network for minutes at most."""
        return self._thread.is_alive() and time.monotonic() - self._beat_s < _STUCK_S

    def offer(self, topic: str, body: bytes) -> None:
        """Send once at QoS 0, at once or never; when too many wait, the oldest is dropped and counted."""
        if not self._outlet.unqueued.offer(topic, body):
            self._health.add("mqtt.live_dropped")
        self.wake()

    def retain(self, topic: str, body: bytes) -> None:
        """Make this the topic's retained message, now and again on every connection."""
        if not self._outlet.unqueued.retain(topic, body):
            self._health.add("mqtt.states_refused")
        self.wake()

    def wake(self) -> None:
        """There is something to do."""
        # Full: the thread has not noticed yet that it is awake. Closed: it has ended.
        with contextlib.suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")

    def _run(self) -> None:
        while not self._stopping.is_set():
            started_s = time.monotonic()
            try:
                self._connect_and_serve()
            except EdgeError as error:
                self._rest(error, time.monotonic() - started_s)

    def _new_link(self) -> Connection:
        return Connection(self._settings, self._client_id, self._outlet.availability)

    def _connect_and_serve(self) -> None:
        self._beat_s = time.monotonic()
        link = self._new_link()
        try:
            link.open(self._wake, self._stopping.is_set)
            self._serve(Session(link, self._outlet))
        finally:
            link.drop()
            self._note_connection(connected=False)

    def _serve(self, session: Session) -> None:
        self._note_connection(connected=True)
        self._say("")
        try:
            while session.feed() or not self._stopping.is_set():
                session.turn(_TICK_S)
                self._hush()
                self._tend()
                if time.monotonic() > self._stop_by_s:
                    break
            session.goodbye()
        except LinkError as error:
            blamed = session.lost(error)
            # Some brokers do not say that another client has taken over our id; they only close.
            self._evictions = self._evictions + 1 if error.loss is LinkErrorKind.HUNG_UP and not blamed else 0
            if session.delivered or self._outlet.quarantine.hopeful:
                self._backoff.reset()
            raise

    def _rest(self, error: EdgeError, lasted_s: float) -> None:
        self._say(f"{error}. {_EVICTED}" if self._evictions >= _EVICTIONS else str(error))
        self._health.add("mqtt.connections_lost")
        begun_s, newest = time.monotonic(), self._spool.last_id(MessageClass.ALARM)
        wait_s = early_s = self._wait_s(error, lasted_s)
        if isinstance(error, LinkError) and error.loss not in _UNWANTED:
            early_s = min(wait_s, self._random.uniform(*_EARLY_S))
        while not self._stopping.is_set():
            # An alarm that has just been raised is worth an attempt of its own.
            fresh = self._spool.last_id(MessageClass.ALARM) > newest
            left_s = begun_s + (early_s if fresh else wait_s) - time.monotonic()
            if left_s <= 0:
                return
            self._sleep(min(left_s, _TICK_S))
            self._tend()

    def _wait_s(self, error: EdgeError, lasted_s: float) -> float:
        if lasted_s > _PEACE_S:
            self._refused.reset()
        if lasted_s > _STABLE_S:
            self._backoff.reset()
            self._evictions = 0
        unwanted = not isinstance(error, LinkError) or error.loss in _UNWANTED
        return (self._refused if unwanted or self._evictions >= _EVICTIONS else self._backoff).next_s()

    def _sleep(self, timeout_s: float) -> None:
        self._wake.settimeout(timeout_s)
        with contextlib.suppress(TimeoutError, BlockingIOError):
            self._wake.recv(4096)
        self._wake.setblocking(False)

    def _hush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)

    def _tend(self) -> None:
        self._beat_s = time.monotonic()
        if time.monotonic() - self._tended_s >= _TICK_S:
            self._tended_s = time.monotonic()
            self._spool.maintain()
            self._health.tell("spool", self._spool.trouble)
            if (salvaged := self._spool.salvaged) is not None:
                self._health.tell("spool_corrupt", str(salvaged))

    def _note_connection(self, *, connected: bool) -> None:
        self.connected = connected
        self._health.set("mqtt.connected", float(connected))
        if connected:
            self._health.add("mqtt.connections")

    def _say(self, trouble: str) -> None:
        self._health.tell("broker", trouble)
        # A link that flaps must not fill the log: each thing is said once in a while.
        text, now_s = trouble or "connected to the broker", time.monotonic()
        self._said = {said: at_s for said, at_s in self._said.items() if now_s - at_s < _SAY_AGAIN_S}
        if text not in self._said:
            self._said[text] = now_s
            _LOG.log(logging.WARNING if trouble else logging.INFO, "%s", text)
