"""paho's client as one connection needs it: `new_client`."""

import socket
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_runtime.messages import OFFLINE
from edge_runtime.mqtt.commands import NOTHING, Wanted
from edge_runtime.mqtt.credentials import Credentials
from edge_runtime.mqtt.incoming import IncomingPackets
from edge_runtime.mqtt.settings import BrokerSettings


class Client(mqtt.Client):
    """Notes when bytes arrive, counts those sent and lets none pass that no broker may send to us."""

    received_s = 0.0
    """When bytes last arrived, monotonic seconds."""
    sent_bytes = 0
    """Bytes handed to the socket."""
    failure: OSError | None = None
    """The error that ended reading."""
    incoming: IncomingPackets
    """What has arrived."""

    def ping(self) -> None:
        """Send a PINGREQ now, unless one is not answered yet; paho does so by the broker's keepalive only."""
        if not self._ping_t:
            self._send_pingreq()

    def _sock_send(self, buf: bytes | bytearray) -> int:
        sent = super()._sock_send(buf)
        self.sent_bytes += sent
        return sent

    def _sock_recv(self, bufsize: int) -> bytes:
        try:
            data = super()._sock_recv(bufsize)
        except BlockingIOError:
            raise
        except OSError as error:
            self.failure = error
            raise
        self.received_s = time.monotonic() if data else self.received_s
        self.incoming.feed(data)  # what this raises is no OSError, which paho would take for a lost link
        return data


def new_client(
    settings: BrokerSettings,
    client_id: str,
    will_topic: str | None,
    credentials: Credentials,
    *,
    retained_will: bool,
    wanted: Wanted = NOTHING,
) -> Client:
    """Make a client that is not connected yet, with a last will where there is a topic for it.

    Messages to what is `wanted` may come, and no others.
    """
    version = MQTTProtocolVersion.MQTTv5 if settings.mqtt == "5" else MQTTProtocolVersion.MQTTv311
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, reconnect_on_failure=False
    )
    client.incoming = IncomingPackets(version_5=settings.mqtt == "5", wanted=wanted)
    client.on_socket_open = _no_delay
    client.connect_timeout = settings.connect_timeout_s
    client.max_inflight_messages_set(0)  # no limit: Session has its own, and paho is to queue nothing
    if will_topic is not None:
        client.will_set(will_topic, OFFLINE, qos=1, retain=retained_will)
    if settings.username is not None:
        client.username_pw_set(settings.username, credentials.password)
    if settings.tls is not None:
        client.tls_set_context(credentials.tls)
        if not settings.tls.verify:
            client.tls_insecure_set(True)
    return client


def _no_delay(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    # Nagle's algorithm would hold an alarm back until the one before it is acknowledged.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
