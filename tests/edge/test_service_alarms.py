"""The service as its users run it: alarms, and their delivery whatever dies in between."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from edge_runtime.sensors.simulator import SimulatedSensor, play_signals
from tests.bridged import both_ways
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import EDGE, RATE_HZ, Site, told, vibration
from tests.processes import running
from tests.waiting import HANG_S, in_time, scaled


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    """A site whose sensor may be quiet for as long as a busy machine takes to come to it."""
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text() + "silence_s = 3600\n")
        yield site


@needs_mosquitto
def test_replay_says_what_live_says(site: Any, subscriber: Subscriber) -> None:
    """Ids and times aside, byte for byte: the same recording through a pty and through `replay`."""
    # The loud part comes when the service no longer doubts the rate, which `replay` never does.
    source = vibration(0.3, 0.3, 0.3, 3.0, 0.3, 2.5, 0.3, seconds=0.7)
    np.savez(site.folder / "r.npz", samples=source.samples, rate_hz=RATE_HZ, channels=["x"], unit="g")
    command = [
        *EDGE,
        "replay",
        str(site.folder / "r.npz"),
        "--model",
        str(site.folder / "rms.onnx"),
        "--json",
    ]
    replayed = [json.loads(line) for line in subprocess.check_output(command, text=True).splitlines()]
    site.start()

    def write(data: bytes) -> None:
        os.write(site.master, data)

    play_signals([source], SimulatedSensor(frame_samples=50), write)
    until(lambda: len(subscriber.anomalies()) >= len(replayed), what="all events")
    assert site.stop() == 0
    live = subscriber.anomalies()
    subscriber.close()
    wanted = [
        (item["type"], item["kind"], item["reason"], item["score"], item["threshold"]) for item in replayed
    ]
    assert len(wanted) == 4
    assert [(b["type"], b["kind"], b["reason"], b["score"], b["threshold"]) for b in live] == wanted
    shares = [[[band["name"], band["share"]] for band in body["top_bands"]] for body in live]
    assert shares == [item["top"] for item in replayed]
    starts = [time_s(body["start_time"]) for body in live]
    assert starts[0] == starts[1] < starts[2] == starts[3]


@needs_mosquitto
def test_an_alarm_of_a_sensor_that_is_taken_away_ends(site: Any, subscriber: Subscriber) -> None:
    """Renamed counts as taken away: its alarm and its state must not stand for ever."""
    site.start().play(vibration(0.3, 3.0))
    new = until(subscriber.anomalies)[0]
    site.config.write_text(site.config.read_text().replace('"pump"', '"fan"'))
    site.service.send_signal(signal.SIGHUP)
    end = until(lambda: [body for body in subscriber.anomalies() if body["type"] == "end"])[0]
    assert (end["id"], end["kind"], end["start_time"]) == (new["id"], "anomaly", new["start_time"])
    assert (end["reason"], end["score"]) == ("the sensor is no longer in the configuration", None)
    until(lambda: ("steadyhum/plant/gateway/pump/state", b"") in subscriber.seen)
    site.stop()
    site.start(wait=False)
    until(lambda: "watching fan" in site.log())
    assert len(subscriber.anomalies()) == 2


def time_s(text: str) -> Any:
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float(text[19:-1])


@needs_mosquitto
def test_what_a_subscriber_sees(site: Any, subscriber: Subscriber) -> None:
    site.start()
    until(lambda: subscriber.latest("gateway/availability") == b"online")
    site.play(vibration(0.3, 3.0))
    until(lambda: told(subscriber) == [("new", "anomaly")])
    until(lambda: json.loads(subscriber.latest("state") or b"{}").get("alarm") == "ON")
    state, info = (json.loads(subscriber.latest(leaf) or b"") for leaf in ("state", "info"))
    assert (state["schema"], state["model"]["name"], state["supported"]) == (2, "rms", True)
    assert [(name, sensor["model"]) for name, sensor in info["sensors"].items()] == [
        ("pump", state["model"]["sha256"])
    ]
    until(lambda: subscriber.latest("pump/availability") == b"online")
    condition = json.loads(subscriber.latest("condition") or b"")
    assert (condition["link"], condition["alarms"]) == ("up", [])
    until(lambda: json.loads(subscriber.latest("health") or b"{}").get("sensor", {}).get("frames", 0) > 10)
    begun_s = time.monotonic()
    assert site.stop() == 0
    assert in_time(time.monotonic() - begun_s, 10)
    until(lambda: subscriber.latest("gateway/availability") == b"offline")


@both_ways("plant/gateway")
@needs_mosquitto
def test_nothing_is_lost_while_the_broker_is_away(
    site: Any,
    broker: Broker,
    subscriber: Subscriber,
    stop_at_end: Callable[[AbstractContextManager[Any]], Any],
) -> None:
    """Away at start and again in the middle; the sessions of the subscribers outlive both."""
    listen = [*EDGE, "listen", "--broker", f"mqtt://127.0.0.1:{broker.port}", "--json"]
    home = {**os.environ, "XDG_STATE_HOME": str(site.folder / "home")}
    books = stop_at_end(running([*listen, "--client-id", "auditor"], stdout=subprocess.PIPE, env=home))
    while json.loads(books.stdout.readline())["what"] != "listening":
        pass
    broker.stop()
    site.start()
    site.play(vibration(0.3, 3.0))
    broker.start()
    until(lambda: told(subscriber) == [("new", "anomaly")], what="the alarm from before the broker")
    assert subscriber.events()[0]["replayed"] is True
    broker.stop()
    for _ in range(2):
        site.play(vibration(0.3, 0.3, 0.3, 3.0))
    lock = site.folder / "state" / "spool.lock"  # which records the newest alarm that is stored
    until(lambda: lock.read_text().split("stored")[-1].strip() == "5", what="the alarms meanwhile")
    broker.start()
    until(lambda: len(subscriber.events()) >= 5, 20, "the rest")
    site.play(vibration(0.3, 0.3, 0.3))
    until(lambda: len(subscriber.events()) >= 6, 20, "the last end")
    heard = subscriber.events()
    heard, later = heard[:6], heard[6:]  # a sensor that has sent all it had is silent, where this takes long
    assert [(body["type"], body["kind"]) for body in heard] == [("new", "anomaly"), ("end", "anomaly")] * 3
    assert {body["kind"] for body in later} <= {"sensor_fault"}
    assert [body["seq"] for body in heard] == [1, 2, 3, 4, 5, 6]
    assert len({body["epoch"] for body in heard}) == 1
    assert [body["replayed"] for body in heard] == [True] * 5 + [False]
    subscriber.close()
    said: list[Any] = []
    while sum(line["what"] == "message" and line["topic"].endswith("/event") for line in said) < 6:
        said.append(json.loads(books.stdout.readline()))
    books.send_signal(signal.SIGINT)
    said += [json.loads(line) for line in books.stdout]
    assert books.wait(scaled(HANG_S)) == 0
    assert said[-1]["what"] == "summary"
    assert said[-1]["lost"] == 0
    (stream,) = [line for line in said if line["what"] == "stream"]
    assert stream["first"] == 1
    assert stream["last"] >= 6, stream


@both_ways("plant/gateway")
@needs_mosquitto
def test_an_alarm_outlives_a_crash(site: Any, subscriber: Subscriber) -> None:
    site.start().play(vibration(0.3, 3.0))
    until(lambda: len(subscriber.anomalies()) == 1)
    site.stop(signal.SIGKILL)
    begun_s = time.monotonic()
    site.start()
    assert in_time(time.monotonic() - begun_s, 5)
    site.play(vibration(0.3, 0.3))
    until(lambda: len(subscriber.anomalies()) == 2)
    new, end = subscriber.anomalies()
    assert (new["type"], end["type"]) == ("new", "end")
    assert new["id"] == end["id"]
    assert new["start_time"] == end["start_time"]


@needs_mosquitto
@pytest.mark.parametrize("spare_bytes", [0, 2**16, 2**22])
def test_without_memory_it_goes_on_or_ends_and_is_never_half_alive(
    site: Any, broker: Broker, subscriber: Subscriber, spare_bytes: int
) -> None:
    """What it raised before is there when it starts again."""
    site.start().play(vibration(0.3, 3.0))
    until(lambda: len(subscriber.anomalies()) == 1)
    process = psutil.Process(site.service.pid)
    most = process.memory_info().vms + spare_bytes
    process.rlimit(psutil.RLIMIT_AS, (most, most))
    broker.stop()  # a new connection takes memory too
    os.set_blocking(site.master, False)
    broker.start()
    site.play(vibration(0.3, 0.3, 3.0, seconds=1))
    os.set_blocking(site.master, True)
    if site.service.poll() is None:
        until(lambda: ("end", "anomaly") in told(subscriber), what="an alarm's end, though memory is short")
        site.stop(signal.SIGKILL)
    else:
        assert site.service.returncode != 0, "whoever watches starts it again"
    site.start().play(vibration(0.3, 0.3))
    until(lambda: told(subscriber)[-1] == ("end", "anomaly"))
