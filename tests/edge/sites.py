"""A site as its users have it: configuration, model, a pty for the sensor, and the real command."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
import tty
from pathlib import Path

import numpy as np

from edge_runtime.sensors.protocols.frames import SampleFormat, encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.artefacts import write_artefact
from tests.broker import until

RATE_HZ = 1000.0
EDGE = [sys.executable, "-m", "edge_runtime"]
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
[[sensor]]
name = "pump"
port = "{line}"
model = "rms.onnx"
rate_hz = 1000
channels = ["x"]
unit = "g"
"""


def vibration(*levels, seconds=0.6):
    """Noise, one stretch for each of these levels."""
    rng = np.random.default_rng(5)
    parts = [level * rng.standard_normal((round(seconds * RATE_HZ), 1)) for level in levels]
    return Signal(np.concatenate(parts).astype(np.float32), RATE_HZ, ("x",), "g")


class Site:
    """A folder with a model and a configuration, a pty for the sensor, and the service when it runs."""

    def __init__(self, folder, port):
        self.folder = folder
        write_artefact(folder / "rms.onnx")
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.line = os.ttyname(self._slave)
        self.config = folder / "edge.toml"
        self.config.write_text(CONFIG.format(port=port, line=self.line))
        self.service = None
        self._sent = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def start(self, *, wait=True):
        log = (self.folder / "log").open("a")
        with log:
            self.service = subprocess.Popen([*EDGE, "run", "--config", self.config], stderr=log)
        if wait:
            until(
                lambda: self.log().count("watching pump") and self._opened(),
                what="the service reading its port",
            )
        return self

    def _opened(self):
        descriptors = Path(f"/proc/{self.service.pid}/fd")
        with contextlib.suppress(OSError):
            return any(os.readlink(item) == self.line for item in descriptors.iterdir())
        return False

    def log(self):
        return (self.folder / "log").read_text()

    def play(self, source):
        """Be the sensor; time goes on from one call to the next, as a real sensor's does."""
        for frame in signal_frames(
            source, SimulatedSensor(frame_samples=50, boot_id=self._boot()), time.time_ns() // 1000
        ):
            os.write(self.master, encode_data(frame, SampleFormat.FLOAT32))
            time.sleep(0.05)

    def write(self, data):
        """Send bytes as the sensor."""
        os.write(self.master, data)

    def _boot(self):
        self._sent += 1
        return self._sent

    def stop(self, number=signal.SIGTERM):
        if self.service is not None:
            with contextlib.suppress(ProcessLookupError):
                self.service.send_signal(number)
            code = self.service.wait(15)
            self.service = None
            return code
        return None

    def close(self):
        self.stop(signal.SIGKILL)
        for descriptor in (self.master, self._slave):
            os.close(descriptor)


def told(subscriber):
    """What a subscriber heard, as type and kind of each event."""
    return [(body["type"], body["kind"]) for body in subscriber.events()]
