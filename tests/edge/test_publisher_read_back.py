"""What a broker has retained below our topics is read before the first connection, whatever it does."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core import Health
from edge_runtime.mqtt import read_back as reading
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.read_back import MAX_BYTES, Retained, read_back
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.mqtt.unqueued import State, UnqueuedMessages
from tests.broker import Broker, Subscriber, free_port, needs_mosquitto, until
from tests.edge.gateways import AVAILABILITY, Gateway
from tests.faults.fakebroker import CLOSE, SILENT, FakeBroker

BELOW = "steadyhum/site/device/"
NO_UTF8 = b"\x31\x05\x00\x01\xff\x00x"
"""A retained message to a topic that is no text."""
REFUSED = b"\x00\x87\x00"


def settings(port: int, **changes: Any) -> BrokerSettings:
    return BrokerSettings("127.0.0.1", port=port, **{"connect_timeout_s": 0.5, **changes})


def read(port: int, **changes: Any) -> Retained | None:
    return read_back(settings(port, **changes), "gateway", (BELOW,), AVAILABILITY, lambda: False)


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def fake() -> Iterator[Any]:
    with FakeBroker() as fake:
        yield fake


def publish(topic: str, body: bytes, *, retain: bool = True, qos: int = 0) -> bytes:
    """A PUBLISH as a broker sends it, MQTT 5.0, section 3.3."""
    packet = len(topic).to_bytes(2, "big") + topic.encode() + (b"\x00\x01" if qos else b"") + b"\x00" + body
    size, length = len(packet), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (128 if size else 0)])
        if not size:
            return bytes([0x30 | qos << 1 | retain]) + length + packet


@needs_mosquitto
@pytest.mark.parametrize("mqtt", ["5", "3.1.1"])
def test_what_is_retained_is_found_and_nothing_else(broker: Broker, gateway: Any, mqtt: str) -> None:
    broker.start()
    publisher = gateway.publish(broker.port)
    with Subscriber(broker.port) as subscriber:
        for number in range(200):
            publisher.retain(f"{BELOW}s{number}/state", json.dumps(number).encode())
        publisher.retain("steadyhum/site/other/s/state", b"x")
        publisher.offer(f"{BELOW}s/score", b"x")
        until(lambda: len({topic for topic, _ in subscriber.seen}) == 203)
    publisher.stop()
    found = read(broker.port, mqtt=mqtt)
    assert found.problem == ""
    assert {topic for topic in found.bodies if topic.endswith("/state")} == {
        f"{BELOW}s{number}/state" for number in range(200)
    }
    assert found.bodies[f"{BELOW}availability"] == b"offline"
    assert len(found.bodies) == 201


def test_a_broker_that_is_not_there_or_says_nothing_gives_nothing(fake: Any) -> None:
    assert read(free_port()) is None
    fake.on_connect = SILENT
    assert read(fake.port) is None
    fake.on_connect = CLOSE
    assert read(fake.port) is None
    assert read_back(settings(fake.port), "gateway", (BELOW,), AVAILABILITY, lambda: True) is None, (
        "the service stops"
    )


def test_a_refusal_is_said(fake: Any) -> None:
    fake.suback = 0x87
    assert "lets us read nothing" in read(fake.port).problem
    fake.connack = REFUSED
    assert "refuses us" in read(fake.port).problem


@pytest.mark.parametrize("nonsense", [b"\xf0\x00", b"\x30\x02\x00\x09", b"\x90\x00", NO_UTF8])
def test_nonsense_ends_the_reading_alone(fake: Any, nonsense: bytes) -> None:
    fake.flood = lambda: [nonsense] * 50
    found = read(fake.port)
    assert found is None or found.bodies == {}


def test_a_broker_without_end_is_left(fake: Any) -> None:
    """What came is kept, or nothing; it is no more than we take."""

    def without_end() -> Iterator[bytes]:
        begun = publish(f"{BELOW}s/state", b"x" * 2**21)
        yield begun.replace(begun[1:5], b"\xff\xff\xff\x7f", 1)  # the largest packet there can be
        while True:
            yield b"x" * 2**16

    fake.flood = without_end
    assert not (found := read(fake.port, connect_timeout_s=60.0)) or found.bodies == {}
    assert fake.flooded_bytes < 16 * MAX_BYTES


def test_whole_messages_without_end_are_left(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their bytes, also where a busy machine would end them by the time first."""
    monkeypatch.setattr(reading, "LONGEST_S", 60.0)
    monkeypatch.setattr(reading, "MAX_BYTES", 2**16)
    message = publish(f"{BELOW}s/state", b"x" * 2**10)
    fake.flood = lambda: itertools.repeat(message)
    read(fake.port, connect_timeout_s=60.0)  # the subscription may be answered behind the flood
    assert fake.flooded_bytes >= 2**16


def test_what_is_not_retained_or_elsewhere_or_empty_is_passed_over(fake: Any) -> None:
    fake.flood = lambda: [
        publish(f"{BELOW}a/event", b"x", retain=False),
        publish("elsewhere", b"x"),
        publish(f"{BELOW}b/state", b""),
        publish(f"{BELOW}c/state", b"x", qos=1),
    ]
    assert read(fake.port).bodies == {f"{BELOW}c/state": b"x"}


def test_longest_time(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET_S", 60.0)
    monkeypatch.setattr(reading, "LONGEST_S", 0.2)
    assert read(fake.port) == Retained()


@needs_mosquitto
def test_a_publisher_reads_once_before_its_first_connection(
    broker: Broker, tmp_path: Path, gateway: Any
) -> None:
    broker.start()
    first = gateway.publish(broker.port)
    first.retain(f"{BELOW}pump/state", b"{}")
    with Subscriber(broker.port) as subscriber:
        until(lambda: subscriber.latest("state"))
    first.stop()
    publisher = Publisher(
        settings(broker.port, backoff_s=(0.1, 0.2)), gateway.spool, Health(), AVAILABILITY, read_below=BELOW
    )
    assert publisher.retained is None
    publisher.start()
    try:
        until(lambda: publisher.connected)
        found = until(lambda: publisher.retained)
        assert sorted(found.bodies) == [f"{BELOW}availability", f"{BELOW}pump/state"]
        broker.stop()
        until(lambda: not publisher.connected)
        broker.start()
        until(lambda: publisher.connected)
        assert publisher.retained is found
    finally:
        publisher.stop()


@pytest.mark.parametrize("why", ["denied", "silent"])
def test_a_publisher_that_could_not_read_connects_and_says_so_in_the_log(
    fake: Any, gateway: Any, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    if why == "denied":
        fake.suback = 0x87
    else:
        fake.judge_connect = lambda _: SILENT if len(fake.connects) == 1 else None
    publisher = Publisher(
        settings(fake.port, backoff_s=(0.1, 0.2)), gateway.spool, Health(), AVAILABILITY, read_below=BELOW
    )
    with caplog.at_level("INFO"):
        publisher.start()
        until(lambda: publisher.connected)
    publisher.stop()
    found = until(lambda: publisher.retained)
    assert (found.bodies, bool(found.problem)) == ({}, True)
    assert ("is not known" in caplog.text) == (why == "denied")


def test_a_topic_is_cleared_when_the_broker_says_so_and_not_if_it_is_used_again() -> None:
    unqueued = UnqueuedMessages(10, 10)
    unqueued.retain(State("a", b"1"), refresh=False)
    unqueued.settle("a")
    unqueued.settle("unknown")
    assert unqueued.take_cleared() == frozenset()
    unqueued.retain(State("a", b""), refresh=False)
    unqueued.settle("a")
    assert unqueued.take_cleared() == frozenset(), "it is not sent yet"
    assert unqueued.take_change(frozenset()).body == b""
    unqueued.settle("a")
    assert unqueued.take_cleared() == frozenset({"a"})
    assert unqueued.take_cleared() == frozenset()
    unqueued.renew()
    assert unqueued.take_change(frozenset()) is None, "it is forgotten"


@needs_mosquitto
def test_a_publisher_says_what_has_been_cleared(broker: Broker, gateway: Any) -> None:
    broker.start()
    publisher = gateway.publish(broker.port)
    publisher.retain(f"{BELOW}pump/state", b"{}")
    with Subscriber(broker.port) as subscriber:
        until(lambda: subscriber.latest("state"))
        publisher.retain(f"{BELOW}pump/state", b"")
        until(lambda: f"{BELOW}pump/state" in publisher.take_cleared())
        until(lambda: subscriber.latest("state") == b"")
