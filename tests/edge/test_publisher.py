"""The way out, against a real Mosquitto: nothing lost, nothing twice, in order, fresh alarms first."""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.health import Health
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool.queue import Spool
from tests.bridged import both_ways
from tests.broker import Broker, Subscriber, free_port, needs_mosquitto, until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, arrived, events
from tests.faults.alarm_account import AlarmAccount
from tests.waiting import HANG_S, in_time, scaled

pytestmark = needs_mosquitto
SOAK = os.environ.get("STEADYHUM_SOAK") == "1"


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


@both_ways()
def test_what_is_raised_arrives_once_and_in_order(
    gateway: Any, subscriber: Subscriber, broker: Broker
) -> None:
    account = AlarmAccount()
    publisher = gateway.publish(broker.port)
    until(lambda: publisher.connected)
    for _ in range(50):
        account.raise_alarm(gateway.spool, EVENT)
    until(lambda: len(events(subscriber)) >= 50)
    account.check(events(subscriber), gateway.spool, duplicates=0)
    assert {json.loads(body)["replayed"] for body in events(subscriber)} == {False}
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)


def test_a_thread_that_is_stuck_is_not_alive(
    gateway: Any, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the watchdog is not fed: a gateway that scores and sends nothing is a failure."""
    broker.start()
    monkeypatch.setattr("edge_runtime.mqtt.publisher._STUCK_S", 3.0)  # private: five minutes else
    answer, resolve = threading.Event(), socket.getaddrinfo

    def ask(*arguments: Any, **options: Any) -> Any:
        answer.wait(scaled(HANG_S))
        return resolve(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    publisher = gateway.publish(broker.port)
    assert publisher.is_alive()
    until(lambda: not publisher.is_alive(), what="being found stuck")
    answer.set()
    until(lambda: publisher.connected)
    until(publisher.is_alive, what="being alive again")


def test_a_backlog_drains_in_order_while_new_alarms_overtake_it(
    gateway: Any, tmp_path: Path, stop_at_end: Callable[[AbstractContextManager[Any]], Any]
) -> None:
    """10^5 alarms in a soak; at least 200 per second, and a new alarm within 2 s while it lasts."""
    # A broker that writes its whole store at every change would be measured, not we.
    broker = stop_at_end(Broker(tmp_path, "autosave_interval 3600", "autosave_on_changes false"))
    subscriber = stop_at_end(Subscriber(broker.port))
    count = 100_000 if SOAK else 3000
    account = AlarmAccount()
    for _ in range(count):
        account.raise_alarm(gateway.spool, EVENT, size=300)
    # In a soak by the wall clock; in the small size by ours alone, for what else runs says nothing about us.
    clock = time.monotonic if SOAK else time.process_time
    begun_s = clock()
    publisher = gateway.publish(broker.port)
    until(lambda: publisher.connected)
    delays_s = []
    while gateway.spool.figures()["alarm.depth"] > 20:
        since = len(subscriber.seen)
        name = account.raise_alarm(gateway.spool, EVENT)
        raised_s = time.monotonic()
        until(partial(arrived, subscriber, name, since), what="a new alarm's arrival", poll_s=0.005)
        delays_s.append(time.monotonic() - raised_s)
        time.sleep(0.02)
    rate = count / (clock() - begun_s)
    until(lambda: len(events(subscriber)) >= len(account.raised))
    account.check(events(subscriber), gateway.spool, duplicates=0)
    replayed = [json.loads(body)["replayed"] for body in events(subscriber)]
    assert replayed.count(True) == count
    worst_s = sorted(delays_s)[int(0.95 * len(delays_s))]
    print(
        f"drained {count} at {rate:.0f}/s; {len(delays_s)} new alarms meanwhile, 95 % within {worst_s:.3f} s"
    )
    assert rate >= 200
    assert len(delays_s) >= 5
    assert in_time(worst_s, 2)


@both_ways()
def test_a_site_may_ask_for_one_order(gateway: Any, subscriber: Subscriber, broker: Broker) -> None:
    account = AlarmAccount()
    for _ in range(300):
        account.raise_alarm(gateway.spool, EVENT)
    gateway.publish(broker.port, live_first=False)
    for _ in range(50):
        account.raise_alarm(gateway.spool, EVENT)
    until(lambda: len(events(subscriber)) >= 350)
    assert [json.loads(body)["seq"] for body in events(subscriber)] == list(range(1, 351))


def test_a_salvaged_spool_is_in_its_health(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "spool.db").write_bytes(b"not a database" * 1000)
    health = Health()
    with Spool.open(tmp_path / "state") as spool:
        publisher = Publisher(BrokerSettings("127.0.0.1", port=free_port()), spool, health, AVAILABILITY)
        publisher.start()
        assert "carried over" in until(lambda: health.troubles().get("spool_corrupt"))
        publisher.stop()


@pytest.mark.parametrize(
    "wrong",
    [{"host": ""}, {"port": 0}, {"port": 70_000}, {"mqtt": "4"}, {"in_flight": 0}, {"keepalive_s": 0},
     {"connect_timeout_s": 0.0}, {"backoff_s": (2.0, 1.0)}, {"denied_retry_s": (0.0, 1.0)}, {"drain_s": -1.0},
     {"max_packet_bytes": 10}, {"host": "broker.example"}, {"live_queue": 0}],
)  # fmt: skip
def test_settings_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        BrokerSettings(**{"host": "127.0.0.1", **wrong})


def test_mqtt_3_works_with_a_warning(
    gateway: Any, subscriber: Subscriber, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        gateway.publish(broker.port, mqtt="3.1.1")
    assert "refuses count as delivered" in caplog.text
    account = AlarmAccount()
    account.raise_alarm(gateway.spool, EVENT)
    until(lambda: events(subscriber))
    account.check(events(subscriber), gateway.spool)


def test_an_address_made_of_the_availability_topic_names_the_client(
    gateway: Any, broker: Broker, subscriber: Subscriber
) -> None:
    publisher = gateway.publish(broker.port, client_id="")
    until(lambda: publisher.connected)
    assert "steadyhum-site-device" in broker.log.read_text()
