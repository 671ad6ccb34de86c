"""What the plant sees through the gateway's own broker and its bridge, whatever breaks on the way.

`tests.bridged.both_ways` runs the tests of outages before the first broker through a bridge as well; here it
is the gateway that loses its power, its own broker that dies, and the way from there to the plant.
"""

import os
import random
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.bridged import SHIPPED, BridgedBroker
from tests.broker import Broker, Subscriber, needs_mosquitto, retained_at, until
from tests.edge.gateways import EVENT, Gateway, depth, events, raise_and_wait
from tests.faults.alarm_account import AlarmAccount
from tests.faults.proxy import ChaosProxy
from tests.waiting import in_time

pytestmark = needs_mosquitto
SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
BASE = "steadyhum/site/device"
STATE = f"{BASE}/pump/state"
KEEPALIVE_S = 5 if not SOAK else 10
"""Mosquitto takes no bridge's keepalive below 5 s; the shipped one, and ours, is 10."""
SHIPPED_KEEPALIVE_S = int(re.findall(r"^keepalive_interval (\d+)$", SHIPPED.read_text(), re.MULTILINE)[0])


def retained(port: int) -> dict[str, bytes]:
    """What a broker retains of the device now."""
    return retained_at(port, f"{BASE}/#")


def has_state(port: int, body: bytes) -> bool:
    """Whether a broker retains this state."""
    return retained(port).get(STATE) == body


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Any]:
    """The gateway's own broker, running."""
    broker = BridgedBroker(tmp_path)
    config = broker.config.read_text()
    shipped = f"keepalive_interval {SHIPPED_KEEPALIVE_S}"
    broker.config.write_text(config.replace(shipped, f"keepalive_interval {KEEPALIVE_S}"))
    yield broker.start()
    broker.close()


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_gateway_without_power_is_offline_at_the_plant_within_four_keepalives(
    gateway: Any, local: Any, how: str
) -> None:
    """`frozen`: no FIN and no RST, as with a real power cut: only silence tells."""
    with Subscriber(local.far_port) as subscriber:
        publisher = gateway.publish(local.port, keepalive_s=KEEPALIVE_S, backoff_s=(600, 600))
        publisher.retain(STATE, b'{"alarm":"OFF"}', expiry_s=3 * KEEPALIVE_S)
        until(lambda: subscriber.latest("state") and subscriber.latest("availability") == b"online")
        assert subscriber.latest("bridge") == b"1"
        begun_s = time.monotonic()
        local.stop(kill=True) if how == "killed" else local.freeze()
        until(lambda: subscriber.latest("bridge") == b"0", what="the bridge's will")
        noticed_s = time.monotonic() - begun_s
        until(lambda: set(retained(local.far_port)) == {f"{BASE}/bridge"}, what="the end of all else")
        forgotten_s = time.monotonic() - begun_s
    print(f"{how}, keepalive {KEEPALIVE_S} s: bridge 0 after {noticed_s:.1f} s, rest {forgotten_s:.1f} s")
    assert in_time(noticed_s, 4 * KEEPALIVE_S)
    assert in_time(forgotten_s, 4 * KEEPALIVE_S)
    assert retained(local.far_port) == {f"{BASE}/bridge": b"0"}


def test_a_broker_that_is_back_without_the_service_is_not_online(gateway: Any, local: Any) -> None:
    """The will died with the broker that held it: what it retained has an end of its own."""
    publisher = gateway.publish(local.port, keepalive_s=1, backoff_s=(600, 600))
    publisher.retain(STATE, b'{"alarm":"OFF"}', expiry_s=3)
    until(lambda: {STATE, f"{BASE}/availability"} <= set(retained(local.far_port)))
    saved = local.folder / "mosquitto.db"
    until(lambda: b"online" in saved.read_bytes(), what="the save")
    local.stop(kill=True)
    local.start()
    until(lambda: retained(local.far_port) == {f"{BASE}/bridge": b"1"}, what="the end of what was retained")
    assert retained(local.port) == {f"{BASE}/bridge": b"1"}


def test_what_changed_while_the_plant_was_away_is_there_when_it_is_back(gateway: Any, local: Any) -> None:
    publisher = gateway.publish(local.port)
    for n in range(3):
        publisher.retain(STATE, b"before %d" % n, expiry_s=600)
        until(partial(has_state, local.far_port, b"before %d" % n))
        local.plant.stop()
        publisher.retain(STATE, b"after %d" % n, expiry_s=600)
        until(partial(has_state, local.port, b"after %d" % n))
        local.plant.start()
        until(partial(has_state, local.far_port, b"after %d" % n), what="the newest state")


def test_a_service_that_ends_in_order_is_offline_behind_a_bridge(gateway: Any, local: Any) -> None:
    with Subscriber(local.far_port) as subscriber:
        publisher = gateway.publish(local.port)
        until(lambda: subscriber.latest("availability") == b"online")
        publisher.stop()
        until(lambda: subscriber.latest("availability") == b"offline")
    assert retained(local.far_port)[f"{BASE}/availability"] == b"offline"


def test_a_way_to_the_plant_that_breaks_loses_nothing(gateway: Any, tmp_path: Path) -> None:
    """Whatever happens between the two brokers, every alarm arrives, and a fresh one soon after."""
    account, randomness = AlarmAccount(), random.Random(5)
    (tmp_path / "far").mkdir()
    with (
        Broker(tmp_path / "far") as plant,
        Subscriber(plant.port) as subscriber,
        ChaosProxy(plant.port) as proxy,
        BridgedBroker(tmp_path, plant_port=proxy.port) as local,
    ):
        gateway.publish(local.port)
        raise_and_wait(account, gateway, subscriber)
        for n in range(60 if SOAK else 6):
            proxy.cut_up = randomness.randrange(1, 2000) if n % 3 == 0 else None
            proxy.keep_acks = n % 3 == 1
            proxy.stalled = n % 3 == 2
            for _ in range(20):
                account.raise_alarm(gateway.spool, EVENT)
            until(lambda: depth(gateway) == 0, what="the gateway's own broker, which has them all")
            proxy.cut_up, proxy.keep_acks, proxy.stalled = None, False, False
            proxy.reset()
            raise_and_wait(account, gateway, subscriber)
        until(lambda: len({*events(subscriber)}) == len(account.raised), what="every alarm")
        account.check(events(subscriber), gateway.spool)
