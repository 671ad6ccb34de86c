"""The service and a real broker: discovery is retained, said again at a birth, cleared with what is gone."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_runtime.messages.homeassistant import refusals
from tests.broker import Broker, needs_mosquitto, retained_at, until
from tests.edge.sites import Site, vibration

pytestmark = needs_mosquitto
ON = "[homeassistant]\ndiscovery = true\n"
NODE = "homeassistant/device/plant--gateway"
STATUS = "homeassistant/status"


class Onlooker:
    """Hears all that is published, and may say that it was born."""

    def __init__(self, port: int) -> None:
        self.live: list[str] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._note
        self._client.on_connect = self._subscribe
        self._subscribed: list[object] = []
        self._client.on_subscribe = lambda *seen: self._subscribed.append(seen)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(lambda: self._subscribed, what="the subscription")

    def _subscribe(self, *_: object) -> None:
        self._client.subscribe("#")

    def _note(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if not message.retain:
            self.live.append(message.topic)

    def say(self, topic: str, body: bytes) -> None:
        self._client.publish(topic, body, qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = self._client.on_connect = self._client.on_subscribe = None


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    broker.start()
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text().replace("[evidence]", f"{ON}[evidence]"))
        yield site


@pytest.fixture
def onlooker(broker: Broker) -> Iterator[Onlooker]:
    onlooker = Onlooker(broker.port)
    yield onlooker
    onlooker.close()


def found(broker: Broker) -> dict[str, bytes]:
    return retained_at(broker.port, "homeassistant/#")


def test_off_by_default(tmp_path: Path, broker: Broker) -> None:
    broker.start()
    with Site(tmp_path, broker.port) as site:
        site.start().play(vibration(0.3))
        until(lambda: retained_at(broker.port, "steadyhum/+/+/info"), what="the service being there")
        assert found(broker) == {}


def test_it_is_retained_and_said_again_at_a_birth(site: Any, broker: Broker) -> None:
    site.start().play(vibration(0.3))
    wanted = {f"{NODE}/info/config", f"{NODE}/pump/config"}
    until(lambda: found(broker).keys() == wanted, what="both messages")
    for topic, body in found(broker).items():
        assert refusals(topic, json.loads(body)) == []
    onlooker = Onlooker(broker.port)
    try:
        onlooker.say(STATUS, b"offline")
        onlooker.say("steadyhum/plant/gateway/cmd/alarms.list", b"{}")
        onlooker.say(STATUS, b"online")
        until(lambda: wanted <= set(onlooker.live), 10, "both again")
        until(lambda: "steadyhum/plant/gateway/pump/state" in onlooker.live, what="the states")
    finally:
        onlooker.close()


def test_a_broker_that_has_forgotten_it_is_told_again(site: Any, broker: Broker) -> None:
    site.start().play(vibration(0.3))
    until(lambda: len(found(broker)) == 2, what="both messages")
    broker.stop()
    (broker.folder / "mosquitto.db").unlink()
    broker.start()
    until(lambda: len(found(broker)) == 2, what="both messages")


def test_nothing_is_left_of_what_is_gone(site: Any, broker: Broker) -> None:
    """Of a sensor, also where the memory card was changed meanwhile, and of all when it is turned off."""
    site.start().play(vibration(0.3))
    until(lambda: f"{NODE}/pump/config" in found(broker), what="the message")
    text = site.config.read_text()
    site.stop(signal.SIGKILL)
    shutil.rmtree(site.folder / "state")
    site.config.write_text(text.replace('"pump"', '"fan"'))
    site.start(wait=False)
    until(lambda: found(broker).keys() == {f"{NODE}/info/config", f"{NODE}/fan/config"}, 10, "the other")
    site.config.write_text(site.config.read_text().replace("discovery = true", "discovery = false"))
    site.service.send_signal(signal.SIGHUP)
    until(lambda: found(broker) == {}, 10, "nothing being left")
