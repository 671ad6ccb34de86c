"""The service and who its sensors say they are; and a frame whose time is wrong beside an alarm."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.records import Frame, Hello
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data, encode_hello
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import Site, told, vibration

pytestmark = needs_mosquitto
CALM_S = 3.0
"""After so long the sampling rate is known well enough for what comes at one time to be no doubt of it."""


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    """A site whose sensor may be quiet for as long as a busy machine takes to come to it."""
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text() + "silence_s = 3600\n")
        yield site


def hello(serial: str, boot: int, channels: tuple[str, ...] = ("x",)) -> bytes:
    return encode_hello(Hello(1, boot, channels, "g", 16.0, serial, "1.0"))


def play(site: Any, serial: str, boot: int, seconds: float, channels: tuple[str, ...] = ("x",)) -> None:
    """Be a sensor with this serial number for a while."""
    sensor = SimulatedSensor(frame_samples=50, boot_id=boot)
    site.write(hello(serial, boot, channels))
    send(site, signal_frames(vibration(0.3, seconds=seconds), sensor, time.time_ns() // 1000))


def send(site: Any, frames: Iterable[Frame]) -> None:
    """Keep the sensor's pace, however late a frame is."""
    begin_s = time.monotonic()
    for number, frame in enumerate(frames, 1):
        site.write(encode_data(frame, SampleFormat.FLOAT32))
        time.sleep(max(0.0, begin_s + 0.05 * number - time.monotonic()))


def identity(subscriber: Subscriber) -> str:
    body = subscriber.latest("health")
    return str(json.loads(body)["identity"]) if body else ""


def test_two_swapped_sensors_are_a_fault_that_names_the_other(site: Any, subscriber: Subscriber) -> None:
    text = site.config.read_text()
    pump = text.split("[[sensor]]")[1]
    fan = pump.replace('"pump"', '"fan"').replace(site.line, str(site.folder / "nowhere"))
    site.config.write_text(
        text.replace(pump, pump + 'serial = "A"\n') + "\n[[sensor]]" + fan + 'serial = "B"\n'
    )
    site.start()
    play(site, "B", 1, 1.0)

    def reasons() -> list[str]:
        found = [body for topic, body in subscriber.seen if topic.endswith("/pump/event")]
        return [str(json.loads(body)["reason"]) for body in found]

    (reason,) = until(reasons)
    assert reason == (
        "mismatch: serial number: the sensor says 'B', the site 'A'; "
        "it says what sensor 'fan' should: are they swapped?"
    )
    play(site, "A", 2, 2.0)
    until(lambda: len(reasons()) == 2, what="the end of the fault")
    assert told(subscriber).count(("new", "anomaly")) == 0


def test_another_sensor_without_a_pin_is_shown_and_logged_and_no_fault(
    site: Any, subscriber: Subscriber
) -> None:
    site.start()
    play(site, "A", 1, 1.0)
    until(lambda: identity(subscriber) == "sensor id 1, serial number 'A', firmware '1.0'")
    play(site, "B", 2, 1.0)
    now, before = (f"sensor id 1, serial number {name!r}, firmware '1.0'" for name in "BA")
    said = f"{now}; before: {before}"
    until(lambda: identity(subscriber) == said)
    play(site, "B", 2, 1.0)
    assert told(subscriber) == []
    assert site.log().count("another sensor, or another firmware") == 1


def test_a_channel_of_another_name_is_a_fault_unless_the_site_says_so(
    site: Any, subscriber: Subscriber
) -> None:
    site.start()
    play(site, "A", 1, 1.0, ("FE",))
    reason = until(subscriber.events)[0]["reason"]
    assert reason == "mismatch: channels: the sensor says 'FE', the model needs 'x'"
    site.stop()
    site.config.write_text(site.config.read_text() + 'hello_channels = ["FE"]\n')
    site.start()
    play(site, "A", 2, 2.0, ("FE",))
    until(lambda: told(subscriber) == [("new", "sensor_fault"), ("end", "sensor_fault")])


def test_a_frame_with_a_wrong_time_behind_an_alarm_takes_nothing_from_its_times(
    site: Any, subscriber: Subscriber
) -> None:
    """Both in what was read at one time."""
    site.start()
    source = vibration(0.3, 3.0, seconds=CALM_S)
    frames = list(signal_frames(source, SimulatedSensor(frame_samples=50), 10**9))
    calm, loud = frames[: len(frames) // 2], frames[len(frames) // 2 :]
    send(site, calm)
    wrong = loud[8]._replace(time_us=2**64 - 1)
    data = b"".join(encode_data(frame, SampleFormat.FLOAT32) for frame in (*loud[:8], wrong))
    assert os.write(site.master, data) == len(data) < 4096
    (event,) = until(subscriber.events)
    begun_s = time.time()
    assert (event["type"], event["kind"]) == ("new", "anomaly"), event["reason"]
    assert event["start_time"] is not None
    assert event["start_time"][:4] == time.strftime("%Y", time.gmtime(begun_s))
