"""One session with the broker over one paho client: `Connection`. Used by one thread, which does the waiting.

paho is given no thread and no queue: `turn` waits for its socket, and a message is only handed over when it
may be in flight. A client is used for one connection and thrown away, so nothing it remembers can be sent
again behind our back. `wait_for_publish` and `is_published` are true even for messages the broker refused, so
only the reason code given to `on_publish` counts.
"""

import math
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_runtime.mqtt.client import new_client
from edge_runtime.mqtt.flow_control import Pace, queued_bytes
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind, explain
from edge_runtime.mqtt.settings import BrokerSettings

PACKET_OVERHEAD_BYTES: Final = 16
_SILENCE: Final = 1.8
_KEEPALIVE, _TAKEN_OVER = 0x8D, 0x8E
_PASSING: Final = (0x80, 0x83, 0x88, 0x89, 0x9F)
"""Reasons for refusing a connection that may be gone a moment later."""
_BANNED: Final = (0x87, 0x8C, 0x98, 0x9C, 0x9D)
"""Reasons for ending a connection that will not be gone a moment later."""


class Connection:
    """From CONNECT to the end of it."""

    def __init__(self, settings: BrokerSettings, client_id: str, will_topic: str | None = None) -> None:
        """Prepare a client; nothing is sent yet. Raises ConfigError or AccessError for credentials."""
        self._settings, self._where = settings, f"{settings.host}:{settings.port}"
        self._client = new_client(settings, client_id, will_topic)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._wake: socket.socket | None = None
        self._welcomed = False
        self._pace = Pace()
        self._acks: list[tuple[int, int]] = []
        self._end: LinkError | None = None
        self.in_flight = settings.in_flight
        """Messages that may be in flight, the broker's own limit included."""
        self.max_packet_bytes = settings.max_packet_bytes
        """Largest packet that may be sent, the broker's own limit included."""
        self._retain = True

    @property
    def writable(self) -> bool:
        """Whether everything handed over so far has gone to the socket."""
        return not self._client.want_write()

    @property
    def roomy(self) -> bool:
        """Whether what is handed over now would be on its way within about a second."""
        sock, client = self._client.socket(), self._client
        return (
            sock is not None
            and self.writable
            and self._pace.allows(client.sent_bytes, queued_bytes(sock.fileno()), time.monotonic())
        )

    @property
    def quiet_s(self) -> float:
        """Seconds since the broker was heard."""
        return time.monotonic() - self._client.heard_s

    def open(self, wake: socket.socket, cancelled: Callable[[], bool]) -> None:
        """Connect; each step has its own time-out. Raises LinkError.

        `wake` becoming readable ends the waiting of this and of every `turn`; reading it is the caller's.
        """
        self._client.heard_s = time.monotonic()
        self._dial()
        deadline_s = time.monotonic() + self._settings.connect_timeout_s
        while not self._welcomed:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or cancelled():
                raise self.error(
                    "no answer to CONNECT", "Check that this is an MQTT port", LinkErrorKind.UNREACHABLE
                )
            self.turn(min(left_s, 0.5))
        self._wake = wake

    def send(self, topic: str, body: bytes, *, qos: int, retain: bool = False) -> int:
        """Hand a message over and return its number, which acknowledgements name."""
        while True:
            info = self._client.publish(topic, body, qos=qos, retain=retain and self._retain)
            if info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # the number is still in use: take the next
                return info.mid

    def turn(self, timeout_s: float) -> list[tuple[int, int]]:
        """Wait for the socket or a wake-up, move bytes; (number, reason code) of what was acknowledged.

        Raises LinkError when the connection is lost or has been silent for too long.
        """
        try:
            self._move(timeout_s)
        except Exception as error:  # whatever a broker can make paho raise ends this connection and no more
            raise self.error(
                f"the broker sent nonsense ({error!r})", "Check it", LinkErrorKind.CLOSED
            ) from error
        acks, self._acks = self._acks, []
        if acks:
            return acks  # they count even if they were the broker's last words
        if self._end is not None:
            raise self._end
        if self.quiet_s > _SILENCE * self._settings.keepalive_s:
            raise self._silent()
        return acks

    def leave(self) -> None:
        """Say goodbye, so that the broker does not publish our last will."""
        self._client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self._client.on_disconnect = None
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _dial(self) -> None:
        settings = self._settings
        try:  # a new client starts a clean session by itself
            self._client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError) as error:
            what, remedy = explain(error)
            raise self.error(what, remedy, LinkErrorKind.UNREACHABLE) from error

    def _move(self, timeout_s: float) -> None:
        sock = self._client.socket()
        if sock is None:
            self._on_disconnect()
            return
        if (isinstance(sock, ssl.SSLSocket) and sock.pending()) or self._heard(sock.fileno(), timeout_s):
            # paho also tells when a QoS 0 message is written, whose number may be that of one in flight, and
            # takes longer for it than for writing: it is listened to only while it reads.
            self._client.on_publish = self._on_publish
            self._client.loop_read()
            self._client.on_publish = None
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def _heard(self, file: int, timeout_s: float) -> bool:
        """Wait for the broker or a wake-up; whether there is something to read, the end included."""
        poller = select.poll()
        poller.register(file, select.POLLIN if self.writable else select.POLLIN | select.POLLOUT)
        if self._wake is not None:
            poller.register(self._wake, select.POLLIN)
        timeout_s = min(timeout_s, self._settings.keepalive_s / 10)  # silence must not go unnoticed for long
        events = dict(poller.poll(math.ceil(max(timeout_s, 0.0) * 1000)))
        return bool(events.get(file, 0) & ~select.POLLOUT)

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.value >= 0x80:
            loss = LinkErrorKind.UNREACHABLE if reason.value in _PASSING else LinkErrorKind.REFUSED
            remedy = "Check user name, password, certificate and client id against the broker's log"
            self._end = self.error(f"the broker refuses us: {reason}", remedy, loss)
            return
        self._welcomed = True
        self.in_flight = min(self.in_flight, getattr(properties, "ReceiveMaximum", 65535))
        self.max_packet_bytes = min(self.max_packet_bytes, getattr(properties, "MaximumPacketSize", 2**28))
        self._retain = getattr(properties, "RetainAvailable", 1) == 1
        if getattr(properties, "MaximumQoS", 2) < 1:
            self._end = self.error(
                "the broker acknowledges no message (it offers QoS 0 only)",
                "Alarms need QoS 1; use another broker or listener",
                LinkErrorKind.REFUSED,
            )

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self._acks.append((mid, reason.value))

    def _on_disconnect(self, *told: Any) -> None:
        if self._end is None:  # paho may tell twice; the first time knows the reason
            server = bool(told) and told[2].is_disconnect_packet_from_server
            self._end = self._sent_away(told[3]) if server else self._lost(told[3].value if told else 0)

    def _sent_away(self, reason: ReasonCode) -> LinkError:
        if reason.value == _TAKEN_OVER:
            remedy = "Two programs use this client id; give each device its own"
            return self.error("another client has taken over our client id", remedy, LinkErrorKind.TAKEN_OVER)
        if reason.value in _BANNED:
            return self.error(
                f"the broker sent us away: {reason}", "Ask whoever runs it", LinkErrorKind.REFUSED
            )
        return self.error(f"the broker ended the connection: {reason}", "See its log", LinkErrorKind.CLOSED)

    def _lost(self, code: int) -> LinkError:
        if code == _KEEPALIVE:
            return self._silent()
        if self._client.failure is not None:
            return self.error(*explain(self._client.failure), LinkErrorKind.CLOSED)
        remedy = "See the broker's log, or the network between here and there"
        return self.error("the connection was closed", remedy, LinkErrorKind.HUNG_UP)

    def _silent(self) -> LinkError:
        what = f"the broker has been silent for {self.quiet_s:.0f} s"
        return self.error(what, "Check the network between here and there", LinkErrorKind.SILENT)

    def error(self, what: str, remedy: str, loss: LinkErrorKind) -> LinkError:
        """A reason to end this connection."""
        return LinkError(what, where=self._where, remedy=remedy, loss=loss)
