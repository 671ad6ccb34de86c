"""What is not stored: states that are retained, and telemetry that is sent at once or not at all."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import Gateway, counted
from tests.waiting import in_time

pytestmark = needs_mosquitto


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


def test_states_are_retained_and_published_again(
    gateway: Any, subscriber: Subscriber, broker: Broker
) -> None:
    publisher = gateway.publish(broker.port)
    publisher.retain("steadyhum/site/device/pump/state", b"1")
    publisher.retain("steadyhum/site/device/pump/state", b"2")
    until(lambda: subscriber.latest("state") == b"2")
    with Subscriber(broker.port, "late") as late:
        until(lambda: late.latest("state") == b"2" and late.latest("availability") == b"online")
    broker.stop()
    publisher.retain("steadyhum/site/device/pump/state", b"3")
    (broker.folder / "mosquitto.db").unlink()
    broker.start()
    until(lambda: subscriber.latest("state") == b"3")
    assert counted(publisher, "mqtt.connections") == 2


def test_too_many_states_are_refused_and_counted(gateway: Any, broker: Broker) -> None:
    broker.start()
    publisher = gateway.publish(broker.port, state_topics=2)
    for n in range(4):
        publisher.retain(f"steadyhum/site/device/pump{n}/state", b"x")
    assert counted(publisher, "mqtt.states_refused") == 2


def is_latest(subscriber: Subscriber, score: bytes) -> bool:
    return subscriber.latest("score") == score


def test_live_telemetry_is_sent_at_once(gateway: Any, subscriber: Subscriber, broker: Broker) -> None:
    publisher = gateway.publish(broker.port)
    until(lambda: publisher.connected)
    delays_s = []
    for n in range(50):
        begun_s = time.monotonic()
        publisher.offer("steadyhum/site/device/pump/score", str(n).encode())
        until(partial(is_latest, subscriber, str(n).encode()), poll_s=0.0005)
        delays_s.append(time.monotonic() - begun_s)
    print(
        f"offered to received: median {sorted(delays_s)[25] * 1e3:.1f} ms, worst {max(delays_s) * 1e3:.1f} ms"
    )
    assert in_time(sorted(delays_s)[25], 0.1), "no poll interval lies in between"


def test_live_telemetry_waits_bounded_and_the_oldest_goes(gateway: Any, broker: Broker) -> None:
    publisher = gateway.publish(broker.port, live_queue=10)
    for n in range(25):
        publisher.offer("steadyhum/site/device/pump/score", str(n).encode())
    assert counted(publisher, "mqtt.live_dropped") == 15
    broker.start()
    with Subscriber(broker.port) as subscriber:
        publisher.offer("steadyhum/site/device/pump/score", b"last")
        until(lambda: subscriber.latest("score") == b"last")
