"""A subscriber that was away for a day finds every alarm, whatever was said again meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import Gateway, depth, put

pytestmark = needs_mosquitto
SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
SENSORS = 64
ALARMS = 450
"""Each is an event `new` and an event `end`: 900 of the 1,000 messages that Mosquitto keeps by default."""
ROUNDS = 8640 if SOAK else 60
"""Refreshes of every state: a day of one every 10 s in a soak; 16 would have filled the queue."""
RECONNECTIONS = 12


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Any]:
    """Mosquitto with its default limits."""
    with Broker(tmp_path, *DEFAULTS) as broker:
        yield broker


DEFAULTS = (
    "max_queued_messages 1000",
    "max_inflight_messages 20",
    "autosave_on_changes false",
    "autosave_interval 3600",
)


def topic(sensor: int, leaf: str) -> str:
    """A topic of one of the sensors."""
    return f"steadyhum/site/device/s{sensor}/{leaf}"


def live_through(gateway: Any, broker: Any) -> None:
    """A day with alarms, a refresh of every state every 10 s, and a connection that is lost now and then."""
    publisher = gateway.publish(broker.port)
    for n in range(ROUNDS):
        for sensor in range(SENSORS):
            for leaf in ("state", "condition", "availability"):
                publisher.retain(topic(sensor, leaf), b'{"round":%d}' % n, refresh=True, expiry_s=30)
        first, last = n * ALARMS // ROUNDS, (n + 1) * ALARMS // ROUNDS
        for alarm in range(first, last):
            for kind in ("new", "end"):
                put(gateway, f"{kind}{alarm}", topic=topic(alarm % SENSORS, "event"))
                publisher.retain(topic(alarm % SENSORS, "state"), b'{"alarm":%d}' % alarm, expiry_s=30)
        until(lambda: depth(gateway) == 0)
        if n % (ROUNDS // RECONNECTIONS) == 0:
            publisher.stop()
            publisher = gateway.publish(broker.port)
    publisher.stop()


def test_a_subscriber_that_is_away_for_a_day_loses_no_alarm(gateway: Any, broker: Any) -> None:
    Subscriber(broker.port, "scada").close()
    live_through(gateway, broker)
    with Subscriber(broker.port, "scada") as back:
        until(lambda: back.latest("availability") and len(back.events()) >= 2 * ALARMS, what="every alarm")
        heard = {event["id"] for event in back.events()}
    assert heard == {f"{kind}{alarm}" for alarm in range(ALARMS) for kind in ("new", "end")}
    assert "Outgoing messages are being dropped" not in broker.log.read_text()
    print(f"{ROUNDS * SENSORS * 3} refreshes, {RECONNECTIONS} connections, {len(heard)} events: none lost")


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway
