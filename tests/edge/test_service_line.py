"""The service at a sensor line that is unplugged, noisy, or goes on while the gateway stands still."""

import contextlib
import datetime as dt
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import Site, told, vibration
from tests.waiting import in_time


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    with Site(tmp_path, broker.port) as site:
        yield site


@contextlib.contextmanager
def lateness() -> Iterator[Any]:
    """Gives how late a thread that only sleeps was woken, each time: the machine's own stalls."""
    late_s, stop = [0.0], threading.Event()

    def nap() -> None:
        while not stop.is_set():
            begun_s = time.monotonic()
            time.sleep(0.05)
            late_s.append(time.monotonic() - begun_s - 0.05)

    thread = threading.Thread(target=nap)
    thread.start()
    try:
        yield late_s
    finally:
        stop.set()
        thread.join()


@needs_mosquitto
def test_a_lost_sensor_is_said_and_found_again(tmp_path: Path, site: Any, subscriber: Subscriber) -> None:
    """Said within 2 s by the service's own word of when, however late the subscriber hears of it."""
    link = tmp_path / "usb-sensor"
    link.symlink_to(site.line)
    site.config.write_text(site.config.read_text().replace(site.line, str(link)))
    site.start().play(vibration(0.3))
    with lateness() as late_s:
        link.unlink()
        site.unplug()
        unplugged_s = time.time()
        lost = until(subscriber.events)[0]
    said_s = dt.datetime.fromisoformat(lost["ts"]).timestamp() - unplugged_s
    print(f"lost sensor said after {said_s:.2f} s")
    assert said_s > 0
    assert in_time(said_s - sum(late_s), 2)
    assert (lost["type"], lost["kind"], lost["score"]) == ("new", "sensor_fault", 1.0)
    assert lost["reason"].startswith("sensor_lost")
    site.plug_in()
    link.symlink_to(site.line)
    until(site.opened, what="the sensor being found again")
    site.play(vibration(0.3, 0.3, 0.3, 0.3))
    until(lambda: told(subscriber) == [("new", "sensor_fault"), ("end", "sensor_fault")])


@needs_mosquitto
def test_garbage_is_named_within_seconds_and_raises_no_anomaly(site: Any, subscriber: Subscriber) -> None:
    site.start()
    stop = threading.Event()

    def shout() -> None:
        while not stop.is_set():
            os.write(site.master, os.urandom(1000))
            time.sleep(0.01)

    thread = threading.Thread(target=shout)
    thread.start()
    try:
        event = until(subscriber.events)[0]
    finally:
        stop.set()
        thread.join()
    assert event["kind"] == "sensor_fault"
    assert "no_valid_frame" in event["reason"]
    assert "baud rate" in event["reason"]


@needs_mosquitto
def test_garbage_costs_little_and_is_logged_once(site: Any, broker: Broker) -> None:
    """Ten seconds of noise at the line rate of 921600 baud: a quiet log, a calm processor."""
    broker.start()
    site.start()
    process = psutil.Process(site.service.pid)
    busy_s, size = process.cpu_times(), process.memory_info().rss
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < 10:
        os.write(site.master, os.urandom(4096))
        time.sleep(4096 / 92160)
    used = process.cpu_times()
    assert (used.user + used.system - busy_s.user - busy_s.system) / 10 < 0.5
    assert process.memory_info().rss - size < 5e6
    lines = [line for line in site.log().splitlines() if "not synchronised" not in line]  # of this machine
    assert len(lines) <= 4


@needs_mosquitto
def test_frames_that_never_become_a_window_are_named(site: Any, subscriber: Subscriber) -> None:
    """A sensor that states another rate than its model's must not pass for a quiet machine."""
    site.start()
    wrong = replace(vibration(0.3, seconds=6), rate_hz=1100.0)
    site.play(wrong)
    event = until(subscriber.events)[0]
    assert (event["type"], event["kind"]) == ("new", "sensor_fault")
    assert event["reason"].startswith("no_window: frames come but no whole window (mismatch: sensor samples")
    health = until(
        lambda: (body := subscriber.latest("health")) and (read := json.loads(body))["trouble"] and read
    )
    assert health["status"] == "degraded"
    site.play(vibration(0.3, seconds=2))
    until(lambda: told(subscriber) == [("new", "sensor_fault"), ("end", "sensor_fault")])
    until(
        # This machine's clock need not be synchronised.
        lambda: (body := subscriber.latest("health")) and not json.loads(body)["troubles"].keys() - {"clock"}
    )


def health_of(subscriber: Subscriber) -> Any:
    body = subscriber.latest("health")
    return json.loads(body)["sensor"] if body else None


@needs_mosquitto
def test_a_stalled_gateway_counts_what_it_missed(site: Any, subscriber: Subscriber) -> None:
    """SIGSTOP under a sensor that does not wait: what was missed is counted, and no alarm made up."""
    site.start()
    os.set_blocking(site.master, False)
    sent, refused = 0, 0
    for frame in signal_frames(
        vibration(0.3, seconds=60), SimulatedSensor(frame_samples=50), time.time_ns() // 1000
    ):
        if frame.sequence in (300, 900):
            site.service.send_signal(signal.SIGSTOP if frame.sequence == 300 else signal.SIGCONT)
        data = encode_data(frame, SampleFormat.FLOAT32)
        try:
            whole = os.write(site.master, data) == len(data)
        except BlockingIOError:
            whole = False
        sent, refused = sent + 1, refused + (not whole)
        time.sleep(0.005)
    assert refused > 10  # the port's own buffer was full: these were lost before they reached us
    os.set_blocking(site.master, True)
    line = until(
        lambda: (seen := health_of(subscriber)) and seen["frames"] + seen["faults.gap"] >= sent and seen
    )
    assert line["frames"] + line["faults.gap"] == sent
    assert all(body["kind"] == "sensor_fault" for body in subscriber.events())


@needs_mosquitto
def test_knocks_that_reach_the_end_of_the_range_are_an_anomaly_and_the_log_is_quiet(
    site: Any, subscriber: Subscriber
) -> None:
    """Two windows of three cut off, each kind of fault alone too seldom: both are named, once."""
    site.config.write_text(site.config.read_text() + "range = 16.0\n")
    source = vibration(0.3, seconds=14.0)
    for begin in range(1000, len(source.samples), 96):
        source.samples[begin : begin + 20] = 16.0 * (-1.0) ** (begin // 96)
        source.samples[begin + 1 : begin + 20 : 2] *= -1
    site.start().play(source)
    until(lambda: ("new", "sensor_fault") in told(subscriber), what="the sensor's fault")
    assert told(subscriber).count(("new", "anomaly")) == 1
    assert told(subscriber).count(("new", "sensor_fault")) == 1
    lines = [line for line in site.log().splitlines() if " pump: " in line]
    assert len(lines) <= 10, lines
