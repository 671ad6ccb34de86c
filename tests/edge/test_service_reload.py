"""A reload touches what changed: sixteen sensors under load, a real broker, one change after the other."""

import json
import os
import pty
import signal
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.artefacts import write_artefact
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import EDGE, RATE_HZ, Site, told, vibration
from tests.processes import end, start

pytestmark = needs_mosquitto
SENSORS = 16
SAMPLES, HOP = 256, 128
FRAME = 50
PERIOD_S = FRAME / RATE_HZ
HEAD = """
state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "127.0.0.1"
port = {port}
client_id = "gateway"
keepalive_s = 600
[report]
state_s = {state_s}
health_s = 0.5
[evidence]
enabled = false
"""
SENSOR = """
[[sensor]]
name = "{name}"
port = "{line}"
model = "{model}"
rate_hz = 1000
channels = ["x"]
unit = "g"
silence_s = 30.0
"""


class Line:
    """A sensor at a pty, which sends what it is given."""

    def __init__(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.sent = 0
        self.plays = False

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)

    @property
    def windows(self) -> int:
        """How many windows are in what was sent."""
        return max(0, (self.sent * FRAME - SAMPLES) // HOP + 1)


class Plant:
    """Sensors that send all the time, and the service that reads them."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder, self.broker = folder, broker
        write_artefact(folder / "rms.onnx", samples=SAMPLES, hop=HOP)
        write_artefact(folder / "other.onnx", samples=SAMPLES, hop=HOP, threshold=2.0, name="other")
        self.lines = {f"s{number}": Line() for number in range(SENSORS)}
        self.models = dict.fromkeys(self.lines, "rms.onnx")
        self.extra = dict.fromkeys(self.lines, "")
        self.broker_extra, self.state_s = "", 3600.0
        self.config = folder / "edge.toml"
        noise = 0.3 * np.random.default_rng(1).standard_normal((round(120 * RATE_HZ), 1))
        signal_ = Signal(noise.astype(np.float32), RATE_HZ, ("x",), "g")
        sensor = SimulatedSensor(frame_samples=FRAME, boot_id=1)
        self._frames = [encode_data(frame, SampleFormat.FLOAT32) for frame in signal_frames(signal_, sensor)]
        self._quit = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self.write()
        self.log = folder / "log"
        with self.log.open("a") as log:
            self.service = start([*EDGE, "run", "--config", self.config], stderr=log)

    def write(self) -> None:
        head = HEAD.format(port=self.broker.port, state_s=self.state_s)
        parts = [head.replace("[report]", f"{self.broker_extra}\n[report]")]
        for name, model in self.models.items():
            parts.append(SENSOR.format(name=name, line=self.lines[name].path, model=model) + self.extra[name])
        self.config.write_text("".join(parts))

    def reload(self) -> str:
        """Reload, and return what the service says of it."""
        self.write()
        before = self.log.read_text().count("reload")
        self.service.send_signal(signal.SIGHUP)
        until(lambda: self.log.read_text().count("reload") > before, what="the reload")
        return self.log.read_text().splitlines()[-1].rpartition(": ")[2]

    def opened(self, name: str) -> bool:
        assert self.service.poll() is None, self.log.read_text()[-2000:]
        line, descriptors = self.lines[name].path, Path(f"/proc/{self.service.pid}/fd")
        return any(os.path.realpath(item) == line for item in descriptors.iterdir())

    def begin(self) -> None:
        until(lambda: all(map(self.opened, self.lines)), what="all ports being open")
        for line in self.lines.values():
            line.plays = True
        self._thread.start()

    def stop_playing(self) -> None:
        self._quit.set()
        self._thread.join()

    def _play(self) -> None:
        due_s = time.monotonic()
        while not self._quit.is_set():
            due_s += PERIOD_S
            for line in list(self.lines.values()):
                if line.plays:
                    os.write(line.master, self._frames[line.sent])
                    line.sent += 1
            time.sleep(max(0.0, due_s - time.monotonic()))

    def close(self) -> None:
        self.stop_playing() if self._thread.is_alive() else None
        end(self.service, signal.SIGKILL)
        for line in self.lines.values():
            line.close()


@pytest.fixture
def plant(tmp_path: Path, broker: Broker, subscriber: Subscriber) -> Iterator[Any]:
    plant = Plant(tmp_path, broker)
    yield plant
    plant.close()


def figures(subscriber: Subscriber, name: str) -> dict[str, float]:
    body = subscriber.latest(f"{name}/health")
    return {} if body is None else json.loads(body)["sensor"]


def available(subscriber: Subscriber) -> list[bytes]:
    """All that was said of the device's availability."""
    return [body for topic, body in subscriber.seen if topic.endswith("gateway/availability")]


def test_no_window_is_lost_and_nobody_hears_of_it(plant: Plant, subscriber: Subscriber) -> None:
    plant.begin()
    until(lambda: all(figures(subscriber, name).get("windows") for name in plant.lines))
    connections = plant.broker.log.read_text().count("New client connected")
    said = until(lambda: subscriber.latest("gateway/availability") == b"online" and available(subscriber))
    states = sum(topic.endswith("/state") for topic, _ in subscriber.seen)
    assert plant.reload() == "nothing changed"
    assert sum(topic.endswith("/state") for topic, _ in subscriber.seen) == states
    plant.extra["s3"] = "threshold = 9.5\n"
    assert plant.reload() == "s3 adjusted"
    plant.models["s4"] = "other.onnx"
    plant.extra["s5"] = "alarm = { votes = [4, 5] }\nrange = 50.0\n"
    assert plant.reload() == "s4, s5 adjusted"
    write_artefact(plant.folder / "other.onnx", samples=SAMPLES, hop=HOP, threshold=1.9, name="third")
    assert plant.reload() == "s4 adjusted", "the file was written over"
    plant.state_s = 0.5
    assert plant.reload() == "report changed"
    line = plant.lines["added"] = Line()
    plant.models["added"], plant.extra["added"] = "rms.onnx", ""
    assert plant.reload() == "added added"
    until(lambda: plant.opened("added"))
    line.plays = True
    gone = plant.lines["s0"]
    del plant.models["s0"]
    assert plant.reload() == "s0 removed"
    until(lambda: not plant.opened("s0"), what="the removed sensor's port being closed")
    until(lambda: subscriber.latest("s0/state") == b"", what="its state being cleared")
    assert plant.broker.log.read_text().count("New client connected") == connections
    plant.broker_extra = 'username = "edge"\npassword_file = "password"'
    (plant.folder / "password").write_text("secret")
    (plant.folder / "password").chmod(0o600)
    assert plant.reload() == "broker changed"
    until(lambda: plant.broker.log.read_text().count("New client connected") == connections + 1)
    until(lambda: figures(subscriber, "added").get("windows"), what="windows of the new sensor")
    plant.stop_playing()
    gone.close()
    del plant.lines["s0"]
    for name, each in plant.lines.items():
        until(lambda: figures(subscriber, name).get("windows") == each.windows, what=f"windows of {name}")  # noqa: B023
        found = figures(subscriber, name)
        assert (found["faults.gap"], found["dropped_bytes"], found["port_opened"]) == (0, 0, 1)
    thresholds = {
        name: json.loads(subscriber.latest(f"{name}/state") or b"{}")["threshold"] for name in plant.lines
    }
    assert thresholds == dict.fromkeys(plant.lines, 1.0) | {"s3": 9.5, "s4": 1.9}
    assert available(subscriber) == said
    assert subscriber.latest("s0/state") == b""


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    with Site(tmp_path, broker.port) as site:
        yield site


def reload(site: Site, old: str, new: str) -> None:
    text = site.config.read_text()
    assert old in text
    site.config.write_text(text.replace(old, new, 1))
    before = site.log().count("reload")
    site.service.send_signal(signal.SIGHUP)
    until(lambda: site.log().count("reload") > before, what="the reload")


def test_an_alarm_goes_on_under_another_threshold_and_ends_by_it(site: Any, subscriber: Subscriber) -> None:
    site.start().play(vibration(0.3, 3.0))
    (begun,) = until(subscriber.anomalies, what="the alarm")
    reload(site, 'unit = "g"', 'unit = "g"\nthreshold = 50.0')
    site.play(vibration(3.0, 3.0))
    ended = until(lambda: [each for each in subscriber.anomalies() if each["type"] == "end"])[0]
    assert ended["id"] == begun["id"]
    assert len(subscriber.anomalies()) == 2


def test_the_peak_of_an_alarm_is_of_the_model_that_began_it(site: Any, subscriber: Subscriber) -> None:
    site.start().play(vibration(0.3, 3.0))
    (begun,) = until(subscriber.anomalies, what="the alarm")
    write_artefact(site.folder / "other.onnx", threshold=0.9)
    reload(site, "rms.onnx", "other.onnx")
    site.play(vibration(8.0, 0.3, 0.3))
    ended = until(lambda: [each for each in subscriber.anomalies() if each["type"] == "end"])[0]
    assert ended["id"] == begun["id"]
    assert begun["peak"] <= ended["peak"] < 5.0


def test_a_removed_sensors_alarm_ends_and_its_troubles_go(site: Any, subscriber: Subscriber) -> None:
    site.start().play(vibration(0.3, 3.0))
    until(subscriber.anomalies, what="the alarm")
    text = site.config.read_text()
    other = text[text.index("[[sensor]]") :].replace("pump", "fan").replace(site.line, "/dev/steadyhum-none")
    reload(site, 'name = "pump"', 'name = "renamed"')
    ended = until(lambda: [each for each in subscriber.anomalies() if each["type"] == "end"])[0]
    assert "no longer in the configuration" in ended["reason"]
    until(lambda: subscriber.latest("pump/state") == b"", what="its state being cleared")
    until(site.opened, what="the port, under the sensor's new name")
    with site.config.open("a") as config:
        config.write(other)
    reload(site, "[report]", "[report]\nscores = true")
    until(lambda: "sensor fan" in troubles(subscriber), 3, "the trouble of a sensor without a port")
    reload(site, other, "")
    until(lambda: not any("fan" in name for name in troubles(subscriber)), what="its end")


def troubles(subscriber: Subscriber) -> dict[str, str]:
    body = json.loads(subscriber.latest("renamed/health") or b"{}")
    found: dict[str, str] = body.get("troubles", {})
    return found


def test_another_port_begins_again(site: Any, subscriber: Subscriber) -> None:
    site.start().play(vibration(0.3))
    before = site.line
    site.plug_in()
    reload(site, before, site.line)
    until(site.opened, what="the other port")
    site.play(vibration(0.3, 3.0))  # a busy machine may have found it silent before
    until(lambda: ("new", "anomaly") in told(subscriber))


def test_what_everything_depends_on_begins_again(site: Any, subscriber: Subscriber) -> None:
    site.start()
    until(lambda: subscriber.latest("gateway/availability") == b"online")
    reload(site, 'device = "gateway"', 'device = "other"')
    until(lambda: subscriber.latest("other/availability") == b"online")
    assert subscriber.latest("gateway/availability") == b"offline"


def test_a_state_folder_that_another_program_has_is_refused(site: Any, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    other = site.folder / "other.toml"
    text = site.config.read_text().replace('"state"', f'"{taken}"').replace(site.line, "/dev/steadyhum-none")
    other.write_text(text)
    site.start()
    holder = start([*EDGE, "run", "--config", other], stderr=subprocess.DEVNULL)
    try:
        until((taken / "spool.db").exists, what="the other program")
        reload(site, '"state"', f'"{taken}"')
        until(lambda: "reload refused, going on as before" in site.log())
        until(site.opened)
        reload(site, str(taken), "state")
        assert "nothing changed" in site.log().splitlines()[-1]
    finally:
        end(holder, signal.SIGKILL)
