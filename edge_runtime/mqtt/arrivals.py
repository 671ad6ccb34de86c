"""What comes over a connection that was subscribed to: `Arrivals`.

Subscribed to at QoS 0, whatever QoS a sender used towards the broker. Our sessions end with their
connection, so that QoS 1 would promise nothing more; and Mosquitto 2.0.11 counts a message of QoS 1 that it
does not send, since it is above our Maximum Packet Size, as one on its way to us for ever. A single command
of 1 MB would be the last thing that this connection gets.
"""

from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_runtime.mqtt.commands import Command


class Arrivals:
    """Subscriptions of one client and what comes of them; used by the thread that reads for the client."""

    def __init__(self, client: mqtt.Client, births: str = "") -> None:
        """Nothing is subscribed to; what comes to the topic `births` is no command."""
        self._client, self._births = client, births
        client.on_message, client.on_subscribe = self._on_message, self._on_subscribe
        self._commands: list[Command] = []
        self._born: list[bytes] = []
        self._subacks: dict[int, list[int]] = {}
        self.packets = 0
        """Packets that came of subscriptions."""

    def subscribe(self, topics: Sequence[str]) -> int:
        """Ask for these, without what the broker has kept, which MQTT 3.1.1 cannot ask for.

        Returns the packet identifier by which `take_subacks` has the answers.
        """
        if self._client.protocol != MQTTProtocolVersion.MQTTv5:
            return self._client.subscribe([(topic, 0) for topic in topics])[1] or 0
        options = SubscribeOptions(qos=0, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        return self._client.subscribe([(topic, options) for topic in topics])[1] or 0

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Ask for these no longer."""
        self._client.unsubscribe(list(topics))

    def take_commands(self) -> list[Command]:
        """What has arrived, the oldest first."""
        commands, self._commands = self._commands, []
        return commands

    def take_births(self) -> list[bytes]:
        """Bodies of what has arrived on the topic of births."""
        born, self._born = self._born, []
        return born

    def take_subacks(self, asked: int) -> list[int]:
        """Reason codes of that subscription, where it was answered."""
        return self._subacks.pop(asked, [])

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.packets += 1
        if self._births and message.topic == self._births:
            self._born.append(bytes(message.payload))
            return
        given = message.properties
        self._commands.append(
            Command(
                message.topic.rpartition("/")[2],
                bytes(message.payload),
                bool(message.retain),
                getattr(given, "ResponseTopic", ""),
                getattr(given, "CorrelationData", b""),
                getattr(given, "MessageExpiryInterval", None),
            )
        )

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self.packets += 1
        self._subacks[mid] = [reason.value for reason in reasons]
