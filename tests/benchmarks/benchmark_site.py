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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import paho.mqtt.client as mqtt
import psutil
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.benchmarks import models
from tests.broker import Broker
from tests.processes import end, start
from tests.shared import ROOT
from tests.waiting import HANG_S, scaled, until

Values = NDArray[np.float64]
Found = TypeVar("Found")

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


def encoded(count: int, level: Callable[[int], float] | None = None) -> list[bytes]:
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

    def __init__(self, port: int) -> None:
        self.scores: defaultdict[str, dict[int, float]] = defaultdict(dict)
        """Topic to window number to monotonic seconds."""
        self.bodies: defaultdict[str, list[tuple[float, bytes]]] = defaultdict(list)
        """Topic to (monotonic seconds, body), scores apart."""
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._note
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(scaled(HANG_S))

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe("#", qos=1)

    def _note(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.monotonic()
        if message.topic.endswith("/score"):
            self.scores[message.topic][json.loads(message.payload)["window"]] = now_s
        else:
            self.bodies[message.topic].append((now_s, bytes(message.payload)))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes a pair of sockets of its own only when its client is freed, so nothing must hold it.
        self._client.on_connect = self._client.on_subscribe = self._client.on_message = None


RUN = ("-m", "edge_runtime", "run", "--config")
"""Arguments of Python that start the service; its configuration follows."""


class BenchmarkSite:
    """Everything but what is measured in it."""

    def __init__(self, folder: Path, lines: Sequence[bytes], sensors: int) -> None:
        self.folder = folder
        self._stack = contextlib.ExitStack()
        try:
            self._set_up(lines, sensors)
        except BaseException:
            self.close()
            raise

    def _set_up(self, lines: Sequence[bytes], sensors: int) -> None:
        folder = self.folder
        self.broker = self._stack.enter_context(Broker(folder, "set_tcp_nodelay true"))
        np.save(folder / "frames.npy", np.array(lines, dtype=object), allow_pickle=True)
        command = ["tests.benchmarks.sender", str(folder / "frames.npy"), str(sensors), str(len(lines))]
        self._sender = self._program(*command, str(PERIOD_S))
        self.lines: list[str] = json.loads(_line_of(self._sender))
        self.sender = psutil.Process(self._sender.pid)
        self.subscriber = Subscriber(self.broker.port)
        self._stack.callback(self.subscriber.close)

    def service(
        self,
        model: Path,
        lines: Sequence[str] | None = None,
        *,
        scores: bool = True,
        health_s: float = 5.0,
        prefix: Sequence[str] = (),
        more: str = "",
        last: str = "",
        program: Sequence[str] = RUN,
    ) -> psutil.Process:
        """Start the service on some of the lines and wait until it reads them; `more` is of each sensor, and
        `last` of the whole site."""
        lines = self.lines if lines is None else lines
        head = HEAD.format(port=self.broker.port, scores=str(scores).lower(), health_s=health_s)
        parts = [SENSOR.format(index=i, line=line, model=model) + more for i, line in enumerate(lines)]
        (self.folder / "edge.toml").write_text("\n".join([head, *parts, last]))
        command = [*prefix, sys.executable, *program]
        with (self.folder / "service.log").open("w") as log:
            running = start([*command, self.folder / "edge.toml"], stderr=log, stdout=log, cwd=ROOT)
        self._stack.callback(_end_all, running)
        process = psutil.Process(running.pid)
        found = until(lambda: _serving(process, len(lines)), what="the service reading its ports")
        online = self.subscriber.bodies["steadyhum/plant/gateway/availability"]
        until(lambda: online, what="the service online")
        return found

    def bare(self, model: Path, line: str, hop: int, topic: str = "bare/score") -> psutil.Process:
        """Start the bare script on one line."""
        running = self._program("tests.benchmarks.bare", line, model, hop, self.broker.port, topic)
        assert _line_of(running) == "ready\n"
        return psutil.Process(running.pid)

    def play(self) -> tuple[Values, int]:
        """Let the sensors send all their frames; (seconds [frame][sensor], frames cut)."""
        print(file=self._sender.stdin, flush=True)
        said = json.loads(_line_of(self._sender))
        time.sleep(0.5)
        return np.array(said["sent"]), said["cut"]

    def close(self) -> None:
        self._stack.close()

    def _program(self, module: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", module, *arguments]
        running = start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        self._stack.callback(_end_all, running)
        return running


@contextlib.contextmanager
def plant(lines: Sequence[bytes], sensors: int) -> Iterator[BenchmarkSite]:
    with tempfile.TemporaryDirectory() as folder:
        built = BenchmarkSite(Path(folder), lines, sensors)
        try:
            yield built
        finally:
            built.close()


def uncut(count: int, run: Callable[[], Found | None]) -> list[Found]:
    """Give what `count` runs gave; one that gives None, since a pty was full, is tried again."""
    rounds = list(itertools.islice(filter(None, (run() for _ in range(2 * count))), count))
    assert len(rounds) == count, "the machine is too busy: frames are cut in most rounds"
    return rounds


def latencies_ms(
    sent: Values, arrived: Mapping[int, float], hop_frames: int, first_frames: int = 4
) -> Values:
    """From the last byte of each window to its message: [windows whose message came]."""
    last = {number: first_frames - 1 + (number - 1) * hop_frames for number in arrived}
    return np.array([1e3 * (arrived[number] - sent[last[number]]) for number in sorted(arrived)])


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _line_of(program: "subprocess.Popen[str]") -> str:
    assert program.stdout is not None
    return program.stdout.readline()


def _end_all(program: "subprocess.Popen[str]") -> None:
    """End a program and, where it is being traced, the one that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(program.pid).children(recursive=True):
            child.terminate()
    end(program)


def _serving(process: psutil.Process, ports: int) -> psutil.Process | None:
    """The process that has the ports open: the one started, or its child when it is being traced."""
    for candidate in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            files = [link.readlink() for link in Path(f"/proc/{candidate.pid}/fd").iterdir()]
            if sum(str(file).startswith("/dev/pts/") for file in files) >= ports:
                return candidate
    return None
