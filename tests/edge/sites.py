"""A site as its users have it: configuration, model, a pty for the sensor, and the real command."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.artefacts import write_artefact
from tests.broker import Subscriber
from tests.processes import end, start
from tests.waiting import until

RATE_HZ = 1000.0
EDGE = [sys.executable, "-m", "edge_runtime"]
OFF = "[evidence]\nenabled = false\n"
"""Else there are more events some seconds after each, however long a test takes."""
CONFIG = """
state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "127.0.0.1"
port = {port}
client_id = "gateway"
backoff_s = [0.2, 0.5]
[report]
state_s = 0.5
health_s = 1.0
[evidence]
enabled = false
[[sensor]]
name = "pump"
port = "{line}"
model = "rms.onnx"
rate_hz = 1000
channels = ["x"]
unit = "g"
"""


def vibration(*levels: float, seconds: float = 0.9) -> Signal:
    """Noise, one stretch for each of these levels."""
    rng = np.random.default_rng(5)
    parts = [level * rng.standard_normal((round(seconds * RATE_HZ), 1)) for level in levels]
    return Signal(np.concatenate(parts).astype(np.float32), RATE_HZ, ("x",), "g")


@dataclass(slots=True)
class Machine:
    """What a sensor that plays is mounted on; may be changed meanwhile."""

    level: float
    """Of its noise, g."""


class Site:
    """A folder with a model and a configuration, a pty for the sensor, and the service when it runs."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        write_artefact(folder / "rms.onnx")
        self._service: subprocess.Popen[str] | None = None
        self._sent = 0
        self._descriptors: list[int] = []
        self._plugged = 0
        self.plug_in()
        self.config = folder / "edge.toml"
        self.config.write_text(CONFIG.format(port=port, line=self.line))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def plug_in(self) -> None:
        """Connect a sensor, by another pty than before.

        The service knows it by a link that goes with it: a pty's own name is given to the next one that any
        program opens, and a service that waits for it would take another test's sensor.
        """
        self.master, slave = pty.openpty()
        self._descriptors += [self.master, slave]
        tty.setraw(slave)
        self._device = os.ttyname(slave)
        link = self.folder / f"line{self._plugged}"
        self._plugged += 1
        link.symlink_to(self._device)
        self.line = str(link)

    def unplug(self) -> None:
        """Take the sensor away, if there is one."""
        for link in self.folder.glob("line[0-9]*"):
            link.unlink()
        while self._descriptors:
            os.close(self._descriptors.pop())

    @property
    def service(self) -> "subprocess.Popen[str]":
        """The process of the service, which runs or has ended by itself."""
        assert self._service is not None, "it was not started"
        return self._service

    def start(self, *, wait: bool = True) -> Self:
        """Start the service, and wait until it reads its port."""
        with (self.folder / "log").open("a") as log:
            self._service = start([*EDGE, "run", "--config", self.config], stderr=log)
        if wait:
            until(
                lambda: self.opened() and "watching pump" in self.log(),
                what="the service reading its port",
            )
        return self

    def opened(self) -> bool:
        """Whether the service has the sensor's port open; fails when it has ended instead."""
        code = self.service.poll()
        assert code is None, f"the service ended with {code}: {self.log()[-2000:]}"
        descriptors = Path(f"/proc/{self.service.pid}/fd")
        with contextlib.suppress(OSError):
            return any(os.readlink(item) == self._device for item in descriptors.iterdir())
        return False

    def log(self) -> str:
        """What the service has logged, at all its starts."""
        return (self.folder / "log").read_text()

    def play(self, source: Signal) -> None:
        """Be the sensor; time and numbers go on from one call to the next, as a real sensor's do.

        Where the line does not block, what it does not take is lost, as on a real one.
        """
        self._send([source])

    @contextlib.contextmanager
    def playing(self, level: float) -> Iterator["Machine"]:
        """Be the sensor on a machine for the length of the block, as one that keeps its rate throughout.

        For what a busy service comes to in its own time, when a signal of fixed length may be over.
        """
        machine, over = Machine(level), threading.Event()

        def stretches() -> Iterator[Signal]:
            while not over.is_set():
                yield vibration(machine.level, seconds=0.2)

        thread = threading.Thread(target=self._send, args=(stretches(),))
        thread.start()
        try:
            yield machine
        finally:
            over.set()
            thread.join()

    def _send(self, sources: Iterable[Signal]) -> None:
        for data in paced_frames(sources, self._sent):
            self._sent += 1
            with contextlib.suppress(BlockingIOError):
                os.write(self.master, data)

    def write(self, data: bytes) -> None:
        """Send bytes as the sensor."""
        os.write(self.master, data)

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """End the service by a signal, if it runs; its exit code."""
        if self._service is None:
            return None
        service, self._service = self._service, None
        return end(service, number)

    def close(self) -> None:
        """End the service and close the line."""
        self.stop(signal.SIGKILL)
        self.unplug()


def paced_frames(sources: Iterable[Signal], first: int = 0) -> Iterator[bytes]:
    """Frames of one source after the other, numbered from `first`, each at its moment; the pace is kept,
    however late one of them is."""
    begin_s, begin_us, number, taken = time.monotonic(), time.time_ns() // 1000, first, 0
    for source in sources:
        start_us = begin_us + round(taken / RATE_HZ * 1e6)
        for frame in signal_frames(source, SimulatedSensor(frame_samples=50), start_us):
            yield encode_data(frame._replace(sequence=number), SampleFormat.FLOAT32)
            number, taken = number + 1, taken + len(frame.samples)
            time.sleep(max(0.0, begin_s + taken / RATE_HZ - time.monotonic()))


def told(subscriber: Subscriber) -> list[tuple[str, str]]:
    """What a subscriber heard, as type and kind of each event."""
    return [(body["type"], body["kind"]) for body in subscriber.events()]
