"""Another program's start over a connection: heard, answered, and no flood of them."""

from typing import Any

import pytest

from edge_runtime.core.health import Health
from edge_runtime.mqtt import birth_lane
from edge_runtime.mqtt.commands import Wanted
from edge_runtime.mqtt.incoming import IncomingPackets, UnwantedPacketError
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings
from tests.attack.broker import packet
from tests.broker import Broker, needs_mosquitto, retained_at, until
from tests.edge.gateways import AVAILABILITY, Gateway
from tests.edge.test_service_homeassistant import Onlooker
from tests.faults.fakebroker import FakeBroker
from tests.waiting import scaled

STATUS = "homeassistant/status"
CONNACK = b"\x20\x03\x00\x00\x00"


def published(topic: bytes) -> bytes:
    made: bytes = packet(0x30, len(topic).to_bytes(2) + topic + b"\x00online")
    return made


@pytest.mark.parametrize("commands", ["", "a/b/cmd/"])
def test_only_its_topic_may_come(commands: str) -> None:
    wanted = Wanted(commands, STATUS)
    incoming = IncomingPackets(version_5=True, wanted=wanted)
    for byte in CONNACK + published(STATUS.encode()):
        incoming.feed(bytes([byte]))
    for topic in (b"homeassistant/statu", b"homeassistant/status/x", b"online", b"a/b/cmd/x/y", b"\xff"):
        with pytest.raises(UnwantedPacketError, match="not subscribed"):
            IncomingPackets(version_5=True, wanted=wanted).feed(CONNACK + published(topic))


@needs_mosquitto
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_all_that_is_retained_is_sent_again_once(
    broker: Broker, version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also to a flood, which is then not read for a while."""
    monkeypatch.setattr(birth_lane, "LATEST_S", 0.3)
    monkeypatch.setattr(birth_lane, "AWAY_S", scaled(2.0))
    monkeypatch.setattr(birth_lane, "PERIOD_S", scaled(2.0))
    monkeypatch.setattr(birth_lane, "MOST_IN_PERIOD", 20)
    broker.start()
    health = Health()
    with Gateway() as gateway:
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="gateway", mqtt=version)
        publisher = Publisher(settings, gateway.spool, health, AVAILABILITY, births=STATUS)
        publisher.start()
        try:
            publisher.retain("x/state", b"1")
            until(lambda: retained_at(broker.port, "x/#"), what="the state")
            onlooker = Onlooker(broker.port)
            try:
                for _ in range(25):
                    onlooker.say(STATUS, b"online")
                until(lambda: "x/state" in onlooker.live, what="the state once more")
                until(lambda: "none is read" in health.troubles().get("births", ""), what="the flood")
                until(lambda: "births" not in health.troubles(), what="its being read again")
                answered = health.figures()["mqtt.births"] or 0.0

                def asked_again() -> bool:
                    onlooker.say(STATUS, b"online")
                    return (health.figures()["mqtt.births"] or 0.0) > answered

                until(asked_again, what="an answer after it", poll_s=0.5)
            finally:
                onlooker.close()
            assert publisher.connected
            assert answered < 20
        finally:
            publisher.stop()


def test_a_broker_that_does_not_let_us_read_it_is_named() -> None:
    health = Health()
    with FakeBroker() as broker, Gateway() as gateway:
        broker.suback = 0x87
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="gateway")
        publisher = Publisher(settings, gateway.spool, health, AVAILABILITY, births=STATUS)
        publisher.start()
        try:
            said = until(lambda: health.troubles().get("births"))
            assert STATUS in said
            assert "access list" in said
            assert publisher.connected
        finally:
            publisher.stop()
