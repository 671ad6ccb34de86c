"""Two clients of paho's own at both ends of the same brokers: what a message takes that is not ours."""

import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.broker import until


class Peer:
    """Sends a message, and says how long it took to the other end."""

    def __init__(self, near_port: int, far_port: int, topic: str) -> None:
        """A topic that a bridge on the way passes on, and that no device here publishes to."""
        self._topic, self._sent_s, self._came_s = topic, 0.0, 0.0
        self._subscribed = False
        self._near, self._far = (mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5) for _ in "12")
        self._far.on_connect, self._far.on_subscribe = self._on_connect, self._on_subscribe
        self._far.on_message = self._on_message
        for client, port in ((self._near, near_port), (self._far, far_port)):
            client.reconnect_delay_set(1, 1)
            client.connect("127.0.0.1", port)
            client.loop_start()

    def _on_connect(self, *_: object) -> None:
        self._subscribed = False
        self._far.subscribe(self._topic, qos=1)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, *_: object) -> None:
        self._came_s = time.monotonic()

    def send(self) -> None:
        """Send one, once both ends are connected."""
        until(
            lambda: self._near.is_connected() and self._far.is_connected() and self._subscribed,
            what="the peer's connections",
        )
        self._came_s, self._sent_s = 0.0, time.monotonic()
        self._near.publish(self._topic, b"{}", qos=1)

    def took_s(self) -> float:
        """Seconds that the last one took, to the callback of the client at the other end."""
        until(lambda: self._came_s, what="the peer's message")
        return self._came_s - self._sent_s

    def close(self) -> None:
        """Disconnect, and end the threads."""
        for client in (self._near, self._far):
            client.disconnect()
            client.loop_stop()
            # paho closes a pair of sockets of its own only when its client is freed, so nothing must hold it.
            client.on_connect = client.on_subscribe = client.on_message = None
