"""The way out over links that stall, break, trickle and lie, through a proxy before a real Mosquitto."""

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_runtime.mqtt.publisher import Publisher
from tests.bridged import BridgedBroker
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import EVENT, Gateway, counted, events, raise_and_wait, troubles
from tests.faults.alarm_account import AlarmAccount
from tests.faults.proxy import ChaosProxy
from tests.waiting import in_time, scaled

pytestmark = needs_mosquitto
SOAK = os.environ.get("STEADYHUM_SOAK") == "1"


@pytest.fixture(params=[Broker, BridgedBroker])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """(subscriber, proxy, gateway), ready; the proxy is before the first broker."""
    with (
        request.param(tmp_path) as broker,
        Subscriber(broker.far_port) as subscriber,
        ChaosProxy(broker.port) as proxy,
        Gateway() as gateway,
    ):
        yield subscriber, proxy, gateway


def all_arrived(account: AlarmAccount, subscriber: Subscriber) -> bool:
    """Whether every alarm got through; behind a bridge some may still be on their way."""
    return set(account.raised) <= {json.loads(body)["id"] for body in events(subscriber)}


def test_a_half_open_link_is_noticed_and_loses_nothing(bench: Any) -> None:
    """Noticed within twice the keepalive; a fresh alarm within 5 s of healing. 10 s in a soak, else 2 s."""
    subscriber, proxy, gateway = bench
    keepalive_s = 10 if SOAK else 2
    account = AlarmAccount()
    publisher = gateway.publish(proxy.port, keepalive_s=keepalive_s)
    raise_and_wait(account, gateway, subscriber)
    proxy.stalled = True
    begun_s = time.monotonic()
    for _ in range(5):
        account.raise_alarm(gateway.spool, EVENT)
    until(lambda: not publisher.connected, 3 * keepalive_s)
    noticed_s = time.monotonic() - begun_s
    assert "silent" in troubles(publisher)["broker"]
    time.sleep(keepalive_s)
    proxy.stalled = False
    healed_s = raise_and_wait(account, gateway, subscriber)
    print(f"keepalive {keepalive_s} s: noticed after {noticed_s:.1f} s, fresh alarm {healed_s:.2f} s later")
    assert in_time(noticed_s, 2 * keepalive_s)
    assert in_time(healed_s, 5)
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    until(lambda: all_arrived(account, subscriber))
    account.check(events(subscriber), gateway.spool, duplicates=20)


def test_heals_quickly_whenever_the_outage_ends(bench: Any) -> None:
    subscriber, proxy, gateway = bench
    account, healed_s = AlarmAccount(), []
    gateway.publish(proxy.port, keepalive_s=1, backoff_s=(1.0, 30.0))
    raise_and_wait(account, gateway, subscriber)
    randomness = random.Random(7)
    for _ in range(40 if SOAK else 3):
        proxy.stalled = True
        time.sleep(randomness.uniform(0.1, 3))
        proxy.stalled = False
        healed_s.append(raise_and_wait(account, gateway, subscriber))
    print(f"fresh alarm after healing: worst of {len(healed_s)} {max(healed_s):.2f} s")
    assert in_time(sorted(healed_s)[int(0.95 * len(healed_s))], 5)
    account.check(events(subscriber), gateway.spool)


def test_lost_acknowledgements_cost_duplicates_and_nothing_else(bench: Any) -> None:
    subscriber, proxy, gateway = bench
    """At most as many duplicates as were in flight, for every connection that was lost: here it is one."""
    account = AlarmAccount()
    gateway.publish(proxy.port)  # with its usual patience: missing acknowledgements end no connection here
    raise_and_wait(account, gateway, subscriber)
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    proxy.keep_acks = True
    for _ in range(50):
        account.raise_alarm(gateway.spool, EVENT)
    until(lambda: len(events(subscriber)) >= 21)
    time.sleep(0.5)
    assert len(events(subscriber)) == 21, "20 are in flight and no more"
    proxy.keep_acks = False
    proxy.reset()
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    until(lambda: all_arrived(account, subscriber))
    account.check(events(subscriber), gateway.spool, duplicates=20)
    assert proxy.connections == 2


def test_cut_at_any_byte_of_the_conversation(bench: Any) -> None:
    """Both directions, every byte of the first exchange in a soak, a sample of them else."""
    subscriber, proxy, gateway = bench
    account = AlarmAccount()
    # What a cut hits again and again looks like poison; given up it must not be.
    gateway.publish(proxy.port, backoff_s=(0.01, 0.05), denied_retry_s=(20, 20) if SOAK else (0.5, 0.5))
    raise_and_wait(account, gateway, subscriber)
    for size in range(1, 400, 1 if SOAK else 23):
        proxy.cut_up, proxy.cut_down = (size, None) if size % 2 else (None, size // 4)
        proxy.reset()
        account.raise_alarm(gateway.spool, EVENT)
        time.sleep(0.1)
    proxy.cut_up = proxy.cut_down = None
    proxy.reset()
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0, 60)
    until(lambda: all_arrived(account, subscriber))
    account.check(events(subscriber), gateway.spool, ordered=False)
    assert gateway.spool.dead_letters() == []


def test_a_half_closed_connection_is_left(bench: Any) -> None:
    subscriber, proxy, gateway = bench
    account = AlarmAccount()
    publisher = gateway.publish(proxy.port)
    raise_and_wait(account, gateway, subscriber)
    proxy.half_close()
    until(lambda: counted(publisher, "mqtt.connections") >= 2)
    raise_and_wait(account, gateway, subscriber)
    account.check(events(subscriber), gateway.spool)


def test_a_link_of_a_byte_at_a_time_gets_through(bench: Any) -> None:
    subscriber, proxy, gateway = bench
    account = AlarmAccount()
    proxy.trickle_s = 0.002
    gateway.publish(proxy.port, connect_timeout_s=scaled(5))
    for _ in range(5):
        account.raise_alarm(gateway.spool, EVENT)
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0, 30)
    until(lambda: all_arrived(account, subscriber))
    account.check(events(subscriber), gateway.spool, duplicates=0)


def test_flipped_bits_from_the_broker_lose_nothing(bench: Any) -> None:
    subscriber, proxy, gateway = bench
    account = AlarmAccount()
    quick = {"backoff_s": (0.01, 0.05), "refused_backoff_s": (0.01, 0.05), "denied_retry_s": (0.5, 0.5)}
    gateway.publish(proxy.port, ack_timeout_s=1, connect_timeout_s=0.5, **quick)
    for at in (0, 1, 2, 3, 5, 9, 12, 13, 16, 17, 40):
        proxy.flip_down = at
        proxy.reset()
        for _ in range(5):
            account.raise_alarm(gateway.spool, EVENT)
        time.sleep(0.15)
    proxy.flip_down = None
    proxy.reset()
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0, 40)
    # A flipped number may acknowledge another message than the broker meant, but only one it was also sent.
    until(lambda: len({json.loads(body)["id"] for body in events(subscriber)}) == len(account.raised))
    account.check(events(subscriber), gateway.spool, ordered=False)


def has_connected(publisher: Publisher, times: int) -> bool:
    return counted(publisher, "mqtt.connections") >= times


def test_a_hundred_broken_connections_leave_nothing_behind(bench: Any) -> None:
    subscriber, proxy, gateway = bench
    account = AlarmAccount()
    publisher = gateway.publish(proxy.port, backoff_s=(0.005, 0.01), denied_retry_s=(0.5, 0.5))
    raise_and_wait(account, gateway, subscriber)
    process = psutil.Process()
    files, threads = process.num_fds(), threading.active_count()
    for turn in range(100):
        until(partial(has_connected, publisher, turn + 1))
        for _ in range(3):
            account.raise_alarm(gateway.spool, EVENT)
        time.sleep(0.01)  # or each reset would seem to be the answer to one and the same message
        proxy.reset()
    raise_and_wait(account, gateway, subscriber)
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    assert counted(publisher, "mqtt.connections") > 100
    until(lambda: process.num_fds() - files <= 4, what="the end of their descriptors")
    assert publisher.is_alive()
    until(lambda: threading.active_count() - threads <= 4)
    account.check(events(subscriber), gateway.spool, ordered=False)


@pytest.mark.parametrize("bench", [Broker], indirect=True)  # no bridge passes scores on
def test_a_socket_that_takes_nothing_for_a_while(bench: Any) -> None:
    subscriber, proxy, gateway = bench
    publisher = gateway.publish(proxy.port)
    until(lambda: publisher.connected)
    proxy.stalled = True
    for n in range(60):
        publisher.offer("steadyhum/site/device/pump/score", f"{n}:".encode() + bytes(200_000))
    time.sleep(0.5)
    proxy.stalled = False
    until(lambda: (subscriber.latest("score") or b"").startswith(b"59:"))
    got = [int(body.partition(b":")[0]) for topic, body in subscriber.seen if topic.endswith("score")]
    assert got == list(range(60)), "in order and nothing dropped: the queue was long enough"
