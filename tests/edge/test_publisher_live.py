"""What is not stored: states that are retained, and telemetry that is sent at once or not at all."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from edge_runtime.mqtt.unqueued import State, UnqueuedMessages
from tests.bridged import both_ways
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import Gateway, counted, troubles
from tests.faults.fakebroker import SILENT, FakeBroker, Published
from tests.waiting import in_time

pytestmark = needs_mosquitto
STATE = "steadyhum/site/device/pump/state"


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


@both_ways()
def test_states_are_retained_and_published_again(
    gateway: Any, subscriber: Subscriber, broker: Broker
) -> None:
    publisher = gateway.publish(broker.port)
    publisher.retain("steadyhum/site/device/pump/state", b"1")
    publisher.retain("steadyhum/site/device/pump/state", b"2")
    until(lambda: subscriber.latest("state") == b"2")
    with Subscriber(broker.far_port, "late") as late:
        until(lambda: late.latest("state") == b"2" and late.latest("availability") == b"online")
    broker.stop()
    publisher.retain("steadyhum/site/device/pump/state", b"3")
    (broker.folder / "mosquitto.db").unlink()
    broker.start()
    until(lambda: subscriber.latest("state") == b"3")
    assert counted(publisher, "mqtt.connections") == 2


def states(broker: FakeBroker) -> list[Published]:
    """The states that a fake broker was sent."""
    return [sent for sent in broker.published if sent.topic.endswith("/state")]


def test_a_refresh_waits_in_nobodys_queue(gateway: Any) -> None:
    """QoS 0: a broker keeps nothing of it for a subscriber that is away."""
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port)
        publisher.retain(STATE, b"1")
        until(lambda: states(broker))
        publisher.retain(STATE, b"2", refresh=True)
        until(lambda: len(states(broker)) == 2)
        publisher.retain(STATE, b"3")
        until(lambda: len(states(broker)) == 3)
        publisher.retain(STATE, b"")
        until(lambda: len(states(broker)) == 4)
        seen = [(sent.body, sent.qos, sent.retain) for sent in states(broker)]
        assert seen == [(b"1", 1, True), (b"2", 0, True), (b"3", 0, True), (b"", 1, True)]


def test_a_kind_of_state_that_is_denied_asks_after_a_pause_only(gateway: Any) -> None:
    with FakeBroker(lambda published: 0x87 if published.topic == STATE else 0) as broker:
        publisher = gateway.publish(broker.port, denied_retry_s=(600, 600))
        publisher.retain(STATE, b"1")
        until(lambda: f"topic {STATE}" in troubles(publisher))
        publisher.retain(STATE, b"2", refresh=True)
        until(lambda: len(states(broker)) == 2)
        assert [sent.qos for sent in states(broker)] == [1, 0]


def test_a_denied_state_that_nobody_says_again_is_tried_again(gateway: Any) -> None:
    with FakeBroker(lambda published: 0x87 if published.topic == STATE else 0) as broker:
        publisher = gateway.publish(broker.port, denied_retry_s=(0.3, 0.3))
        publisher.retain(STATE, b"1")
        until(lambda: f"topic {STATE}" in troubles(publisher))
        broker.on_publish = lambda _published: 0
        until(lambda: not troubles(publisher))
        assert {sent.body for sent in states(broker)} == {b"1"}


def test_online_has_an_end_and_is_said_again(gateway: Any) -> None:
    """A broker that lost us for good, or to which another passed it on, forgets that we were here."""
    with FakeBroker() as broker:
        gateway.publish(broker.port, keepalive_s=1)
        until(lambda: len(broker.bodies("availability")) >= 3)
        said = [(sent.body, sent.qos, sent.expiry_s) for sent in broker.published]
        assert said[:3] == [(b"online", 1, 3), (b"online", 0, 3), (b"online", 0, 3)]


def test_a_refresh_of_a_change_that_was_not_sent_is_that_change() -> None:
    unqueued = UnqueuedMessages(state_topics=2, live_queue=1)
    unqueued.retain(State(STATE, b"1"), refresh=True)
    unqueued.retain(State(STATE, b"2"), refresh=False)
    unqueued.retain(State(STATE, b"3"), refresh=True)
    unqueued.renew_topics(["t/event"])
    assert unqueued.take_refresh() is None
    assert unqueued.take_change({STATE}) is None
    assert unqueued.take_change(set()) == State(STATE, b"3")
    assert unqueued.empty


def test_a_state_has_an_end(gateway: Any) -> None:
    """The broker is to forget what nobody says again, and what is out of date is not sent at all."""
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port)
        publisher.retain(STATE, b"old", expiry_s=0.0)
        publisher.retain("t/state", b"new", expiry_s=29.5)
        until(lambda: states(broker))
        assert [(sent.body, sent.expiry_s) for sent in states(broker)] == [(b"new", 30)]
        publisher.retain(STATE, b"old too", refresh=True, expiry_s=0.0)
        publisher.retain("t/state", b"newer", refresh=True, expiry_s=29.5)
        until(lambda: len(states(broker)) == 2)
        assert states(broker)[1].body == b"newer"


def test_3_1_1_knows_no_end(gateway: Any) -> None:
    with FakeBroker(lambda _published: SILENT, connack=b"\x00\x00") as broker:
        publisher = gateway.publish(broker.port, mqtt="3.1.1")
        publisher.retain(STATE, b"new", expiry_s=30)
        until(lambda: states(broker))
        assert [(sent.body, sent.expiry_s) for sent in states(broker)] == [(b"new", None)]


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
