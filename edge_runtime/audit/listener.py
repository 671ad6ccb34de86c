"""The connection of `edge-runtime listen`: `Listener`. What it hears goes to the account, line by line.

A broker is no friend here either: packets are checked before paho keeps them, and nothing more is read while
the broker does not take our acknowledgements, so that neither grows.
"""

import contextlib
import select
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_runtime.core import AccessError, BusyError, ConfigError, EdgeError, UnavailableError
from edge_runtime.mqtt import (
    RETAINS_NOTHING,
    UNANSWERED,
    BrokerSettings,
    IncomingPackets,
    UnwantedPacketError,
    explain,
    new_client,
    read_credentials,
)

SESSION_S: Final = 24 * 3600
"""How long the broker keeps what is published while we are disconnected: a day of maintenance."""
MAX_PACKET_BYTES: Final = 2**20
"""What the shipped broker passes on; an event takes some hundred bytes."""
DROPPED_TOPIC: Final = "$SYS/broker/publish/messages/dropped"
"""Where Mosquitto counts what did not fit into the queues of all its subscribers."""
_RETRY_S: Final = 1.0
"""One client, started by hand: it need not spread its attempts."""
_LOOP_S: Final = 0.2
"""An end that is asked for, or a refusal, is noticed within this."""
_ERROR: Final = 0x80
"""Reason codes from here are refusals: MQTT 5.0, section 2.4."""
_TAKEN_OVER, _NO_WILDCARDS = 0x8E, 0xA2
_PACKETS_AT_ONCE: Final = 100
"""Read between two looks at the clock."""

_EVICTIONS, _SHORT_S = 3, 10.0
"""Connections in a row that lasted no longer: a broker that restarts is away for a time between them."""
_OWN_ID: Final = "Give each its own --client-id, or user name where the broker takes that for it"

OnMessage = Callable[[mqtt.MQTTMessage], None]
Say = Callable[[dict[str, object], str], None]


class Listener:
    """Keeps a session at the broker and hands over what comes."""

    def __init__(self, settings: BrokerSettings, topics: str, on_message: OnMessage, say: Say) -> None:
        """Prepare. `say` prints a line: its fields, and its text."""
        self._settings, self._topics, self._say = settings, topics, say
        self._on_message = on_message
        self.where = f"{settings.host}:{settings.port}"
        self._refusal: EdgeError | None = None
        self.accepted = False
        """Whether the broker has ever taken us."""
        self.resumed: bool | None = None
        """Whether it had kept our session when it first took us; None before."""
        self.since_s = time.monotonic()
        """When the present connection began."""
        self._hears_s: float | None = None
        """When the broker first let us hear the topics; None before."""
        self.on_session: Callable[[], None] = lambda: None
        """Called at each connection, before anything is heard."""
        self._filters: dict[int, bool] = {}
        self._evictions = 0
        self._client = client = new_client(
            settings, settings.client_id, None, read_credentials(settings), retained_will=False
        )
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda _client, _data, message: self._on_message(message)

    def run(self, seconds: float, tick: Callable[[], None]) -> None:
        """Take messages for so long from when the broker lets us hear them, for which it has as long.

        Reconnect as often as needed once the first connection was accepted.

        Raises UnavailableError, AccessError, BusyError, ConfigError.
        """
        begun_s = time.monotonic()
        self._connect()
        connected, accept_by_s = True, time.monotonic() + self._settings.connect_timeout_s
        while (left_s := (self._hears_s or begun_s) + seconds - time.monotonic()) > 0:
            if not connected:
                time.sleep(min(_RETRY_S, left_s))
                with suppress(UnavailableError):
                    self._connect()
                    connected = True
                continue
            lost = self._turn() != MQTTErrorCode.MQTT_ERR_SUCCESS
            tick()
            if self._refusal is not None:
                raise self._refusal
            if not self.accepted and lost:
                raise UnavailableError(UNANSWERED[0], where=self.where, remedy=UNANSWERED[1])
            if not self.accepted and time.monotonic() > accept_by_s:
                return  # the account says so
            if lost:
                self._say({"what": "connection lost"}, "connection lost")
                connected = False
                # Mosquitto 2.0 does not say that another client has taken over a session; it only closes.
                self._evictions = self._evictions + 1 if time.monotonic() - self.since_s < _SHORT_S else 0
                if self._evictions >= _EVICTIONS:
                    what = "the broker closes the connection again and again: perhaps another client uses our"
                    what += f" client id {self._settings.client_id!r}"
                    raise BusyError(what, where=self.where, remedy=_OWN_ID)

    def leave(self) -> None:
        """Disconnect, if there is a connection."""
        # paho closes a pair of sockets of its own only when its client is freed, so nothing must hold it.
        client = self._client
        del self._client
        client.on_connect = client.on_subscribe = client.on_message = client.on_disconnect = None
        client.disconnect()
        if (sock := client.socket()) is not None:
            sock.close()

    def _connect(self) -> None:
        make: Any = Properties  # it carries no types
        keep = make(PacketTypes.CONNECT)
        keep.SessionExpiryInterval, keep.MaximumPacketSize = SESSION_S, MAX_PACKET_BYTES
        self._client.incoming = IncomingPackets(version_5=True, listener_bytes=MAX_PACKET_BYTES)
        host, port, keepalive_s = self._settings.host, self._settings.port, self._settings.keepalive_s
        try:
            self._client.connect(host, port, keepalive_s, clean_start=False, properties=keep)
        except (OSError, ValueError) as error:
            what, remedy = explain(error)
            raise UnavailableError(what, where=self.where, remedy=remedy) from error

    def _turn(self) -> MQTTErrorCode:
        client, sock = self._client, self._client.socket()
        if sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        try:
            if client.want_write():  # what is not acknowledged keeps the broker from sending more
                select.select([], [sock], [], _LOOP_S)
                client.loop_write()
            elif (isinstance(sock, ssl.SSLSocket) and sock.pending()) or any(
                select.select([sock], [], [], _LOOP_S)
            ):
                client.loop_read(_PACKETS_AT_ONCE)
            return client.loop_misc()
        except UnwantedPacketError as error:
            remedy = "Check that this is an MQTT broker, and that it is in order"
            with contextlib.suppress(OSError):
                client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=error.code))
            raise UnavailableError(str(error), where=self.where, remedy=remedy) from error
        except (OSError, ValueError):  # the socket was closed meanwhile
            return MQTTErrorCode.MQTT_ERR_CONN_LOST

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.value >= _ERROR:
            remedy = "Check user name, password and certificate"
            self._refusal = AccessError(f"the broker refuses us: {reason}", where=self.where, remedy=remedy)
            return
        self.accepted, self.since_s = True, time.monotonic()
        kept = flags.session_present
        first, self.resumed = self.resumed is None, kept if self.resumed is None else self.resumed
        try:
            self._filters = {client.subscribe(self._topics, options=SubscribeOptions(qos=1))[1] or 0: True}
        except ValueError:
            remedy = "Give levels apart by /, + for any one, # for all the rest"
            shown = repr(self._topics[:80])  # an error message is one line
            self._refusal = ConfigError("no topic filter", where=shown, remedy=remedy)
            return
        self._filters[client.subscribe(DROPPED_TOPIC, options=SubscribeOptions(qos=0))[1] or 0] = False
        text = "session resumed" if kept else "new session"
        if not first and not kept:
            text += ": the broker has dropped ours, with all that it kept for us"
        expiry_s = getattr(properties, "SessionExpiryInterval", SESSION_S)
        if expiry_s < SESSION_S:
            text += f"; the broker keeps it for {expiry_s} s only"
        if not getattr(properties, "RetainAvailable", 1):
            text += f"; the broker {RETAINS_NOTHING}"
        self._say({"what": "connected", "session_present": kept}, f"connected, {text}")
        self.on_session()

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        if not self._filters.get(mid, False):
            return  # Mosquitto's own figures are welcome and not needed
        if any(reason.value >= _ERROR for reason in reasons):
            what = f"the broker does not let us hear {self._topics!r}: {reasons[0]}"
            remedy = "Ask whoever runs the broker for the right to read these topics"
            if reasons[0].value == _NO_WILDCARDS:
                remedy = "Give --topics without + and #; this broker takes no others"
            self._refusal = AccessError(what, where=self.where, remedy=remedy)
            return
        self._hears_s = self._hears_s or time.monotonic()
        text = f"listening to {self._topics}"
        if any(reason.value == 0 for reason in reasons):
            text += ", at QoS 0 only: the broker keeps nothing while we are away"
        self._say({"what": "listening", "topics": self._topics}, text)

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.value == _TAKEN_OVER:
            what = f"another client has taken over our client id {self._settings.client_id!r}"
            self._refusal = BusyError(what, where=self.where, remedy=_OWN_ID)
