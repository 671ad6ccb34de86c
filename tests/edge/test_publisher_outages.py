"""The way out when the broker is away, cannot be found, or prefers another client with our id."""

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.errors import ConfigError, EdgeError
from edge_runtime.core.health import Health
from edge_runtime.mqtt.attempts import Attempts
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool.queue import MessageClass, Spool
from tests.bridged import both_ways
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, arrived, events, troubles
from tests.faults.alarm_account import AlarmAccount, body_of
from tests.waiting import in_time

pytestmark = needs_mosquitto


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


@both_ways()
def test_starts_without_a_broker_and_delivers_when_there_is_one(
    gateway: Any, broker: Broker, tmp_path: Path
) -> None:
    publisher = gateway.publish(broker.port)
    account = AlarmAccount()
    for _ in range(30):
        account.raise_alarm(gateway.spool, EVENT)
    assert "refused" in until(lambda: troubles(publisher).get("broker"))
    broker.start()
    with Subscriber(broker.far_port):
        account.raise_alarm(gateway.spool, EVENT)
        until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
        assert "broker" not in troubles(publisher)


def test_a_name_that_does_not_resolve_is_only_an_outage(gateway: Any) -> None:
    publisher = gateway.publish(1883, "no-such-host.invalid", accept_insecure=True)
    assert "resolved" in until(lambda: troubles(publisher).get("broker"), 20)
    begun_s = time.monotonic()
    publisher.stop()
    assert in_time(time.monotonic() - begun_s, 9)


@both_ways()
def test_the_broker_goes_away_and_comes_back(gateway: Any, subscriber: Subscriber, broker: Broker) -> None:
    account = AlarmAccount()
    publisher = gateway.publish(broker.port)
    for _ in range(3):
        until(lambda: publisher.connected, what="connection")
        for _ in range(20):
            account.raise_alarm(gateway.spool, EVENT)
        broker.stop()
        until(lambda: not publisher.connected)
        for _ in range(20):
            account.raise_alarm(gateway.spool, EVENT)
        broker.start()
        begun_s = time.monotonic()
        fresh = account.raise_alarm(gateway.spool, EVENT)
        until(partial(arrived, subscriber, fresh))
        assert in_time(time.monotonic() - begun_s, 5)
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    time.sleep(0.3)
    account.check(events(subscriber), gateway.spool)


def test_a_new_alarm_is_worth_an_attempt_of_its_own(gateway: Any, broker: Broker) -> None:
    publisher = gateway.publish(broker.port, backoff_s=(300.0, 300.0))
    until(lambda: troubles(publisher).get("broker"))
    broker.start()
    time.sleep(0.3)
    assert not publisher.connected
    gateway.spool.put(MessageClass.ALARM, EVENT, body_of("fresh"))
    begun_s = time.monotonic()
    until(lambda: publisher.connected)
    assert in_time(time.monotonic() - begun_s, 5)


def test_how_long_it_waits() -> None:
    attempts = Attempts(BrokerSettings("127.0.0.1"), random.Random(4))

    def wait_s(error: EdgeError, lasted_s: float) -> float:
        wait_s, early_s = attempts.waits_s(error, lasted_s)
        assert early_s <= min(wait_s, 4) or error is not lost
        return wait_s

    lost = LinkError("x", where="y", remedy="z", loss=LinkErrorKind.CLOSED)
    refused = LinkError("x", where="y", remedy="z", loss=LinkErrorKind.REFUSED)
    short = [
        max(wait_s(lost, 1) for _ in range(60)),
        max(wait_s(refused, 1) for _ in range(60)),
    ]
    assert 15 < short[0] <= 30
    assert 45 < short[1] <= 60
    assert wait_s(lost, 31) <= 1
    assert wait_s(refused, 301) <= 30
    assert 15 <= wait_s(ConfigError("x"), 1) <= 60


def test_two_clients_with_one_id_do_not_fight(gateway: Any, broker: Broker, tmp_path: Path) -> None:
    broker.start()
    with Spool.open(tmp_path / "other") as other:
        publishers, healths = [], []
        for each in (other, gateway.spool):
            settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="same", backoff_s=(0.2, 1))
            healths.append(Health())
            publishers.append(Publisher(settings, each, healths[-1], AVAILABILITY, random.Random(2)))
            publishers[-1].start()

        def suspected() -> Any:
            return any("another client" in str(each.troubles()) for each in healths)

        def connections() -> Any:
            return sum(each.figures()["mqtt.connections"] for each in healths)

        until(suspected, 30)
        before = connections()
        time.sleep(4)
        for publisher in publishers:
            publisher.stop()
        assert connections() - before <= 2, "from then on each waits 15 to 60 s"
