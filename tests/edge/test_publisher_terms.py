"""What a broker says to a connection: refused, busy, how much, how long, and why it ends."""

import math
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.settings import BrokerSettings
from tests.broker import Subscriber, needs_mosquitto, until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, depth, names, put, troubles
from tests.faults.fakebroker import SILENT, FakeBroker
from tests.waiting import scaled


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


def test_says_who_it_is_and_leaves_a_will() -> None:
    with Gateway() as gateway, FakeBroker() as broker:
        gateway.publish(broker.port)
        until(lambda: broker.published)
        will = broker.first_packets[0]
        assert b"\x21\x00\x01" in will, "Receive Maximum 1"
        assert b"\x27\x00\x00\x10\x00" in will, "Maximum Packet Size 4096"
        assert b"MQTT\x05" in will
        assert AVAILABILITY.encode() + b"\x00\x07offline" in will
        first = broker.published[0]
        assert (first.topic, first.body, first.retain, first.qos) == (AVAILABILITY, b"online", True, 1)


def test_a_visitor_leaves_no_will() -> None:
    """Only the service's end is news."""
    wake, other = socket.socketpair()
    with wake, other, FakeBroker() as broker:
        visit = Connection(BrokerSettings("127.0.0.1", port=broker.port), "visitor")
        visit.open(wake, lambda: False)
        visit.leave()
        connect = until(lambda: broker.first_packets)[0]
    assert b"visitor" in connect
    assert b"offline" not in connect


def test_identifiers_that_wait_for_their_acknowledgement_are_passed_over() -> None:
    """They begin again after 65535, and the oldest message may still be under way."""
    wake, other = socket.socketpair()
    with wake, other, FakeBroker() as broker:
        broker.on_publish = lambda _published: b""
        link = Connection(BrokerSettings("127.0.0.1", port=broker.port), "me", AVAILABILITY)
        link.open(wake, lambda: False)
        first = link.send("t", b"x", qos=1)
        link._client._last_mid = first - 1  # noqa: SLF001  65535 messages later
        assert link.send("t", b"y", qos=1) == first + 1
        link.drop()


def test_refused_clients_do_not_hammer(gateway: Any) -> None:
    with FakeBroker(connack=b"\x00\x86\x00") as broker:
        put(gateway, "a")
        publisher = gateway.publish(broker.port)
        assert "refuses us" in until(lambda: troubles(publisher).get("broker"))
        put(gateway, "b")
        time.sleep(1.5)
        assert len(broker.connects) == 1, "even a new alarm is no reason to connect again"


def test_a_busy_broker_is_tried_again_soon(gateway: Any) -> None:
    with FakeBroker(connack=b"\x00\x89\x00") as broker:
        gateway.publish(broker.port)
        until(lambda: len(broker.connects) >= 3)
        broker.connack = b"\x00\x00\x00"
        put(gateway, "a")
        until(lambda: depth(gateway) == 0)


def test_a_broker_without_acknowledgements_is_refused(gateway: Any) -> None:
    with FakeBroker(connack=b"\x00\x00\x02\x24\x00") as broker:
        publisher = gateway.publish(broker.port)
        assert "QoS 0 only" in until(lambda: troubles(publisher).get("broker"))


def test_a_broker_that_retains_nothing(gateway: Any) -> None:
    with FakeBroker(connack=b"\x00\x00\x02\x25\x00") as broker:
        publisher = gateway.publish(broker.port)
        until(lambda: broker.published)
        assert not broker.published[0].retain
        assert "keeps no retained messages" in troubles(publisher)["retained"]


def test_a_broker_that_refuses_a_retained_will(gateway: Any) -> None:
    """MQTT 5.0, 3.1.2.7: it must. Each connection asks again, and a second attempt does without."""
    with FakeBroker() as broker:

        def judge(packet: Any) -> Any:
            retained = packet[7] & 0x20
            return b"\x20\x03\x00\x9a\x00" if retained else b"\x20\x05\x00\x00\x02\x25\x00"

        broker.judge_connect = judge
        put(gateway, "a")
        gateway.publish(broker.port)
        until(lambda: depth(gateway) == 0)
        broker.kick()
        until(lambda: len(broker.connects) == 4)
        assert [packet[7] & 0x20 for packet in broker.first_packets] == [0x20, 0, 0x20, 0]


@needs_mosquitto
def test_mosquitto_without_retained_messages_gets_every_alarm(gateway: Any, plain: Any) -> None:
    broker = plain("retain_available false")
    with Subscriber(broker.port) as subscriber:
        put(gateway, "a")
        publisher = gateway.publish(broker.port)
        publisher.retain("steadyhum/site/device/pump/state", b"{}", expiry_s=30)
        until(lambda: depth(gateway) == 0 and len(subscriber.events()) == 1)
        until(lambda: subscriber.latest("state") == b"{}" and subscriber.latest("availability") == b"online")
        assert "keeps no retained messages" in troubles(publisher)["retained"]


def test_never_more_in_flight_than_the_broker_takes(gateway: Any) -> None:
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        broker.connack = b"\x00\x00\x03\x21\x00\x05"
        put(gateway, *(f"a{n}" for n in range(40)))
        gateway.publish(broker.port)
        until(lambda: len(names(broker)) >= 4)
        time.sleep(0.3)
        assert len(names(broker)) <= 5


PROPERTIES = {
    "Session Expiry Interval": b"\x11\xff\xff\xff\xff",
    "Assigned Client Identifier": b"\x12\x00\x05other",
    "Server Keep Alive 1": b"\x13\x00\x01",
    "Server Keep Alive 0": b"\x13\x00\x00",
    "Authentication Method": b"\x15\x00\x01x",
    "Authentication Data": b"\x16\x00\x01x",
    "Response Information": b"\x1a\x00\x01x",
    "Server Reference": b"\x1c\x00\x09elsewhere",
    "Reason String": b"\x1f\x00\x03\x1b[m",
    "Receive Maximum 1": b"\x21\x00\x01",
    "Topic Alias Maximum": b"\x22\xff\xff",
    "Maximum QoS 1": b"\x24\x01",
    "Retain Available 0": b"\x25\x00",
    "User Property": b"\x26\x00\x01a\x00\x01b",
    "Maximum Packet Size": b"\x27\x00\x01\x00\x00",
    "Wildcard Subscription Available": b"\x28\x00",
    "Subscription Identifiers Available": b"\x29\x00",
    "Shared Subscription Available": b"\x2a\x00",
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_that_leaves_us_acknowledgements_stops_no_alarm(gateway: Any, name: Any) -> None:
    with FakeBroker(connack=b"\x00\x00" + bytes([len(PROPERTIES[name])]) + PROPERTIES[name]) as broker:
        put(gateway, "a", "b")
        publisher = gateway.publish(broker.port)
        publisher.retain("t/state", b"{}")
        until(lambda: depth(gateway) == 0 and b"{}" in broker.bodies("state"))
        broker.connack = b"\x00\x00\x00"
        broker.kick()
        until(lambda: len(broker.first_packets) == 2)
        assert broker.first_packets[0] == broker.first_packets[1], "and the next connection is as ever"
        put(gateway, "c")
        until(lambda: depth(gateway) == 0)
        assert len(broker.connects) == 2
        until(lambda: not troubles(publisher))


@pytest.mark.parametrize("limit", [b"\x03\x21\x00\x00", b"\x05\x27\x00\x00\x00\x00"])
def test_limits_of_zero_are_no_terms_and_keep_everything(gateway: Any, limit: bytes) -> None:
    """MQTT 5.0, 3.2.2.3.3 and 3.2.2.3.6: protocol errors, for nothing could be sent."""
    with FakeBroker(connack=b"\x00\x00" + limit) as broker:
        put(gateway, "a")
        publisher = gateway.publish(broker.port)
        assert "cannot be read" in until(lambda: troubles(publisher).get("broker"))
        broker.connack = b"\x00\x00\x00"
        until(lambda: depth(gateway) == 0)


def test_a_session_that_we_have_not_begun_is_left(gateway: Any) -> None:
    with FakeBroker(connack=b"\x01\x00\x00") as broker:
        publisher = gateway.publish(broker.port)
        assert "not begun" in until(lambda: troubles(publisher).get("broker"))
        assert until(lambda: broker.disconnects)[0][:1] == b"\x82"
        assert broker.published == []


def test_3_1_1_goes_on_with_any_session(gateway: Any) -> None:
    with FakeBroker(lambda _published: SILENT, connack=b"\x01\x00") as broker:
        publisher = gateway.publish(broker.port, mqtt="3.1.1")
        until(lambda: publisher.connected)


@pytest.mark.parametrize("code", [0x9C, 0x9D])
def test_another_server_is_not_followed(gateway: Any, code: int) -> None:
    reference = b"\x1c\x00\x0eexample.com:99"
    with FakeBroker(connack=bytes([0, code, len(reference)]) + reference) as broker:
        put(gateway, "a")
        publisher = gateway.publish(broker.port, refused_backoff_s=(0.1, 0.2))
        assert "refuses us" in until(lambda: troubles(publisher).get("broker"))
        until(lambda: len(broker.connects) > 2)
        broker.connack = b"\x00\x00\x00"
        until(lambda: depth(gateway) == 0)


def test_a_stop_takes_no_more_than_the_broker_does(gateway: Any) -> None:
    """Receive Maximum 1, and it is in use: closing makes the broker publish our last will."""
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        broker.connack = b"\x00\x00\x03\x21\x00\x01"
        put(gateway, "a")
        publisher = gateway.publish(broker.port, drain_s=0.2)
        until(lambda: names(broker) == ["a"])
        publisher.stop()
        assert [sent.body for sent in broker.published if sent.topic == AVAILABILITY] == [b"online"]
        assert broker.disconnects == []


@pytest.mark.parametrize(
    ("last_words", "text"),
    [
        (b"\xe0\x02\x8e\x00", "taken over"),
        (b"\xe0\x02\x98\x00", "sent us away"),
        (b"\xe0\x02\x8b\x00", "Server shutting down"),
        (b"", "closed"),
    ],
)
def test_names_the_reason_of_an_end(gateway: Any, last_words: bytes, text: str) -> None:
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, backoff_s=(20, 20))
        until(lambda: publisher.connected and broker.published)
        broker.kick(last_words)
        assert text in until(lambda: troubles(publisher).get("broker"))


def test_a_keepalive_dictated_by_the_broker_does_not_hide_a_dead_link(gateway: Any) -> None:
    with FakeBroker(connack=b"\x00\x00\x03\x13\xff\xff") as broker:  # Server Keep Alive: 18 hours
        keepalive_s = math.ceil(scaled(1))
        publisher = gateway.publish(broker.port, keepalive_s=keepalive_s)
        until(lambda: publisher.connected and broker.published)
        time.sleep(3 * keepalive_s)
        assert publisher.connected, "asks for a sign of life though the broker does not want it"
        assert broker.pings >= 2
        assert sum(sent.qos for sent in broker.published) == 1, "and not by a message that would be kept"
        broker.answer_pings = False
        until(lambda: len(broker.connects) >= 2, 2 * keepalive_s)


def test_a_keepalive_shorter_than_ours_is_kept(gateway: Any) -> None:
    with FakeBroker(connack=b"\x00\x00\x03\x13\x00\x01") as broker:
        publisher = gateway.publish(broker.port, keepalive_s=10, backoff_s=(20, 20))
        until(lambda: publisher.connected and broker.published)
        broker.answer_pings = False
        assert "silent" in until(lambda: troubles(publisher).get("broker"))
