"""Messages that a broker does not take: poison, denied, too large, unheard; those behind them pass."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.spool.queue import MessageClass
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, counted, depth, names, put, troubles
from tests.faults.alarm_account import body_of
from tests.faults.fakebroker import CLOSE, FakeBroker


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


def closes_at(text: bytes) -> Any:
    return lambda published: CLOSE if text in published.body else 0


def sent_often(broker: FakeBroker, name: str, gateway: Any, pause_s: float) -> bool:
    """Whether the alarm of this name was sent many times; where not, another is stored and it may go on."""
    if names(broker).count(name) > 12:
        return True
    put(gateway, "more")
    time.sleep(pause_s)
    return False


def test_a_poison_message_does_not_hold_up_those_behind_it(gateway: Any) -> None:
    with FakeBroker(closes_at(b'"poison"')) as broker:
        put(gateway, "before", "poison", *(f"behind{n}" for n in range(30)))
        begun_s = time.monotonic()
        publisher = gateway.publish(broker.port, denied_retry_s=(0.3, 0.3))
        until(lambda: "behind29" in names(broker) and depth(gateway) == 1, 30)
        print(f"a poison message: the 30 behind it passed within {time.monotonic() - begun_s:.1f} s")
        assert gateway.spool.dead_letters() == [], "set aside, not given up"
        until(lambda: sent_often(broker, "poison", gateway, 0.2), 60)
        assert gateway.spool.dead_letters() == [], "and however often the broker closes"
        assert "closes the connection at it" in troubles(publisher)["set aside"]
        assert "bytes to " + EVENT in troubles(publisher)["set aside"]
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))


def test_three_poison_messages_in_a_row_let_the_next_pass(gateway: Any) -> None:
    with FakeBroker(closes_at(b"poison")) as broker:
        put(gateway, "poison1", "poison2", "poison3", "behind")
        begun_s = time.monotonic()
        gateway.publish(broker.port, backoff_s=(1.0, 30.0))
        until(lambda: "behind" in names(broker), 30)
        print(f"three poison messages: the one behind them passed after {time.monotonic() - begun_s:.1f} s")


def test_a_broker_that_accepts_nothing_condemns_nothing(gateway: Any) -> None:
    with FakeBroker(lambda published: CLOSE if published.topic == EVENT else 0) as broker:
        put(gateway, *(f"a{n}" for n in range(4)))
        gateway.publish(broker.port, denied_retry_s=(0.1, 0.2), backoff_s=(0.05, 0.1))
        until(lambda: len(broker.connects) >= 25, 20)
        assert gateway.spool.dead_letters() == []
        assert depth(gateway) == 4
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0, 20)


def test_one_refused_message_is_set_aside_and_never_given_up(gateway: Any) -> None:
    with FakeBroker(lambda published: 0x99 if b'"bad"' in published.body else 0) as broker:
        put(gateway, "bad", "good")
        publisher = gateway.publish(broker.port, denied_retry_s=(0.2, 0.2))
        until(lambda: depth(gateway) == 1)
        assert "good" in names(broker)
        until(lambda: sent_often(broker, "bad", gateway, 0.1), 30)
        assert gateway.spool.dead_letters() == []
        assert "reason code 153" in troubles(publisher)["set aside"]
        assert counted(publisher, "mqtt.denied") >= 4
        assert len(broker.connects) == 1
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))


def test_a_broker_that_refuses_everything_is_left_alone(gateway: Any) -> None:
    with FakeBroker(lambda published: 0x80 if published.topic == EVENT else 0) as broker:
        put(gateway, *(f"a{n}" for n in range(300)))
        publisher = gateway.publish(broker.port, denied_retry_s=(2, 2))
        begun_s = time.monotonic()
        until(lambda: troubles(publisher))
        time.sleep(0.5)
        tries = 1 + (time.monotonic() - begun_s) // 2  # on a machine that stands still for a while
        assert len(broker.published) < 200 * tries
        assert depth(gateway) == 300
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0, 20)


def test_a_topic_that_mqtt_forbids_is_set_aside(gateway: Any) -> None:
    with FakeBroker() as broker:
        put(gateway, "bad", topic="a/+/b")
        put(gateway, "good")
        gateway.publish(broker.port)
        until(lambda: names(broker) == ["good"])
        assert "cannot be sent" in gateway.spool.dead_letters()[0].reason


def test_a_denied_topic_waits_and_others_pass(gateway: Any) -> None:
    denied = {"on": True}

    def judge(published: Any) -> Any:
        return 0x87 if denied["on"] and "secret" in published.topic else 0

    with FakeBroker(judge) as broker:
        put(gateway, "denied1", "denied2", topic="steadyhum/site/device/secret/event")
        put(gateway, *(f"ok{n}" for n in range(30)))
        publisher = gateway.publish(broker.port, denied_retry_s=(0.5, 1.0))
        until(lambda: depth(gateway) == 2)
        assert (
            "denied with reason code 135" in troubles(publisher)["topic steadyhum/site/device/secret/event"]
        )
        assert counted(publisher, "mqtt.denied") >= 1
        until(lambda: names(broker).count("denied1") >= 3)
        denied["on"] = False
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))
        assert len(broker.connects) == 1


def test_what_was_denied_is_tried_again_when_the_next_to_its_topic_is_not(gateway: Any) -> None:
    with FakeBroker(lambda published: 0x87 if len(broker.bodies()) == 1 else 0) as broker:
        put(gateway, "denied", "welcome")
        gateway.publish(broker.port, denied_retry_s=(0.5, 1.0))
        until(lambda: depth(gateway) == 0)
        assert names(broker) == ["denied", "welcome", "denied"]
        assert len(broker.connects) == 1


@needs_mosquitto
def test_mosquitto_denies_by_its_list(
    gateway: Any, tmp_path: Path, stop_at_end: Callable[[AbstractContextManager[Any]], Any]
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"topic readwrite {EVENT}\ntopic readwrite {AVAILABILITY}\ntopic read steadyhum/#\n")
    broker = stop_at_end(Broker(tmp_path, f"acl_file {rules}"))
    subscriber = stop_at_end(Subscriber(broker.port))
    put(gateway, "denied", topic="steadyhum/site/device/secret/event")
    put(gateway, "ok")
    publisher = gateway.publish(broker.port)
    publisher.retain("steadyhum/site/device/secret/state", b"denied too")
    until(lambda: {json.loads(body)["id"] for t, body in subscriber.seen if t == EVENT} == {"ok"})
    until(lambda: depth(gateway) == 1)
    until(lambda: len(troubles(publisher)) == 2)


def test_a_long_queue_for_a_denied_topic_does_not_stop_the_thread(gateway: Any) -> None:
    with FakeBroker(lambda published: 0x87 if "secret" in published.topic else 0) as broker:
        put(gateway, *(f"d{n}" for n in range(2000)), topic="steadyhum/site/device/secret/event")
        put(gateway, "behind")
        gateway.publish(broker.port)
        until(lambda: "behind" in names(broker))
        assert sum("secret" in published.topic for published in broker.published) < 100


def test_nobody_listens(gateway: Any) -> None:
    subscribed = {"on": False}
    with FakeBroker(lambda _published: 0 if subscribed["on"] else 16) as broker:
        put(gateway, "a", "b")
        gateway.spool.put(MessageClass.TELEMETRY, "steadyhum/site/device/pump/log", body_of("telemetry"))
        publisher = gateway.publish(broker.port, require_subscriber=True, denied_retry_s=(0.3, 0.3))
        until(lambda: counted(publisher, "mqtt.unheard_kept") >= 2)
        until(lambda: gateway.spool.figures()["telemetry.depth"] == 0)
        assert depth(gateway) == 2
        subscribed["on"] = True
        until(lambda: depth(gateway) == 0)


def test_nobody_need_listen(gateway: Any) -> None:
    with FakeBroker(lambda _published: 16) as broker:
        put(gateway, "a")
        publisher = gateway.publish(broker.port)
        until(lambda: depth(gateway) == 0)
        assert counted(publisher, "mqtt.unheard") == 1
