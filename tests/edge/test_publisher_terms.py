"""What a broker says to a connection: refused, busy, how much, how long, and why it ends."""

import math
import socket
import time

import pytest

from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.settings import BrokerSettings
from tests.broker import until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, depth, names, put, troubles
from tests.faults.fakebroker import SILENT, FakeBroker
from tests.waiting import scaled


@pytest.fixture
def gateway():
    with Gateway() as gateway:
        yield gateway


def test_says_who_it_is_and_leaves_a_will():
    with Gateway() as gateway, FakeBroker() as broker:
        gateway.publish(broker.port)
        until(lambda: broker.published)
        will = broker.first_packets[0]
        assert b"MQTT\x05" in will
        assert AVAILABILITY.encode() + b"\x00\x07offline" in will
        first = broker.published[0]
        assert (first.topic, first.body, first.retain, first.qos) == (AVAILABILITY, b"online", True, 1)


def test_a_visitor_leaves_no_will():
    """Only the service's end is news."""
    wake, other = socket.socketpair()
    with wake, other, FakeBroker() as broker:
        visit = Connection(BrokerSettings("127.0.0.1", port=broker.port), "visitor")
        visit.open(wake, lambda: False)
        visit.leave()
        connect = until(lambda: broker.first_packets)[0]
    assert b"visitor" in connect
    assert b"offline" not in connect


def test_refused_clients_do_not_hammer(gateway):
    with FakeBroker(connack=b"\x00\x86\x00") as broker:
        put(gateway, "a")
        publisher = gateway.publish(broker.port)
        assert "refuses us" in until(lambda: troubles(publisher).get("broker"))
        put(gateway, "b")
        time.sleep(1.5)
        assert len(broker.connects) == 1, "even a new alarm is no reason to knock again"


def test_a_busy_broker_is_tried_again_soon(gateway):
    with FakeBroker(connack=b"\x00\x89\x00") as broker:
        gateway.publish(broker.port)
        until(lambda: len(broker.connects) >= 3)
        broker.connack = b"\x00\x00\x00"
        put(gateway, "a")
        until(lambda: depth(gateway) == 0)


def test_a_broker_without_acknowledgements_is_refused(gateway):
    with FakeBroker(connack=b"\x00\x00\x02\x24\x00") as broker:
        publisher = gateway.publish(broker.port)
        assert "QoS 0 only" in until(lambda: troubles(publisher).get("broker"))


def test_a_broker_that_retains_nothing(gateway):
    with FakeBroker(connack=b"\x00\x00\x02\x25\x00") as broker:
        gateway.publish(broker.port)
        until(lambda: broker.published)
        assert not broker.published[0].retain


def test_never_more_in_flight_than_the_broker_takes(gateway):
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        broker.connack = b"\x00\x00\x03\x21\x00\x05"
        put(gateway, *(f"a{n}" for n in range(40)))
        gateway.publish(broker.port)
        until(lambda: len(names(broker)) >= 4)
        time.sleep(0.3)
        assert len(names(broker)) <= 5


@pytest.mark.parametrize(
    ("last_words", "text"),
    [
        (b"\xe0\x02\x8e\x00", "taken over"),
        (b"\xe0\x02\x98\x00", "sent us away"),
        (b"\xe0\x02\x8b\x00", "Server shutting down"),
        (b"", "closed"),
    ],
)
def test_names_the_reason_of_an_end(gateway, last_words, text):
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, backoff_s=(20, 20))
        until(lambda: publisher.connected and broker.published)
        broker.kick(last_words)
        assert text in until(lambda: troubles(publisher).get("broker"))


def test_a_keepalive_dictated_by_the_broker_does_not_hide_a_dead_link(gateway):
    with FakeBroker(connack=b"\x00\x00\x03\x13\xff\xff") as broker:  # Server Keep Alive: 18 hours
        keepalive_s = math.ceil(scaled(1))
        publisher = gateway.publish(broker.port, keepalive_s=keepalive_s)
        until(lambda: publisher.connected and broker.published)
        time.sleep(3 * keepalive_s)
        assert publisher.connected, "asks for a sign of life by publishing that it is online"
        assert len(broker.published) >= 2
        broker.on_publish = lambda _published: SILENT
        until(lambda: len(broker.connects) >= 2, 2 * keepalive_s)


def test_a_keepalive_shorter_than_ours_is_kept(gateway):
    with FakeBroker(connack=b"\x00\x00\x03\x13\x00\x01") as broker:
        publisher = gateway.publish(broker.port, keepalive_s=10, backoff_s=(20, 20))
        until(lambda: publisher.connected and broker.published)
        broker.answer_pings = False
        assert "silent" in until(lambda: troubles(publisher).get("broker"))
