"""A plant for the page: real service, real page, four sensors of which each has another trouble, or none.

`motor` vibrates with a fault of a bearing, or normally (recordings of the Case Western Reserve University),
`pump` learns, `fan` is well, and nothing comes from `conveyor`.
"""

import contextlib
import os
import pty
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import scipy.io
import scipy.signal

from deploy.held_ports import held_port
from edge_runtime.door import DoorClient
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.artefacts import write_artefact
from tests.edge.learning_site import answer, asked, capture
from tests.edge.sites import EDGE
from tests.processes import ROOT, running
from tests.waiting import until

CWRU = ROOT / "tests" / "data" / "cwru"
MODEL = ROOT / "exported_models" / "gaussian.onnx"
CONFIG = """
state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "127.0.0.1"
port = {broker}
client_id = "gateway"
accept_insecure = true
[learning]
allow = true
least_s = 2.0
[page]
listen = "127.0.0.1:{page}"
[[sensor]]
name = "motor"
machine = "press-4"
port = "{folder}/motor"
model = "{model}"
rate_hz = 12000
channels = ["DE"]
unit = "g"
[sensor.diagnosis]
bearing = "6205"
speed_hz = 29.2
[[sensor]]
name = "fan"
port = "{folder}/fan"
model = "rms.onnx"
rate_hz = 1000
channels = ["x"]
unit = "g"
[[sensor]]
name = "pump"
port = "{folder}/pump"
model = "learn"
rate_hz = 1000
channels = ["x"]
unit = "g"
[[sensor]]
name = "conveyor"
port = "{folder}/conveyor"
model = "rms.onnx"
rate_hz = 1000
channels = ["x"]
unit = "g"
"""


def recorded(name: str, variable: str, down: int) -> Signal:
    """A recording of the bearing, at 12 kHz."""
    samples = scipy.io.loadmat(CWRU / f"{name}.mat")[variable]
    if down > 1:
        samples = scipy.signal.resample_poly(samples, 1, down)
    return Signal(samples.astype(np.float32), 12000.0, ("DE",), "g")


class Plant:
    """The folder, the lines and what plays on them; the service and the page run inside the block."""

    def __init__(self, folder: Path, broker: int = 1) -> None:
        """Nothing runs yet; `broker` is its port."""
        self.folder, self.port = folder, held_port()
        self.config = folder / "edge.toml"
        self.config.write_text(CONFIG.format(broker=broker, page=self.port, folder=folder, model=MODEL))
        for name in ("rms.onnx", "fan.onnx"):
            write_artefact(folder / name)
        self.faulty = False
        """Whether the motor's bearing is faulty."""
        self._over = threading.Event()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        rng = np.random.default_rng(7)
        quiet = Signal((0.2 * rng.standard_normal((5000, 1))).astype(np.float32), 1000.0, ("x",), "g")
        normal = recorded("99", "X099_DE_time", 4)
        fault = recorded("107", "X107_DE_time", 1)
        lines = {
            "motor": lambda: fault if self.faulty else normal,
            "fan": lambda: quiet,
            "pump": lambda: quiet,
        }
        for name in ("motor", "fan", "pump", "conveyor"):
            master, slave = pty.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._stack.callback(os.close, master)
            self._stack.callback(os.close, slave)
            (self.folder / name).symlink_to(os.ttyname(slave))
            if name in lines:
                thread = threading.Thread(target=self._play, args=(master, lines[name]))
                thread.start()
                self._stack.callback(thread.join)
        self._stack.callback(self._over.set)
        self.log = self._stack.enter_context((self.folder / "log").open("w"))
        self.service = self._stack.enter_context(
            running([*EDGE, "run", "--config", self.config], stderr=self.log)
        )
        self.page = self._stack.enter_context(
            running([*EDGE, "page", "--config", self.config], stderr=self.log)
        )
        until((self.folder / "state" / "door.sock").exists, what="the door")
        until(lambda: "the page is at" in (self.folder / "log").read_text(), what="the page")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, **params: object) -> Any:
        """Ask at the door, as the commands do."""
        with DoorClient(self.folder / "state" / "door.sock") as client:
            return client.call(method, **params)

    def code(self, role: str = "operate") -> str:
        """A code that lets one in."""
        return str(self.ask("page.code", role=role)["code"])

    def raise_alarm(self) -> str:
        """Let the bearing be faulty until the alarm is open; its id."""
        self.faulty = True
        return str(until(lambda: next(iter(self.alarms_of("motor")), None), 30, "the alarm")["id"])

    def alarms_of(self, sensor: str) -> list[dict[str, Any]]:
        """Its open alarms."""
        found: list[dict[str, Any]] = self.ask("alarms.list", sensor=sensor)
        return found

    def offer_a_model(self) -> None:
        """Let the pump's learner offer a model that a person has to accept."""
        state = self.folder / "state"
        capture(state)
        self.ask("commission.learn", sensor="pump")
        answer(state, asked(state), self.folder / "rms.onnx", warnings=("it rests on one day only",))
        until(lambda: self.ask("commission.status", sensor="pump")["offer"], what="the offer")

    def _play(self, line: int, source: Any) -> None:
        number, begin_s, begin_us, taken = 0, time.monotonic(), time.time_ns() // 1000, 0.0
        while not self._over.is_set():
            signal = source()
            for frame in signal_frames(signal, SimulatedSensor(frame_samples=round(signal.rate_hz / 50))):
                now_us = begin_us + round(taken * 1e6)
                data = encode_data(frame._replace(sequence=number, time_us=now_us), SampleFormat.FLOAT32)
                with contextlib.suppress(BlockingIOError):
                    os.write(line, data)
                number, taken = number + 1, taken + len(frame.samples) / signal.rate_hz
                if self._over.wait(max(0.0, begin_s + taken - time.monotonic())) or source() is not signal:
                    break


@contextlib.contextmanager
def plant(folder: Path, broker: int = 1) -> Iterator[Plant]:
    """A plant with everything that its page can show."""
    with Plant(folder, broker) as made:
        made.offer_a_model()
        made.raise_alarm()
        yield made
