"""Commands through the shipped access list and the shipped bridge: from the plant's broker and back."""

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.certification.folder import Folder
from edge_runtime.core import Health
from edge_runtime.door import Access, Door, Method, NoParams, Registry
from edge_runtime.gateway.evidence.transfers import Transfers
from edge_runtime.gateway.mqtt_commands import MqttCommands
from edge_runtime.messages import Topics
from edge_runtime.mqtt import BrokerSettings, Publisher
from edge_runtime.spool import Spool
from tests.broker import needs_mosquitto, until
from tests.deploy.mosquitto_site import Client, Gateway, make_plant
from tests.deploy.mosquitto_users import PASSWORD
from tests.edge.remotes import moment

pytestmark = needs_mosquitto
TOPICS = Topics("steadyhum", "plant-1", "pump-7")
DENIED = 0x87


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_plant(tmp_path_factory.mktemp("authority") / "ours")


class Operator(Client):
    """Gives commands at the plant's broker, and keeps the answers with their correlation data."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self.answers: dict[bytes, dict[str, Any]] = {}
        super().__init__(gateway, name, topics=["steadyhum/+/+/reply/#"])

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.answers[message.properties.CorrelationData] = json.loads(message.payload)

    def give(self, number: int) -> int:
        """Give a command; returns the broker's reason code."""
        given = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own
        given.ResponseTopic, given.CorrelationData = f"{TOPICS.replies}page", b"%d" % number
        body = {"v": 1, "device": "plant-1/pump-7", "by": "page", "counter": number}
        data = json.dumps({**body, "sent": moment(time.time())}).encode()
        topic = f"{TOPICS.commands}who"
        mid = self._client.publish(topic, data, qos=1, properties=given).mid
        until(lambda: mid in self.acks, what="the ack")
        return self.acks[mid]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Any]:
    """Starts a device that takes commands at a broker, as the service does."""
    door, quit_, stops = Door(dict), threading.Event(), []
    who = Method("who", Access.CHANGE, "Say who.", NoParams, lambda _p, asker: str(asker), mqtt=True)
    door.work.registry = Registry([who])

    def pump() -> None:
        while not quit_.wait(0.02):
            door.pump()

    thread = threading.Thread(target=pump)
    thread.start()
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)

    def start(gateway: Gateway) -> Publisher:
        spool = Spool.open(tmp_path / "state")
        stops.append(spool.close)
        commands = MqttCommands(door.work, TOPICS, tmp_path / "state", Transfers(TOPICS.evidence))
        settings = BrokerSettings(
            "127.0.0.1",
            gateway.port,
            client_id="pump-7",
            username="pump-7",
            password_file=password,
            backoff_s=(0.1, 0.5),
        )
        publisher = Publisher(
            settings, spool, Health(), TOPICS.availability, random.Random(1), commands=commands
        )
        commands.remote.wake = publisher.wake
        publisher.start()
        stops.append(publisher.stop)
        return publisher

    yield start
    for stop in reversed(stops):
        stop()
    quit_.set()
    thread.join()


def test_through_access_list_and_bridge(authority: Folder, tmp_path: Path, device: Any) -> None:
    """An operator at the plant is answered; a viewer and another device may not even ask."""
    plant = Gateway(tmp_path / "plant", authority).start()
    local = Gateway(tmp_path / "local", authority, bridge_to=plant).start()
    operator, viewer = Operator(plant, "steadyhum-operator"), Operator(plant, "steadyhum-viewer")
    try:
        until(lambda: operator.connected() and viewer.connected())
        publisher = device(local)
        until(lambda: publisher.connected, what="the device at its broker")
        numbers = iter(range(time.time_ns() // 1000, 2**53))

        def answered() -> bytes | None:
            number = next(numbers)
            operator.give(number)
            deadline_s = time.monotonic() + 1
            while time.monotonic() < deadline_s and b"%d" % number not in operator.answers:
                time.sleep(0.02)
            return b"%d" % number if b"%d" % number in operator.answers else None

        correlation = until(answered, what="an answer through the bridge, once it is up")
        assert operator.answers[correlation]["result"] == "page (mqtt)"
        assert operator.answers[correlation]["device"] == "plant-1/pump-7"
        before = len(operator.answers)
        assert viewer.give(next(numbers)) == DENIED
        operator.give(int(correlation))  # the same once more
        until(lambda: len(operator.answers) > before or operator.answers[correlation].get("error"))
        assert operator.answers[correlation]["error"]["code"] == "replayed"
    finally:
        for client in (operator, viewer):
            client.close()
        local.stop()
        plant.stop()
