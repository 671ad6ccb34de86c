"""The service as its users run it: what is retained at a real broker is true, and outlives nobody."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import Site, told, vibration

pytestmark = needs_mosquitto
BASE = "steadyhum/plant/gateway"


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    with Site(tmp_path, broker.port) as site:
        yield site


def latest(subscriber: Subscriber, leaf: str) -> Any:
    body = subscriber.latest(leaf) or b"{}"
    return json.loads(body or b"{}")


def retained(broker: Broker) -> dict[str, bytes]:
    """What a subscriber that comes now is given."""
    with Subscriber(broker.far_port, name="newcomer") as newcomer:
        newcomer.catch_up()
        return dict(newcomer.seen)


def test_a_sensor_that_falls_silent_does_not_hide_the_anomaly(site: Any, subscriber: Subscriber) -> None:
    """Nor does one that comes back to a machine that is still faulty."""
    site.start().play(vibration(0.3, 3.0))
    until(lambda: latest(subscriber, "state").get("alarm") == "ON")
    since = len(subscriber.seen)
    until(lambda: latest(subscriber, "condition").get("link") == "down", 5, "the silence")
    assert subscriber.latest("pump/availability") == b"offline"
    site.play(vibration(3.0, 3.0))
    until(lambda: ("end", "sensor_fault") in told(subscriber), what="the sensor coming back")
    until(lambda: subscriber.latest("pump/availability") == b"online")
    states = [json.loads(body) for topic, body in subscriber.seen[since:] if topic.endswith("/state")]
    assert {state["alarm"] for state in states} == {"ON"}
    assert {state["kind"] for state in states} == {"anomaly"}
    assert all(state["threshold"] != 0.5 for state in states)
    condition = latest(subscriber, "condition")
    assert (condition["link"], condition["fault"], condition["alarms"]) == ("up", "", [])


def test_an_alarm_that_stays_over_a_reload_ends_as_what_it_began(site: Any, subscriber: Subscriber) -> None:
    site.start().play(vibration(0.3, 3.0))
    new = until(subscriber.events)[0]
    site.config.write_text(site.config.read_text() + 'threshold = 50.0\nmachine = "pump 7"\n')
    site.service.send_signal(signal.SIGHUP)
    until(lambda: latest(subscriber, "info").get("sensors", {}).get("pump", {}).get("machine") == "pump 7")
    site.play(vibration(0.3, 0.3, 0.3))
    end = until(lambda: end_of(subscriber, new["id"]))
    assert (end["threshold"], end["model"], end["machine"]) == (new["threshold"], new["model"], "")
    assert end["elapsed_s"] > 0
    assert end["end_time"] > end["start_time"] == new["start_time"]


def end_of(subscriber: Subscriber, name: str) -> Any:
    ends = [event for event in subscriber.events() if event["type"] == "end" and event["id"] == name]
    return ends[0] if ends else None


def test_what_goes_while_the_broker_is_away_is_cleared_when_it_comes_back(
    site: Any, broker: Broker, subscriber: Subscriber
) -> None:
    site.start().play(vibration(0.3, 3.0))
    new = until(subscriber.events)[0]
    until(lambda: latest(subscriber, "state").get("alarm_id") == new["id"])
    broker.stop()
    site.stop()
    site.config.write_text(site.config.read_text().replace('"pump"', '"fan"'))
    site.start(wait=False)
    until(lambda: "watching fan" in site.log())
    site.stop()
    site.start(wait=False)
    broker.start()
    until(lambda: (f"{BASE}/pump/state", b"") in subscriber.seen, what="the state being cleared")
    until(lambda: end_of(subscriber, new["id"]), what="the end")
    until(lambda: not [topic for topic in retained(broker) if "/pump/" in topic], what="nothing left of it")
    memory = site.folder / "state" / "retained.json"
    until(lambda: "/pump/" not in memory.read_text(), what="being crossed out")


def test_a_device_with_another_name_leaves_nothing_under_the_old_one(
    site: Any, broker: Broker, subscriber: Subscriber
) -> None:
    site.start().play(vibration(0.3, 3.0))
    new = until(subscriber.events)[0]
    site.stop()
    site.config.write_text(site.config.read_text().replace('device = "gateway"', 'device = "other"'))
    site.start()
    end = until(lambda: end_of(subscriber, new["id"]))
    assert "another name" in end["reason"]
    assert [topic for topic, body in subscriber.seen if b'"type":"end"' in body] == [f"{BASE}/pump/event"]

    def left() -> list[str]:
        with Subscriber(broker.far_port, name="newcomer") as newcomer:
            newcomer.catch_up()
            return [topic for topic, body in newcomer.seen if topic.startswith(f"{BASE}/") and body]

    until(lambda: left() == [], what="nothing left of the old name")


def test_a_new_card_ends_what_the_old_one_left_open(site: Any, subscriber: Subscriber) -> None:
    site.start().play(vibration(0.3, 3.0))
    new = until(subscriber.events)[0]
    until(lambda: [alarm["id"] for alarm in latest(subscriber, "info").get("alarms", [])] == [new["id"]])
    site.stop(signal.SIGKILL)
    shutil.rmtree(site.folder / "state")
    site.start()
    end = until(lambda: end_of(subscriber, new["id"]))
    assert "memory card" in end["reason"]
    assert end["epoch"] != new["epoch"]
    assert (end["seq"], end["start_time"]) == (1, new["start_time"])


EARLIER = ("availability", "+/state", "+/event", "+/health")


def test_with_an_access_list_of_an_earlier_version_only_the_new_topics_are_missing(
    tmp_path: Path,
) -> None:
    """Refused messages neither end the connection nor keep alarms waiting."""
    acl = tmp_path / "acl"
    lines = [f"topic write {BASE}/{leaf}" for leaf in EARLIER]
    acl.write_text("\n".join([*lines, "topic read steadyhum/#"]) + "\n")
    with (
        Broker(tmp_path, f"acl_file {acl}") as broker,
        Site(tmp_path, broker.port) as site,
        Subscriber(broker.port) as viewer,
    ):
        site.start()
        for _ in range(2):
            site.play(vibration(0.3, 3.0, 0.3, 0.3, 0.3))
        until(lambda: told(viewer) == [("new", "anomaly"), ("end", "anomaly")] * 2, what="the alarms")
        until(lambda: latest(viewer, "state").get("alarm") == "OFF")
        troubles = until(lambda: latest(viewer, "health").get("troubles"))
        assert f"topic {BASE}/info" in troubles
        denied = {topic for topic, text in troubles.items() if text == "denied with reason code 135"}
        assert denied == {topic for topic in troubles if topic.startswith("topic ")}, troubles
        assert latest(viewer, "health")["figures"]["mqtt.connections"] == 1
        assert viewer.latest("info") is None
        assert site.stop() == 0
