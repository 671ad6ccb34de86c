"""Alarms by limits of the site's, by the whole service: told, kept over a kill, ended, gone with them."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core import Reading
from edge_runtime.door import DoorClient
from edge_runtime.sensors.protocols.frames import encode_reading
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import OFF, Site

pytestmark = needs_mosquitto
WELL, LOUD = 0.3, 0.8
"""Levels of the machine, g: 2.9 and 7.8 m/s2. The model's threshold is 1 g."""
LIMITS = """
[sensor.trends.level]
above = 5.0
on_delay_s = 0
off_delay_s = 1
[sensor.trends.reading]
name = "temperature"
above = 80
on_delay_s = 0
off_delay_s = 1
"""


@pytest.fixture
def site(tmp_path: Path, subscriber: Subscriber, broker: Broker) -> Iterator[Site]:
    """It is not started."""
    with Site(tmp_path, broker.port) as site:
        text = site.config.read_text().replace(OFF, f"[history]\nfree_bytes = 0\n{OFF}")
        site.config.write_text(f"{text}silence_s = 600\n{LIMITS}")
        yield site


def trends(subscriber: Subscriber) -> list[tuple[str, str]]:
    """Beginnings and ends of alarms on trends."""
    events = subscriber.events()
    return [(body["type"], body["kind"]) for body in events if body["kind"].endswith("_trend")]


def state(subscriber: Subscriber) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(subscriber.latest("state") or b"{}")
    return found


def test_a_rise_is_told_outlives_a_kill_and_ends(site: Site, subscriber: Subscriber) -> None:
    site.start()
    with site.playing(LOUD) as machine:
        until(lambda: trends(subscriber) == [("new", "level_trend")], what="the alarm")
        (began,) = [body for body in subscriber.events() if body["kind"] == "level_trend"]
        assert began["reason"].startswith("above: 7.")
        assert (began["threshold"], 5 < began["score"] < 10) == (5.0, True)
        until(lambda: [each["id"] for each in state(subscriber).get("trends", [])] == [began["id"]])
        assert (state(subscriber)["alarm"], state(subscriber)["alarm_id"]) == ("OFF", None)
        site.stop(signal.SIGKILL)
        machine.level = WELL
    site.start()
    with site.playing(WELL):
        until(lambda: ("end", "level_trend") in trends(subscriber), what="its end")
        (ended,) = [body for body in subscriber.events() if body["type"] == "end"]
        assert ended["id"] == began["id"]
        until(lambda: state(subscriber)["trends"] == [], what="the state without it")
    site.stop()
    assert not [body for body in subscriber.events() if body["kind"] == "anomaly"]


def test_a_reading_and_a_limit_that_is_taken_away(site: Site, subscriber: Subscriber) -> None:
    """The line is not begun again for it."""
    site.start()
    hot = encode_reading(Reading(1, 1, 0, "temperature", "degC", 91.0))
    with site.playing(WELL), DoorClient(site.folder / "state" / "door.sock") as client:

        def heard() -> bool:
            site.write(hot)
            return bool(client.call("alarms.list"))

        until(heard, what="the alarm")
        text = site.config.read_text()
        site.config.write_text(text[: text.index("[sensor.trends.reading]")])
        site.service.send_signal(signal.SIGHUP)
        until(lambda: ("end", "reading_trend") in trends(subscriber), what="its end")
    (ended,) = [body for body in subscriber.events() if body["type"] == "end"]
    assert ended["reason"] == "the configuration sets no limit on this any more"
    assert (ended["action"], site.log().count("watching pump")) == ("removed", 1)
    site.stop()
