"""The way out against brokers that fall silent, acknowledge falsely or talk nonsense."""

import json
import os
import socket
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool.queue import MessageClass
from tests.broker import until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, counted, depth, names, put, troubles
from tests.faults.fakebroker import CLOSE, SILENT, FakeBroker
from tests.waiting import scaled


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


def test_an_unknown_acknowledgement_deletes_nothing(gateway: Any) -> None:
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        put(gateway, "a", "b")
        gateway.publish(broker.port)
        until(lambda: len(names(broker)) == 2)
        broker.say(b"\x40\x04\x77\x77\x00\x00")
        time.sleep(0.3)
        assert depth(gateway) == 2
        assert len(broker.connects) == 1


def test_what_is_never_acknowledged_is_sent_again_and_stops_nothing(gateway: Any) -> None:
    with FakeBroker(lambda published: SILENT if b'"stuck"' in published.body else 0) as broker:
        put(gateway, "stuck", "behind")
        publisher = gateway.publish(broker.port, ack_timeout_s=0.5, denied_retry_s=(1, 1))
        until(lambda: depth(gateway) == 1)
        put(gateway, "later")
        until(lambda: len(broker.connects) >= 2)
        until(lambda: "later" in names(broker))
        assert counted(publisher, "mqtt.connections_lost") >= 1
        until(lambda: depth(gateway) == 1)
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0, 20)


def test_slow_acknowledgements_get_through_in_the_end(gateway: Any) -> None:
    def slow(published: Any) -> int:
        time.sleep(1.2 if published.topic == EVENT else 0)
        return 0

    with FakeBroker(slow) as broker:
        put(gateway, "a")
        gateway.publish(broker.port, ack_timeout_s=0.5)
        until(lambda: depth(gateway) == 0, 20)
        assert len(broker.connects) <= 4


def test_each_message_in_turn_may_take_its_time(gateway: Any) -> None:
    """A link that needs a second for each of twenty has not been silent for twenty seconds."""

    def slow(published: Any) -> int:
        time.sleep(0.3 if published.topic == EVENT else 0)
        return 0

    with FakeBroker(slow) as broker:
        put(gateway, *"abcdefgh")
        gateway.publish(broker.port, ack_timeout_s=scaled(1.2))
        until(lambda: depth(gateway) == 0, 20)
        assert len(broker.connects) == 1


NONSENSE = {
    "a packet of 256 MiB": b"\x30\xff\xff\xff\x7f" + b"x" * 1000,
    "a length of five bytes": b"\x30\xff\xff\xff\xff\x01",
    "an unknown packet": b"\xf1\x00",
    "a PUBACK without a number": b"\x40\x00",
    "a PUBLISH cut short": b"\x32\x02\x00\x09",
    "a PUBLISH with a topic alias of 0": b"\x30\x08\x00\x00\x03\x23\x00\x00ab",
    "a second CONNACK": b"\x20\x03\x00\x00\x00",
    "a PUBREL": b"\x62\x02\x00\x01",
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a DISCONNECT that means nothing": b"\xe0\x02\x77\x00",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_ends_at_most_the_connection(gateway: Any, what: Any) -> None:
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, ack_timeout_s=1, refused_backoff_s=(0.1, 0.5))
        until(lambda: publisher.connected and broker.published)
        tracemalloc.start()
        broker.say(NONSENSE[what])
        time.sleep(0.1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**22
        put(gateway, "after")
        until(lambda: depth(gateway) == 0)
        assert publisher.is_alive()


@pytest.mark.parametrize("what", [what for what in NONSENSE if "CONNACK" not in what])
def test_nonsense_instead_of_a_welcome(gateway: Any, what: Any) -> None:
    with FakeBroker() as broker:
        broker.on_connect = NONSENSE[what]
        publisher = gateway.publish(broker.port, connect_timeout_s=0.3, refused_backoff_s=(0.1, 0.5))
        until(lambda: len(broker.connects) >= 2)
        broker.on_connect = None
        put(gateway, "after")
        until(lambda: depth(gateway) == 0)
        assert publisher.is_alive()


def test_random_bytes_end_at_most_the_connection(gateway: Any) -> None:
    with FakeBroker() as broker:
        quick = {"backoff_s": (0.01, 0.02), "refused_backoff_s": (0.01, 0.02)}
        publisher = gateway.publish(broker.port, ack_timeout_s=1, **quick)
        for _ in range(60):
            broker.say(os.urandom(200))
            time.sleep(0.01)
        put(gateway, "after")
        until(lambda: depth(gateway) == 0, 20)
        assert publisher.is_alive()


@pytest.mark.parametrize(
    "connect_timeout_s", [0.5, 3.0]
)  # before and after a link that is up would be silent
def test_a_wrong_broker_that_never_answers_connect(gateway: Any, connect_timeout_s: float) -> None:
    with FakeBroker() as broker:
        broker.on_connect = SILENT
        publisher = gateway.publish(broker.port, connect_timeout_s=connect_timeout_s, keepalive_s=1)
        assert "no answer to CONNECT" in until(lambda: troubles(publisher).get("broker"))


def test_a_port_that_ends_plain_mqtt_is_named(gateway: Any) -> None:
    """As one for TLS or for MQTT over WebSocket does."""
    with FakeBroker() as broker:
        broker.on_connect = CLOSE
        publisher = gateway.publish(broker.port)
        said = until(lambda: troubles(publisher).get("broker"))
    assert "closed without an answer to CONNECT" in said
    assert "WebSocket" in said


def test_two_messages_never_share_a_number_in_flight(gateway: Any) -> None:
    """Numbers are 16 bits and shared with live messages; one that waits must not be given again."""
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        put(gateway, "waiting")
        publisher = gateway.publish(broker.port, ack_timeout_s=3600, live_queue=100_000)
        until(lambda: names(broker) == ["waiting"])
        first = broker.published[-1].mid
        for _ in range(65_534):  # then the next number would be the one that waits
            publisher.offer("steadyhum/site/device/pump/score", b"1")
        until(lambda: len(broker.published) >= 65_536, 240)
        assert depth(gateway) == 1, "a live message with the same number acknowledges nothing"
        put(gateway, "next")
        until(lambda: names(broker) == ["waiting", "next"])
        assert broker.published[-1].mid == first + 1
        broker.say(b"\x40\x04" + (first + 1).to_bytes(2, "big") + b"\x00\x00")
        until(lambda: depth(gateway) == 1)
        assert [json.loads(row.body)["id"] for row in gateway.spool.peek(MessageClass.ALARM, 9)] == [
            "waiting"
        ]


def test_whatever_paho_raises_ends_the_connection_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_client: Any) -> None:
        raise ValueError("out of luck")

    ours, theirs = socket.socketpair()
    with FakeBroker() as broker, ours, theirs:
        link = Connection(BrokerSettings("127.0.0.1", port=broker.port), "me", AVAILABILITY)
        link.open(ours, lambda: False)
        monkeypatch.setattr(mqtt.Client, "loop_misc", fail)
        with pytest.raises(LinkError, match="nonsense") as loss:
            link.turn(1)
        assert loss.value.loss is LinkErrorKind.CLOSED
        link.drop()


def test_cancelled_while_it_connects() -> None:
    ours, theirs = socket.socketpair()
    with FakeBroker() as broker, ours, theirs:
        broker.on_connect = SILENT
        link = Connection(BrokerSettings("127.0.0.1", port=broker.port), "me", AVAILABILITY)
        with pytest.raises(LinkError, match="no answer"):
            link.open(ours, lambda: True)
        link.drop()
