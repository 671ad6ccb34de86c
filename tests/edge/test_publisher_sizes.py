"""Messages larger than a broker takes, as it says: held back, and delivered when it takes them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import EVENT, Gateway, counted, depth, names, put, troubles
from tests.faults.fakebroker import SILENT, FakeBroker
from tests.waiting import in_time

TAKES_ALL = b"\x00\x00\x00"
TOO_LARGE = b"\xe0\x02\x95\x00"
"""DISCONNECT: Packet too large."""


def takes(size: Any) -> Any:
    """A CONNACK that states Maximum Packet Size."""
    return b"\x00\x00\x05\x27" + size.to_bytes(4, "big")


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


def test_what_the_broker_says_is_too_large_waits_for_a_larger_limit(gateway: Any) -> None:
    with FakeBroker(connack=takes(1000)) as broker:
        put(gateway, "large", size=2000)
        put(gateway, "small")
        publisher = gateway.publish(broker.port)
        until(lambda: names(broker) == ["small"])
        said = until(lambda: troubles(publisher).get("held back"))
        assert said.startswith("1 stored messages of up to 2")
        assert said.endswith("the broker takes 1000")
        until(lambda: depth(gateway) == 1)
        assert len(broker.connects) == 1
        broker.connack = takes(100_000)
        broker.kick()
        until(lambda: depth(gateway) == 0)
        assert names(broker) == ["small", "large"]
        until(lambda: not troubles(publisher))
        assert gateway.spool.dead_letters() == []


def test_a_limit_below_every_message_destroys_none(gateway: Any) -> None:
    """The case of a careless max_packet_size: nothing can be sent, not even that the device is online."""
    with FakeBroker(connack=takes(30)) as broker:
        put(gateway, *(f"a{n}" for n in range(600)))
        publisher = gateway.publish(broker.port)
        assert "600 stored" in until(lambda: troubles(publisher).get("held back"))
        put(gateway, "later")
        assert until(lambda: "601 stored" in troubles(publisher)["held back"])
        assert broker.published == []
        broker.connack = TAKES_ALL
        broker.kick()
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))
        assert gateway.spool.dead_letters() == []


def test_only_our_own_limit_makes_a_dead_letter(gateway: Any) -> None:
    with FakeBroker(connack=takes(300)) as broker:
        put(gateway, "large", size=2000)
        put(gateway, "middle", size=500)
        put(gateway, "small")
        gateway.publish(broker.port, max_packet_bytes=1000)
        until(lambda: names(broker) == ["small"])
        (letter,) = gateway.spool.dead_letters()
        assert json.loads(letter.row.body)["id"] == "large"
        assert "no more than" in letter.reason
        until(lambda: depth(gateway) == 1)  # the small one is acknowledged a moment after it has come
        assert names(broker) == ["small"]


def test_what_was_held_back_is_counted_again(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_runtime.mqtt.size_limits._RECOUNT_S", 0.1)
    with FakeBroker(connack=takes(1000)) as broker:
        put(gateway, "large", size=2000)
        publisher = gateway.publish(broker.port)
        until(lambda: troubles(publisher).get("held back"))
        gateway.spool.dead_letter(gateway.spool.peek("alarm", 1)[0], "as if the spool had dropped it")
        until(lambda: not troubles(publisher))


@pytest.mark.parametrize("answer", [TOO_LARGE, 0x95], ids=["DISCONNECT", "PUBACK"])
def test_a_limit_is_learned_and_tried_again(gateway: Any, answer: Any) -> None:
    with FakeBroker(lambda published: answer if len(published.body) > 1000 else 0) as broker:
        put(gateway, "large", "larger", size=2000)
        put(gateway, *(f"behind{n}" for n in range(30)))
        begun_s = time.monotonic()
        publisher = gateway.publish(broker.port, denied_retry_s=(1.0, 2.0))
        until(lambda: depth(gateway) == 2 and names(broker).count("behind29"), 30)
        assert in_time(time.monotonic() - begun_s, 30), "nothing waits for an answer that does not come"
        assert "2 stored messages of up to 2" in until(lambda: troubles(publisher).get("held back"))
        assert gateway.spool.dead_letters() == []
        until(lambda: names(broker).count("large") + names(broker).count("larger") > 4)
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))


def test_a_large_live_message_is_not_blamed_on_an_alarm(gateway: Any) -> None:
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        publisher = gateway.publish(broker.port, denied_retry_s=(60.0, 60.0))
        until(lambda: publisher.connected and broker.published)
        publisher.offer("t/health", b"x" * 5000)
        put(gateway, "waiting")
        until(lambda: names(broker) == ["waiting"])
        broker.on_publish = lambda _published: 0
        broker.kick(TOO_LARGE)
        until(lambda: depth(gateway) == 0)
        publisher.offer("t/health", b"x" * 5000)
        assert "5000 bytes" in until(lambda: troubles(publisher).get("size of t/health"))


def test_too_large_where_nothing_was_sent_teaches_nothing(gateway: Any) -> None:
    with FakeBroker(connack=takes(30)) as broker:
        publisher = gateway.publish(broker.port, denied_retry_s=(60.0, 60.0))
        until(lambda: publisher.connected)
        broker.connack = TAKES_ALL
        broker.kick(TOO_LARGE)
        put(gateway, "a")
        until(lambda: depth(gateway) == 0)


def test_a_limit_that_ends_makes_no_more_in_flight_than_the_broker_takes(gateway: Any) -> None:
    def judge(published: Any) -> Any:
        if published.topic != EVENT:
            return 0
        return TOO_LARGE if len(published.body) > 1000 else SILENT

    with FakeBroker(judge, connack=b"\x00\x00\x03\x21\x00\x01") as broker:
        put(gateway, "large", size=2000)
        put(gateway, "small")
        publisher = gateway.publish(broker.port, denied_retry_s=(0.5, 0.5))
        until(lambda: names(broker)[-1:] == ["small"])
        sent = len(broker.published)
        time.sleep(1)
        assert len(broker.published) == sent
        broker.on_publish = lambda _published: 0
        broker.kick()
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))


def test_a_broker_that_calls_everything_too_large_destroys_nothing(gateway: Any) -> None:
    with FakeBroker(lambda _published: TOO_LARGE) as broker:
        put(gateway, *(f"a{n}" for n in range(5)))
        publisher = gateway.publish(broker.port, denied_retry_s=(2.0, 2.0))
        until(lambda: "5 stored" in troubles(publisher).get("held back", ""))
        assert gateway.spool.dead_letters() == []
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))


def test_states_and_telemetry_that_are_too_large_cost_no_connection(gateway: Any) -> None:
    connack = b"\x00\x00\x05\x27" + (1000).to_bytes(4, "big")
    with FakeBroker(connack=connack) as broker:
        publisher = gateway.publish(broker.port)
        publisher.retain("t/state", b"x" * 2000)
        publisher.offer("t/health", b"x" * 2000)
        until(lambda: counted(publisher, "mqtt.states_refused") == 1)
        until(lambda: counted(publisher, "mqtt.live_dropped") == 1)
        assert sorted(troubles(publisher)) == ["size of t/health", "size of t/state"]
        publisher.retain("t/state", b"fits")
        publisher.offer("t/health", b"fits")
        until(lambda: {sent.body for sent in broker.published} == {b"online", b"fits"})
        until(lambda: not troubles(publisher))
        assert len(broker.connects) == 1


@needs_mosquitto
def test_a_limit_that_mosquitto_does_not_announce(gateway: Any, tmp_path: Path) -> None:
    broker = Broker(tmp_path, "message_size_limit 1000").start()
    subscriber = Subscriber(broker.port)
    time.sleep(0.2)
    put(gateway, "poison", size=2000)
    put(gateway, "behind")
    begun_s = time.monotonic()
    publisher = gateway.publish(broker.port)
    until(lambda: {json.loads(body)["id"] for t, body in subscriber.seen if t == EVENT} == {"behind"}, 30)
    until(lambda: depth(gateway) == 1, what="the poison being kept alone")
    assert gateway.spool.dead_letters() == []
    print(f"undeclared limit: the message behind passed after {time.monotonic() - begun_s:.1f} s")
    assert "1 stored messages of up to 2" in until(lambda: troubles(publisher).get("held back"))
    subscriber.close()
    broker.stop()
