"""One connection to the broker over one paho client: `Connection`. Used by one thread, which waits in it.

paho is given no thread and no queue: `turn` waits for its socket, and a message is only handed over when it
may be in flight. A client is used for one connection and thrown away, so nothing it remembers can be sent
again without our knowledge. `wait_for_publish` and `is_published` are true even for messages the broker
refused, so only the reason code given to `on_publish` counts. Reason codes: MQTT 5.0, section 2.4.
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
"""A PUBLISH beside topic and payload takes 10 at most: header 5, lengths 3, identifier 2; MQTT 5.0, 3.3."""
_SILENT_KEEPALIVES: Final = 1.8
"""A ping goes out after one keepalive and has most of another to be answered; settings promise two."""
_WAITS_PER_KEEPALIVE: Final = 10
"""Silence is checked for so often, so that it is noticed in time."""
_CONNECT_WAIT_S: Final = 0.5
"""While connecting, `cancelled` is asked this often."""
_ERROR: Final = 0x80
"""Reason codes from here are refusals."""
_KEEPALIVE_TIMEOUT, _TAKEN_OVER = 0x8D, 0x8E
_TEMPORARY: Final = (0x80, 0x83, 0x88, 0x89, 0x9F)
"""Refusals of a connection that may be over a moment later: unspecified, implementation specific, server
unavailable, server busy, connection rate exceeded."""
_LASTING: Final = (0x87, 0x8C, 0x98, 0x9C, 0x9D)
"""Ends of a connection that will not be over a moment later: not authorized, bad authentication method,
administrative action, use another server, server moved."""
_MOST_IN_FLIGHT: Final = 65535
"""What a broker takes that states no Receive Maximum: MQTT 5.0, section 3.2.2.3.3."""
_LARGEST_PACKET: Final = 2**28
"""What MQTT can express, for a broker that states no Maximum Packet Size: section 3.2.2.3.6."""


class Connection:
    """One connection, from CONNECT to its end."""

    def __init__(self, settings: BrokerSettings, client_id: str, will_topic: str | None = None) -> None:
        """Prepare a client; nothing is sent yet. Raises ConfigError or AccessError for credentials."""
        self._settings, self._where = settings, f"{settings.host}:{settings.port}"
        self._client = new_client(settings, client_id, will_topic)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._wake: socket.socket | None = None
        self._accepted = False
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
    def has_room(self) -> bool:
        """Whether what is handed over now would be sent within about a second."""
        sock, client = self._client.socket(), self._client
        return (
            sock is not None
            and self.writable
            and self._pace.allows(client.sent_bytes, queued_bytes(sock.fileno()), time.monotonic())
        )

    @property
    def silent_s(self) -> float:
        """Seconds since anything was received from the broker."""
        return time.monotonic() - self._client.received_s

    def open(self, wake: socket.socket, cancelled: Callable[[], bool]) -> None:
        """Connect; each step has its own time-out. Raises LinkError.

        `wake` becoming readable ends the waiting of every `turn` after this; reading it is the caller's job.
        """
        settings = self._settings
        self._client.received_s = time.monotonic()
        try:  # a new client starts a clean session by itself
            self._client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError) as error:
            raise self.error(*explain(error), LinkErrorKind.UNREACHABLE) from error
        deadline_s = time.monotonic() + settings.connect_timeout_s
        while not self._accepted:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or cancelled():
                raise self.error(
                    "no answer to CONNECT", "Check that this is an MQTT port", LinkErrorKind.UNREACHABLE
                )
            self.turn(min(left_s, _CONNECT_WAIT_S))
        self._wake = wake

    def send(self, topic: str, body: bytes, *, qos: int, retain: bool = False) -> int:
        """Hand a message over and return its packet identifier, which acknowledgements name.

        Raises ValueError for a topic or body that MQTT cannot carry.
        """
        while True:
            info = self._client.publish(topic, body, qos=qos, retain=retain and self._retain)
            if info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # the identifier is still in use: take the next
                return info.mid

    def turn(self, timeout_s: float) -> list[tuple[int, int]]:
        """Wait for the socket or a wake-up and transfer bytes.

        Returns (packet identifier, reason code) of what was acknowledged. Raises LinkError when the
        connection is lost or has been silent for too long.
        """
        try:
            self._transfer(timeout_s)
        except Exception as error:  # what a broker can make paho raise ends this connection only
            raise self.error(
                f"the broker sent nonsense ({error!r})", "Check it", LinkErrorKind.CLOSED
            ) from error
        acks, self._acks = self._acks, []
        if acks:
            return acks  # they count even if the connection ended after them
        if self._end is not None:
            raise self._end
        if self.silent_s > _SILENT_KEEPALIVES * self._settings.keepalive_s:
            raise self._silence()
        return acks

    def leave(self) -> None:
        """Send DISCONNECT, so that the broker does not publish our last will, and close."""
        self._client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Close without DISCONNECT: the broker publishes our last will."""
        self._client.on_disconnect = None
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _transfer(self, timeout_s: float) -> None:
        sock = self._client.socket()
        if sock is None:
            self._on_disconnect()
            return
        readable = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        if not readable:  # bytes that are decrypted already would not be seen by poll
            file = sock.fileno()
            poller = select.poll()
            poller.register(file, select.POLLIN if self.writable else select.POLLIN | select.POLLOUT)
            if self._wake is not None:
                poller.register(self._wake, select.POLLIN)
            timeout_s = min(timeout_s, self._settings.keepalive_s / _WAITS_PER_KEEPALIVE)
            events = dict(poller.poll(math.ceil(max(timeout_s, 0.0) * 1000)))
            readable = bool(events.get(file, 0) & ~select.POLLOUT)  # the end of the stream included
        if readable:
            # paho also calls on_publish when a QoS 0 message is written, whose number may be that of one in
            # flight, and takes longer for the call than for writing: it is set only while paho reads.
            self._client.on_publish = self._on_publish
            self._client.loop_read()
            self._client.on_publish = None
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.value >= _ERROR:
            loss = LinkErrorKind.UNREACHABLE if reason.value in _TEMPORARY else LinkErrorKind.REFUSED
            remedy = "Check user name, password, certificate and client id against the broker's log"
            self._end = self.error(f"the broker refuses us: {reason}", remedy, loss)
            return
        self._accepted = True
        self.in_flight = min(self.in_flight, getattr(properties, "ReceiveMaximum", _MOST_IN_FLIGHT))
        largest = getattr(properties, "MaximumPacketSize", _LARGEST_PACKET)
        self.max_packet_bytes = min(self.max_packet_bytes, largest)
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

    def _on_disconnect(self, *arguments: Any) -> None:
        # paho's callback (client, data, flags, reason, properties); without arguments where it has no socket.
        if self._end is not None:  # paho may call twice; the first call has the reason
            return
        reason: Any = arguments[3] if arguments else None
        by_broker = reason is not None and arguments[2].is_disconnect_packet_from_server
        what, remedy, loss = (
            "the connection was closed",
            "See the broker's log, or the network between here and there",
            LinkErrorKind.HUNG_UP,
        )
        if by_broker and reason.value == _TAKEN_OVER:
            what, loss = "another client has taken over our client id", LinkErrorKind.TAKEN_OVER
            remedy = "Two programs use this client id; give each device its own"
        elif by_broker and reason.value in _LASTING:
            what, remedy = f"the broker sent us away: {reason}", "Ask whoever runs it"
            loss = LinkErrorKind.REFUSED
        elif by_broker:
            what, remedy = f"the broker ended the connection: {reason}", "See its log"
            loss = LinkErrorKind.CLOSED
        elif reason is not None and reason.value == _KEEPALIVE_TIMEOUT:
            self._end = self._silence()
            return
        elif self._client.failure is not None:
            (what, remedy), loss = explain(self._client.failure), LinkErrorKind.CLOSED
        self._end = self.error(what, remedy, loss)

    def _silence(self) -> LinkError:
        what = f"the broker has been silent for {self.silent_s:.0f} s"
        return self.error(what, "Check the network between here and there", LinkErrorKind.SILENT)

    def error(self, what: str, remedy: str, loss: LinkErrorKind) -> LinkError:
        """An error that names this connection's host and port; not raised here."""
        return LinkError(what, where=self._where, remedy=remedy, loss=loss)
