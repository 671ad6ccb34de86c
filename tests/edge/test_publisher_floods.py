"""Brokers that flood us, each for a moment; `python -m tests.attack.broker` measures the service."""

import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.attack.broker import ATTACKS, flood
from tests.broker import until
from tests.edge.gateways import Gateway, counted, depth, put, troubles
from tests.faults.fakebroker import SILENT, FakeBroker

MOST_BYTES = 4 * 2**20
"""Of everything in this process, the attacking broker's own chunks included."""
UNWANTED = ("QoS 2, 60 kB each", "AUTHs", "PUBACKs", "PUBRELs", "a PUBACK of 256 MiB")


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


@pytest.mark.parametrize("name", ATTACKS)
def test_a_flood_takes_no_memory_and_destroys_nothing(gateway: Any, name: Any) -> None:
    with FakeBroker() as broker:
        broker.flood = flood(name)
        put(gateway, "before")
        tracemalloc.start()
        publisher = gateway.publish(broker.port, refused_backoff_s=(0.05, 0.05), ack_timeout_s=1)
        time.sleep(0.7)
        put(gateway, "meanwhile")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MOST_BYTES
        broker.flood = None
        broker.kick()
        until(lambda: depth(gateway) == 0)
        assert gateway.spool.dead_letters() == []
        assert publisher.is_alive()


@pytest.mark.parametrize("name", UNWANTED)
def test_unwanted_packets_end_the_connection_with_a_reason_and_a_long_wait(gateway: Any, name: Any) -> None:
    with FakeBroker() as broker:
        broker.flood = flood(name)
        publisher = gateway.publish(broker.port)
        said = until(lambda: troubles(publisher).get("broker"))
        assert "the broker sen" in said
        put(gateway, "a")
        time.sleep(1)
        assert len(broker.connects) == 1, "as after a refusal"
        assert counted(publisher, "mqtt.violations") == 1


def test_a_reason_is_given_where_mqtt_has_one(gateway: Any) -> None:
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port)
        until(lambda: publisher.connected and broker.published)
        broker.say(b"\x30\x05\x00\x01t\x00x")
        assert until(lambda: broker.disconnects)[0][:1] == b"\x82"


def test_3_1_1_closes_without_a_reason(gateway: Any) -> None:
    with FakeBroker(lambda _published: SILENT, connack=b"\x00\x00") as broker:
        publisher = gateway.publish(broker.port, mqtt="3.1.1", ack_timeout_s=60)
        until(lambda: publisher.connected)
        broker.say(b"\x30\x04\x00\x01tx")
        until(lambda: not publisher.connected)
        assert "subscribed to none" in until(lambda: troubles(publisher).get("broker"))
        assert broker.disconnects == []


def test_acknowledgements_count_though_nonsense_follows_them(gateway: Any) -> None:
    ack_and_publish = b"\x30\x05\x00\x01t\x00x"

    def acknowledge(published: Any) -> Any:
        return b"\x40\x02" + published.mid.to_bytes(2, "big") + ack_and_publish

    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port)
        until(lambda: publisher.connected and broker.published)
        broker.on_publish = acknowledge
        put(gateway, "a")
        until(lambda: depth(gateway) == 0)
        assert "subscribed to none" in until(lambda: troubles(publisher).get("broker"))
