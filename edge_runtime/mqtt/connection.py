"""One connection to the broker over one paho client: `Connection`. Used by one thread, which waits in it.

paho is given no thread and no queue: `turn` waits for its socket, and a message is only handed over when it
may be in flight. A client is used for one connection and thrown away, so nothing it remembers can be sent
again without our knowledge. `wait_for_publish` and `is_published` are true even for messages the broker
refused, so only the reason code given to `on_publish` counts. Reason codes: MQTT 5.0, section 2.4.
"""

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_runtime.core import printable
from edge_runtime.mqtt.arrivals import Arrivals
from edge_runtime.mqtt.broker_words import KEEPALIVE_TIMEOUT, Terms, read_end, read_refusal, read_terms
from edge_runtime.mqtt.client import new_client
from edge_runtime.mqtt.commands import NOTHING, Wanted
from edge_runtime.mqtt.credentials import Credentials, read_credentials
from edge_runtime.mqtt.flow_control import Pace, queued_bytes
from edge_runtime.mqtt.incoming import UnwantedPacketError
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind, explain
from edge_runtime.mqtt.properties import of_connect, of_publish
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.mqtt.sockets import closes_within, wait_for

_SILENT_KEEPALIVES: Final = 1.8
"""A ping goes out after one keepalive and has most of another to be answered; settings promise two."""
_WAITS_PER_KEEPALIVE: Final = 10
"""Silence is checked for so often, so that it is noticed in time."""
_CONNECT_WAIT_S: Final = 0.5
"""While connecting, `cancelled` is asked this often."""


class Connection:
    """One connection, from CONNECT to its end."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        will_topic: str | None = None,
        *,
        retained_will: bool = True,
        credentials: Credentials | None = None,
        wanted: Wanted = NOTHING,
    ) -> None:
        """Prepare a client; nothing is sent yet. Without `credentials` they are read: raises ConfigError or
        AccessError for them."""
        self.credentials = credentials or read_credentials(settings)
        """What this client identifies itself by."""
        self._settings, self._where = settings, f"{settings.host}:{settings.port}"
        self._client = new_client(
            settings, client_id, will_topic, self.credentials, retained_will=retained_will, wanted=wanted
        )
        self.arrivals = Arrivals(self._client, wanted.births)
        """What comes of subscriptions."""
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._wake: socket.socket | None = None
        self._accepted = False
        self._pace = Pace()
        self._acks: list[tuple[int, int]] = []
        self._end: LinkError | None = None
        self._answers, self._opened_s = 0, 0.0
        self.terms = Terms(settings.in_flight, settings.max_packet_bytes, retain=True)
        """What the broker lets us send."""

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
        ours = of_connect(self._client.incoming.most_bytes) if settings.mqtt == "5" else None
        self._client.received_s = self._opened_s = time.monotonic()
        try:  # a new client starts a clean session by itself
            self._client.connect(settings.host, settings.port, settings.keepalive_s, properties=ours)
        except (OSError, ValueError) as error:
            raise self.error(*explain(error), LinkErrorKind.UNREACHABLE) from error
        deadline_s = time.monotonic() + settings.connect_timeout_s
        while not self._accepted:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or cancelled():
                what, remedy = "no answer to CONNECT", "Check that this is an MQTT port"
                raise self.error(what, remedy, LinkErrorKind.UNREACHABLE)
            self.turn(min(left_s, _CONNECT_WAIT_S))
        self._wake = wake

    def send(
        self,
        topic: str,
        body: bytes,
        *,
        qos: int,
        retain: bool = False,
        expiry_s: int | None = None,
        correlation: bytes = b"",
    ) -> int:
        """Hand a message over and return its packet identifier, which acknowledgements name.

        After `expiry_s` whole seconds the broker is to forget it; `correlation` is the data of the message
        that it answers. MQTT 3.1.1 has no word for either. Raises ValueError for a topic or body that MQTT
        cannot carry.
        """
        terms = of_publish(expiry_s, correlation) if self._settings.mqtt == "5" else None
        while True:
            info = self._client.publish(topic, body, qos, retain and self.terms.retain, terms)
            if info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # the identifier is still in use: take the next
                return info.mid

    def turn(self, timeout_s: float) -> list[tuple[int, int]]:
        """Wait for the socket or a wake-up and transfer bytes.

        Returns (packet identifier, reason code) of what was acknowledged. Raises LinkError when the
        connection is lost or has been silent for too long.
        """
        try:
            self._transfer(timeout_s)
        except UnwantedPacketError as error:
            remedy = "Check that this is an MQTT port, and what the broker sends to clients by itself"
            self._end = self.error(str(error), remedy, error.loss)
            if self._settings.mqtt == "5":  # MQTT 3.1.1 knows no reason: the connection is closed
                with contextlib.suppress(OSError):
                    self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=error.code))
        except Exception as error:  # what a broker can make paho raise ends this connection only
            what = f"the broker sent nonsense ({printable(repr(error))})"
            raise self.error(what, "Check it", LinkErrorKind.CLOSED) from error
        acks, self._acks = self._acks, []
        if acks:
            return acks  # they count even if the connection ended after them
        if self._end is not None:
            raise self._end
        return acks

    def ping(self) -> None:
        """Ask the broker for a sign of life, unless it owes one already."""
        self._client.ping()

    def leave(self, patience_s: float = 0.0) -> bool:
        """Send DISCONNECT, so that the broker does not publish our last will, and close.

        Returns whether the broker closed its side within `patience_s`: a DISCONNECT that is lost on the way
        and sent again could come after the next connection, which would then count as another client.
        """
        sock = self._client.socket()
        other = None if sock is None or not patience_s else socket.socket(fileno=os.dup(sock.fileno()))
        self._client.disconnect()
        self.drop()
        return other is not None and closes_within(other, patience_s)

    def drop(self) -> None:
        """Close without DISCONNECT: the broker publishes our last will."""
        self._client.on_disconnect = None
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _transfer(self, timeout_s: float) -> None:
        sock = self._client.socket()
        if sock is None or self._end is not None:
            self._on_disconnect()
            return
        readable = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        if not readable:  # bytes that are decrypted already would not be seen by poll
            timeout_s = min(timeout_s, self._settings.keepalive_s / _WAITS_PER_KEEPALIVE)
            readable = wait_for(sock.fileno(), self._wake, timeout_s, to_write=not self.writable)
        if readable:
            # paho also calls on_publish when a QoS 0 message is written, whose number may be that of one in
            # flight, and takes longer for the call than for writing: it is set only while paho reads.
            self._client.on_publish = self._on_publish
            try:
                self._client.loop_read()
            finally:
                self._client.on_publish = None
            answers = self._answers + self.arrivals.packets
            self._client.incoming.check_answers(answers, time.monotonic() - self._opened_s)
        if self._client.want_write():
            self._client.loop_write()
        if self._accepted:  # until then `open` has its own time-out
            self._client.loop_misc()
            if self.silent_s > _SILENT_KEEPALIVES * self._settings.keepalive_s:
                self._end = self._silence()

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if (refusal := read_refusal(reason, properties)) is not None:
            self._end = self.error(*refusal)
            return
        self.terms = read_terms(properties, self._settings, session_present=flags.session_present)
        self._accepted = True

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self._answers += 1
        self._acks.append((mid, reason.value))

    def _on_disconnect(self, *arguments: Any) -> None:
        # paho's callback (client, data, flags, reason, properties); without arguments where it has no socket.
        if self._end is not None:  # paho may call twice; the first call has the reason
            return
        reason: ReasonCode | None = arguments[3] if arguments else None
        theirs = reason is not None and arguments[2].is_disconnect_packet_from_server
        code = self._client.incoming.puback_code
        what, remedy, loss = read_end(reason, by_broker=theirs, puback_code=code, accepted=self._accepted)
        if not theirs and reason is not None and reason.value == KEEPALIVE_TIMEOUT:
            self._end = self._silence()
            return
        if not theirs and self._client.failure is not None:
            (what, remedy), loss = explain(self._client.failure), LinkErrorKind.CLOSED
        self._end = self.error(what, remedy, loss)

    def _silence(self) -> LinkError:
        what = f"the broker has been silent for {self.silent_s:.0f} s"
        return self.error(what, "Check the network between here and there", LinkErrorKind.SILENT)

    def error(self, what: str, remedy: str, loss: LinkErrorKind) -> LinkError:
        """An error that names this connection's host and port; not raised here."""
        return LinkError(what, where=self._where, remedy=remedy, loss=loss)
