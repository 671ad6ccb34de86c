"""A sensor without a model, from its first window to its first alarm, as its users have it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bridged import both_ways
from tests.broker import Broker, Subscriber, needs_mosquitto
from tests.edge.learning_site import answer, asked, capture, commission, let_it_learn
from tests.edge.sites import Site, told, vibration
from tests.waiting import until


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Site]:
    """A site whose sensor learns, and may be quiet for as long as a busy machine takes to come to it."""
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text() + "silence_s = 3600\nusable_share = 0\n")
        yield site


@contextmanager
def playing(site: Site, level: float = 0.2) -> Iterator[None]:
    """Be a sensor on a machine in this state until the block ends."""
    over = threading.Event()

    def play() -> None:
        while not over.is_set():
            site.play(vibration(level, seconds=0.3))

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def latest(subscriber: Subscriber, leaf: str) -> dict[str, Any]:
    """The newest message of the pump on that topic; empty before the first."""
    body: dict[str, Any] = json.loads(subscriber.latest(f"pump/{leaf}") or b"{}")
    return body


def shadows(subscriber: Subscriber) -> list[dict[str, Any]]:
    """What the pump said in the shadow."""
    return [json.loads(body) for topic, body in subscriber.seen if topic.endswith("/pump/shadow")]


@needs_mosquitto
@both_ways("plant/gateway")
def test_from_no_model_to_an_alarm(site: Site, subscriber: Subscriber) -> None:
    state = let_it_learn(site)
    site.start()
    with playing(site):
        until(lambda: latest(subscriber, "condition").get("link") == "up", what="the sensor being heard")
        assert latest(subscriber, "condition")["commissioning"] == "learning"
        capture(state)
        assert commission(site, "learn")["learner"] == {"step": "", "share": 0.0}
        answer(state, asked(state), site.folder / "rms.onnx")
        until(lambda: bool(latest(subscriber, "condition")["asks"]), what="the sensor asking to be armed")
        said = commission(site)
        assert (said["stage"], said["alarms"]) == ("shadow", 0)
    site.play(vibration(3.0, 0.2, seconds=1.0))
    until(lambda: len(shadows(subscriber)) >= 2, what="what it would have raised an alarm about")
    assert [(body["shadow"], body["type"]) for body in shadows(subscriber)[:2]] == [
        (True, "new"),
        (True, "end"),
    ]
    assert [kind for _, kind in told(subscriber) if kind == "anomaly"] == []
    assert commission(site, "arm", "--note", "heard it myself")["stage"] == "armed"
    until(lambda: latest(subscriber, "condition")["commissioning"] == "armed", what="an armed sensor")
    site.play(vibration(3.0, 0.2, seconds=1.0))
    until(lambda: ("new", "anomaly") in told(subscriber), what="the alarm")
    assert latest(subscriber, "state")["model"]["origin"] == "learnt-here"
    site.stop()
    subscriber.close()
