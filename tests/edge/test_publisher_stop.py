"""A stop: the rest is sent, "offline" is published, and no wait is longer than was set."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from edge_runtime.core.health import Health
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool.queue import MessageClass
from tests.broker import Broker, Subscriber, free_port, needs_mosquitto, until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, events
from tests.faults.alarm_account import AlarmAccount, body_of
from tests.faults.fakebroker import SILENT, FakeBroker
from tests.waiting import in_time, scaled

pytestmark = needs_mosquitto


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


def test_a_clean_stop_sends_the_rest_and_says_offline(
    gateway: Any, subscriber: Subscriber, broker: Broker
) -> None:
    account = AlarmAccount()
    for _ in range(100):
        account.raise_alarm(gateway.spool, EVENT)
    drain_s = min(scaled(30), 3600)  # the longest that may be set
    publisher = gateway.publish(broker.port, drain_s=drain_s)
    until(lambda: publisher.connected)
    begun_s = time.monotonic()
    publisher.stop()
    assert time.monotonic() - begun_s < drain_s * 25 / 30, (
        "it ends when all is sent and not when its time is over"
    )
    assert not publisher.is_alive()
    until(lambda: subscriber.latest("availability") == b"offline")
    account.check(events(subscriber), gateway.spool, duplicates=0)
    assert gateway.spool.figures()["alarm.depth"] == 0
    assert len(events(subscriber)) == 100
    publisher.wake()  # after the end it is only ignored


def test_a_stop_without_a_broker_is_quick_and_keeps_everything(gateway: Any) -> None:
    gateway.spool.put(MessageClass.ALARM, EVENT, body_of("kept"))
    publisher = gateway.publish(free_port())
    time.sleep(0.2)
    begun_s = time.monotonic()
    publisher.stop()
    assert in_time(time.monotonic() - begun_s, 2)
    assert gateway.spool.figures()["alarm.depth"] == 1


def test_a_publisher_that_was_never_started_can_be_stopped(gateway: Any) -> None:
    Publisher(BrokerSettings("127.0.0.1"), gateway.spool, Health(), AVAILABILITY).stop()


def test_a_stop_does_not_wait_for_a_broker_that_answers_nothing(gateway: Any) -> None:
    with FakeBroker(lambda _published: SILENT) as broker:
        gateway.spool.put(MessageClass.ALARM, EVENT, body_of("kept"))
        publisher = gateway.publish(broker.port, drain_s=0.3)
        until(lambda: len(broker.published) >= 2)
        begun_s = time.monotonic()
        publisher.stop()
        assert in_time(time.monotonic() - begun_s, 2.5)
        assert not publisher.is_alive()
        assert [published.body for published in broker.published if published.topic == AVAILABILITY][
            -1
        ] == b"offline"
        until(lambda: broker.disconnects)
    assert gateway.spool.figures()["alarm.depth"] == 1


def connecting(port: int) -> Any:
    """Whether somebody here tries to connect there."""
    found = psutil.Process().net_connections("tcp")
    return any(each.status == psutil.CONN_SYN_SENT and each.raddr.port == port for each in found)


def test_a_stop_does_not_wait_for_a_connection_that_does_not_come_about(gateway: Any) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # the queue is full now: further SYNs are dropped
            publisher = gateway.publish(port, drain_s=0, connect_timeout_s=scaled(6))
            until(lambda: connecting(port), what="an attempt to connect")
            begun_s = time.monotonic()
            publisher.stop()
            assert in_time(time.monotonic() - begun_s, 4)
            assert publisher.is_alive()
            publisher.wake()
    until(lambda: not publisher.is_alive(), 6)
    publisher.stop()
