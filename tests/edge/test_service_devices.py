"""The service at sensors that the kernel reads: an alarm, its vibration, the device away and there again."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.devices_tree import DIGIDUCER, IIO_SCALE, IioTree, Vibrating, plug_cards
from tests.edge.recorded import frames_in
from tests.edge.sites import OFF, RATE_HZ, Site, told
from tests.waiting import in_time

pytestmark = needs_mosquitto
EVIDENCE = "[evidence]\nbefore_s = 1\nafter_s = 1\nfree_bytes = 0\n"
NORMAL, FAULTY = 0.3, 3.0


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IioTree]:
    monkeypatch.setenv("STEADYHUM_DEVICES", str(tmp_path))
    made = IioTree(tmp_path, rate_hz=RATE_HZ)
    made.attributes({"in_accel_scale": str(IIO_SCALE)})
    made.plug_in()
    yield made
    made.unplug()


def health(subscriber: Subscriber) -> dict[str, float]:
    """What health counts of the sensor; empty before the first message."""
    body = subscriber.latest("health")
    return dict(json.loads(body)["sensor"]) if body else {}


def test_an_iio_sensor_raises_an_alarm_with_its_vibration_and_is_found_again(
    tmp_path: Path, broker: Broker, subscriber: Subscriber, tree: IioTree
) -> None:
    machine = Vibrating(tree)
    with Site(tmp_path, broker.port) as site:
        text = site.config.read_text().replace(site.line, "iio:adxl355")
        site.config.write_text(text.replace(OFF, EVIDENCE))
        site.start(wait=False)
        until(lambda: tree.said("buffer/enable") == "1" and "watching pump" in site.log())
        machine.losing = 30
        until(lambda: health(subscriber).get("faults.gap") == 1, what="the loss being counted")
        machine.level = FAULTY
        until(lambda: ("new", "anomaly") in told(subscriber), what="the alarm")
        machine.level = NORMAL
        until(lambda: [each for event in subscriber.events() for each in event.get("evidence") or ()])
        capture = next((site.folder / "state/evidence").rglob("*.frames"))
        assert 6 < max(np.abs(frame.samples).max() for frame in frames_in(capture)) < 20
        machine.end()
        away = tree.node.rename(tree.node.with_suffix(".away"))
        tree.unplug()
        until(lambda: ("new", "sensor_fault") in told(subscriber), what="the device being missed")
        assert "sensor_lost" in subscriber.events()[-1]["reason"]
        away.rename(tree.node)
        tree.plug_in()
        machine = Vibrating(tree)
        until(lambda: ("end", "sensor_fault") in told(subscriber), what="the device being read again")
        machine.end()


CARD = """#!{python}
import random, sys, time
from pathlib import Path
folder = Path({folder!r})
begin_s, sent = time.monotonic(), 0
print("Recording raw data", file=sys.stderr, flush=True)
while (folder / "proc/asound/cards").exists():
    level = float((folder / "level").read_text() or 0.3)
    for _ in range(50):
        value = max(-8388607, min(8388607, round(level * random.gauss(0, 1) * 54321 * 9.80665)))
        sys.stdout.buffer.write(value.to_bytes(3, "little", signed=True) + b"\\0\\0\\0")
    sys.stdout.buffer.flush()
    if not sent:
        (folder / "begun").write_text(str(time.time()))
    sent += 50
    time.sleep(max(0.0, begin_s + sent / 1000 - time.monotonic()))
sys.exit("arecord: pcm_read:2221: read error: No such device")
"""


def test_a_usb_accelerometer_raises_an_alarm_and_is_read_within_two_seconds_of_its_return(
    tmp_path: Path, broker: Broker, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEADYHUM_DEVICES", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "level").write_text("0.3")
    (tmp_path / "arecord").write_text(CARD.format(python=sys.executable, folder=str(tmp_path)))
    (tmp_path / "arecord").chmod(0o755)
    plug_cards(tmp_path, ("U333D01", f"USB-Audio - {DIGIDUCER}"))
    with Site(tmp_path, broker.port) as site:
        text = site.config.read_text().replace(site.line, "alsa:333D01")
        site.config.write_text(f'{text}hello_channels = ["A"]\nserial = "012345"\n')
        site.start(wait=False)
        until(lambda: health(subscriber).get("frames", 0) > 5, what="its frames")
        (tmp_path / "level").write_text("3.0")
        until(lambda: ("new", "anomaly") in told(subscriber), what="the alarm")
        (tmp_path / "level").write_text("0.3")
        until(lambda: ("end", "anomaly") in told(subscriber), what="its end")
        (tmp_path / "proc/asound/cards").unlink()
        until(lambda: ("new", "sensor_fault") in told(subscriber), what="the device being missed")
        assert "sensor_lost" in subscriber.events()[-1]["reason"]
        plug_cards(tmp_path, ("U333D01", f"USB-Audio - {DIGIDUCER}"))
        plugged_s = time.time()
        until(lambda: ("end", "sensor_fault") in told(subscriber), what="the device being read again")
        again_s = float((tmp_path / "begun").read_text()) - plugged_s
        print(f"read again {again_s:.2f} s after it was there again")
        assert again_s > 0
        assert in_time(again_s, 2)
