"""Reads what a broker has retained below a topic, before anything is published: `read_back`.

A device with a new memory card finds what its predecessor left. The connection is one of its own, closed
before the publisher's begins: brokers that take the user's name for the client id allow one at a time, and
the publisher's goes on refusing every message. Nothing here is trusted: time and bytes are bounded.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from edge_runtime.messages import OFFLINE
from edge_runtime.mqtt.client import new_client
from edge_runtime.mqtt.credentials import read_credentials
from edge_runtime.mqtt.incoming import IncomingPackets
from edge_runtime.mqtt.settings import BrokerSettings

MAX_BYTES: Final = 4 * 1024 * 1024
"""Read in all: a thousand sensors have retained less."""
QUIET_S: Final = 0.5
"""Nothing in MQTT says that the last retained message has come. So this device's own "offline" is published
after the subscription, which is true: what is retained comes before it. Where it does not come back, since
nothing of ours may be read, so long a silence is the end, or twice what answering the subscription took."""
AFTER_FENCE_S: Final = 0.05
"""Some brokers look for what is retained while they go on with other messages."""
LONGEST_S: Final = 3.0
"""After this long alarms go first, whatever still comes."""
_TURN_S: Final = 0.02
"""Waited for the broker at a time: a twentieth of the quiet that ends the reading back, or less."""
_ERROR: Final = 0x80
"""Reason codes from here are refusals: MQTT 5.0, section 2.4."""


@dataclass(slots=True)
class Retained:
    """What was found."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    """By topic."""
    problem: str = ""
    """Why nothing could be read; empty where the broker let us."""


class _Reader:
    """One connection's callbacks, and what they note."""

    def __init__(self, client: mqtt.Client, below: tuple[str, ...], availability: str) -> None:
        self.found, self._below, self._availability = Retained(), below, availability
        self.subscribed = self.ended = False
        self.heard_s = self._asked_s = time.monotonic()
        self.quiet_s = QUIET_S
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_message, client.on_disconnect = self._on_message, self._on_disconnect

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, *_: Any) -> None:
        if reason.value >= _ERROR:
            self.found.problem, self.ended = f"the broker refuses us: {reason}", True
        else:
            self._asked_s = time.monotonic()
            client.subscribe([(f"{below}#", 0) for below in self._below])

    def _on_subscribe(
        self, client: mqtt.Client, _data: Any, _mid: int, codes: list[ReasonCode], *_: Any
    ) -> None:
        self.subscribed, self.heard_s = True, time.monotonic()
        self.quiet_s = max(QUIET_S, 2 * (self.heard_s - self._asked_s))
        client.publish(self._availability, OFFLINE, qos=0, retain=True)
        if codes and codes[0].value >= _ERROR:
            self.found.problem, self.ended = f"the broker lets us read nothing: {codes[0]}", True

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.heard_s = time.monotonic()
        if message.topic == self._availability and not message.retain:
            self.quiet_s = AFTER_FENCE_S
        elif message.retain and message.topic.startswith(self._below) and message.payload:
            self.found.bodies[message.topic] = bytes(message.payload)

    def _on_disconnect(self, *_: Any) -> None:
        self.ended = True


class _Bounded(IncomingPackets):
    """What a listener may be sent, and no more than MAX_BYTES of it in all."""

    def __init__(self, *, version_5: bool) -> None:
        super().__init__(version_5=version_5, listener_bytes=MAX_BYTES)
        self._bytes = 0

    def feed(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise ConnectionError("the broker sends without end")
        super().feed(data)


def read_back(
    settings: BrokerSettings,
    client_id: str,
    below: tuple[str, ...],
    availability: str,
    cancelled: Callable[[], bool],
) -> Retained | None:
    """What is retained on topics that begin with one of `below`; None where the broker cannot be reached.

    `availability` is this device's own, which is said to be offline on the way. Raises
    ConfigError or AccessError for credentials.
    """
    client = new_client(settings, client_id, None, read_credentials(settings), retained_will=False)
    client.incoming = _Bounded(version_5=settings.mqtt == "5")
    reader = _Reader(client, below, availability)
    try:
        client.connect(settings.host, settings.port, settings.keepalive_s)
    except (OSError, ValueError):
        return None
    deadline_s = time.monotonic() + settings.connect_timeout_s
    try:
        while not (reader.ended or cancelled()) and (now_s := time.monotonic()) < deadline_s:
            if reader.subscribed:
                deadline_s = min(deadline_s, now_s + LONGEST_S)
                if now_s - reader.heard_s > reader.quiet_s:
                    break
            if client.loop(_TURN_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
    except Exception as error:  # noqa: BLE001  what a broker can make paho raise ends this connection only
        reader.found.problem = f"the broker sent nonsense ({type(error).__name__})"
    finally:
        client.on_disconnect = None
        with contextlib.suppress(OSError, ValueError):
            client.disconnect()
    if not (reader.subscribed or reader.found.problem):
        return None
    return reader.found
