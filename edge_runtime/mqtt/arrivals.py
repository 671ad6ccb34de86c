"""What comes over a connection that was subscribed to: `Arrivals`.

Subscribed to at QoS 0, whatever QoS a sender used towards the broker. Our sessions end with their
connection, so that QoS 1 would promise nothing more; and Mosquitto 2.0.11 counts a message of QoS 1 that it
does not send, since it is above our Maximum Packet Size, as one on its way to us for ever. A single command
of 1 MB would be the last thing that this connection gets.
"""

from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_runtime.mqtt.commands import Command


class Arrivals:
    """Subscriptions of one client and what comes of them; used by the thread that reads for the client."""

    def __init__(self, client: mqtt.Client) -> None:
        """Nothing is subscribed to."""
        self._client = client
        client.on_message, client.on_subscribe = self._on_message, self._on_subscribe
        self._commands: list[Command] = []
        self._subacks: list[int] = []
        self.packets = 0
        """Packets that came of subscriptions."""

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for these, without what the broker has kept; `take_subacks` has the answers."""
        options = SubscribeOptions(qos=0, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        self._client.subscribe([(topic, options) for topic in topics])

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Ask for these no longer."""
        self._client.unsubscribe(list(topics))

    def take_commands(self) -> list[Command]:
        """What has arrived, the oldest first."""
        commands, self._commands = self._commands, []
        return commands

    def take_subacks(self) -> list[int]:
        """Reason codes of subscriptions that were answered."""
        codes, self._subacks = self._subacks, []
        return codes

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.packets += 1
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
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self.packets += 1
        self._subacks += [reason.value for reason in reasons]
