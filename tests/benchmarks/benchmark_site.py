"""A plant for a benchmark: a broker, simulated sensors, the real service, and a subscriber with a clock."""

import contextlib
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import psutil

from edge_runtime.sensors.protocols.frames import SampleFormat, encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.benchmarks import models
from tests.broker import Broker, until
from tests.shared import ROOT

FRAME_SAMPLES = 256
PERIOD_S = FRAME_SAMPLES / models.RATE_HZ
HEAD = """\
state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "127.0.0.1"
port = {port}
[report]
state_s = 10.0
health_s = {health_s}
scores = {scores}
"""
SENSOR = """\
[[sensor]]
name = "s{index}"
port = "{line}"
model = "{model}"
rate_hz = 12000
channels = ["x", "y", "z"]
unit = "g"
"""


def encoded(count, level=None):
    """Encode `count` frames of real vibration, int16; `level(window)` may make some louder."""
    samples = np.resize(np.concatenate(models.signals()), (count * FRAME_SAMPLES, len(models.CHANNELS)))
    if level is not None:
        samples *= np.repeat([level(index) for index in range(count)], FRAME_SAMPLES)[:, np.newaxis]
    sensor = SimulatedSensor(
        frame_samples=FRAME_SAMPLES, sample_format=SampleFormat.INT16, range=models.RANGE_G
    )
    signal = Signal(samples, models.RATE_HZ, models.CHANNELS, models.UNIT)
    return [encode_data(frame, SampleFormat.INT16) for frame in signal_frames(signal, sensor)]


class Subscriber:
    """Writes down when which message came."""

    def __init__(self, port):
        self.scores = defaultdict(dict)
        """Topic to window number to monotonic seconds."""
        self.bodies = defaultdict(list)
        """Topic to (monotonic seconds, body), scores apart."""
        self._subscribed = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._note
        self._client.on_connect = lambda *_: self._client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def _note(self, _client, _data, message):
        now_s = time.monotonic()
        if message.topic.endswith("/score"):
            self.scores[message.topic][json.loads(message.payload)["window"]] = now_s
        else:
            self.bodies[message.topic].append((now_s, message.payload))

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


RUN = ("-m", "edge_runtime", "run", "--config")
"""Arguments of Python that start the service; its configuration follows."""


class BenchmarkSite:
    """Everything but what is measured in it."""

    def __init__(self, folder, lines, sensors):
        self.folder = folder
        self.broker = Broker(folder, "set_tcp_nodelay true").start()
        np.save(folder / "frames.npy", np.array(lines, dtype=object), allow_pickle=True)
        command = ["tests.benchmarks.sender", str(folder / "frames.npy"), str(sensors), str(len(lines))]
        self._sender = _program(*command, str(PERIOD_S))
        self.lines = json.loads(self._sender.stdout.readline())
        self.sender = psutil.Process(self._sender.pid)
        self.subscriber = Subscriber(self.broker.port)
        self._begun = []

    def service(self, model, lines=None, *, scores=True, health_s=5.0, prefix=(), more="", program=RUN):
        """Start the service on some of the lines and wait until it reads them; `more` is of each sensor."""
        lines = self.lines if lines is None else lines
        head = HEAD.format(port=self.broker.port, scores=str(scores).lower(), health_s=health_s)
        parts = [SENSOR.format(index=i, line=line, model=model) + more for i, line in enumerate(lines)]
        (self.folder / "edge.toml").write_text("\n".join([head, *parts]))
        command = [*prefix, sys.executable, *program]
        with (self.folder / "service.log").open("w") as log:
            running = subprocess.Popen(
                [*command, str(self.folder / "edge.toml")], stderr=log, stdout=log, cwd=ROOT
            )
        self._begun.append(running)
        process = psutil.Process(running.pid)
        found = until(lambda: _serving(process, len(lines)), 60, "the service reading its ports")
        until(
            lambda: self.subscriber.bodies["steadyhum/plant/gateway/availability"], 30, "the service online"
        )
        return found

    def bare(self, model, line, hop, topic="bare/score"):
        """Start the bare script on one line."""
        running = _program("tests.benchmarks.bare", line, str(model), str(hop), str(self.broker.port), topic)
        self._begun.append(running)
        assert running.stdout.readline() == "ready\n"
        return psutil.Process(running.pid)

    def play(self):
        """Let the sensors send all their frames; (seconds [frame][sensor], frames cut)."""
        print(file=self._sender.stdin, flush=True)
        said = json.loads(self._sender.stdout.readline())
        time.sleep(0.5)
        return np.array(said["sent"]), said["cut"]

    def close(self):
        self.subscriber.close()
        for running in [*self._begun, self._sender]:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(running.pid).children(recursive=True):
                    child.terminate()
            running.terminate()
            running.wait(20)
        self.broker.stop()


@contextlib.contextmanager
def plant(lines, sensors):
    with tempfile.TemporaryDirectory() as folder:
        built = BenchmarkSite(Path(folder), lines, sensors)
        try:
            yield built
        finally:
            built.close()


def uncut(count, run):
    """Give what `count` runs gave; one that gives None, since a pty was full, is tried again."""
    rounds = list(itertools.islice(filter(None, (run() for _ in range(2 * count))), count))
    assert len(rounds) == count, "the machine is too busy: frames are cut in most rounds"
    return rounds


def latencies_ms(sent, arrived, hop_frames, first_frames=4):
    """From the last byte of each window to its message: [windows whose message came]."""
    last = {number: first_frames - 1 + (number - 1) * hop_frames for number in arrived}
    return np.array([1e3 * (arrived[number] - sent[last[number]]) for number in sorted(arrived)])


def cpu_s(process):
    times = process.cpu_times()
    return times.user + times.system


def _program(module, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def _serving(process, ports):
    """The process that has the ports open: the one started, or its child when it is being traced."""
    for candidate in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            files = [link.readlink() for link in Path(f"/proc/{candidate.pid}/fd").iterdir()]
            if sum(str(file).startswith("/dev/pts/") for file in files) >= ports:
                return candidate
    return None
