"""A gateway for the doctor: a fake root, a model, a configuration, a broker, and a sensor on a pty."""

import json
import os
import pty
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.core.records import Hello, Samples
from edge_runtime.doctor import Host, as_json, examine, exit_code
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data, encode_hello
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.artefacts import write_artefact
from tests.deploy.uart import received
from tests.waiting import HANG_S, scaled

RATE_HZ = 1000.0
CONFIG = """
state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "127.0.0.1"
port = {port}
client_id = "gateway"
connect_timeout_s = {connect_s}
ack_timeout_s = {ack_s}
[[sensor]]
name = "pump"
port = "{line}"
model = "rms.onnx"
rate_hz = 1000
channels = ["x"]
unit = "g"
"""
FILES = {
    "run/systemd/timesync/synchronized": "",
    "proc/cpuinfo": "processor : 0\nflags : fpu sse2 ssse3 cx16 sse4_1 sse4_2 popcnt avx2\n",
    "proc/cmdline": "console=tty1 root=/dev/mmcblk0p2 rootwait\n",
    "proc/mounts": "/dev/root / ext4 rw 0 0\n",
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nedge-runtime:x:990:990::/none:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ntty:x:5:edge-runtime\ndialout:x:20:edge-runtime\nedge-runtime:x:990:\n",
    "usr/lib/systemd/system/edge-runtime.service": "[Service]\nWatchdogSec=30\n",
    "bin/sh": "\x7fELF\x02",
}


def vibration(level: float = 0.3, seconds: float = 30.0, channels: int = 1) -> Samples:
    noise = np.random.default_rng(3).standard_normal((round(seconds * RATE_HZ), channels))
    return (level * noise).astype(np.float32)


Shape = Callable[["Wire", int, bytes], bytes]
"""Makes of a frame's number and bytes what is sent."""


def config_text(port: int, line: str) -> str:
    """A configuration of one sensor on this line, and a broker on this port that is given time."""
    return CONFIG.format(port=port, line=line, connect_s=scaled(2.0), ack_s=scaled(3.0))


class Wire:
    """A sensor on a pty that sends until asked to stop; `shape` makes of each frame what is sent."""

    def __init__(
        self,
        samples: Samples | None = None,
        rate_hz: float = RATE_HZ,
        *,
        stated_hz: float | None = None,
        shape: Shape | None = None,
        hello: Hello | None = None,
        frame: int = 50,
    ) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)
        os.chmod(self.name, 0o666)
        signal = Signal(
            vibration(seconds=scaled(30.0)) if samples is None else samples, stated_hz or rate_hz, ("x",), "g"
        )
        self._frames = list(signal_frames(signal, SimulatedSensor(frame_samples=frame)))
        self._pause_s = frame / rate_hz
        self._shape = shape or (lambda _wire, _index, data: data)
        self._hello = hello
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def baud(self) -> int | None:
        """What the other side has set: a pty carries it, and does not mind it."""
        return {termios.B115200: 115200, termios.B921600: 921600, termios.B57600: 57600}.get(
            termios.tcgetattr(self.master)[5]
        )

    def _send(self) -> None:
        begun_s = time.monotonic()
        os.set_blocking(self.master, False)
        for index, frame in enumerate(self._frames):
            data = encode_hello(self._hello) if self._hello and index % 10 == 0 else b""
            self._put(self._shape(self, index, data + encode_data(frame, SampleFormat.FLOAT32)))
            if self._stop.wait(max(0.0, begun_s + (index + 1) * self._pause_s - time.monotonic())):
                return

    def _put(self, data: bytes) -> None:
        try:
            os.write(self.master, data)
        except BlockingIOError:  # nobody reads yet: a wire does not wait either
            return

    def close(self) -> None:
        """Send no more, and close the line."""
        self._stop.set()
        self._thread.join()
        for descriptor in (self.master, self._slave):
            os.close(descriptor)


class ExaminedGateway:
    """Everything healthy until a test plants something."""

    def __init__(self, folder: Path, port: int, wire: Wire | None) -> None:
        self.root, self.config = folder / "root", folder / "edge.toml"
        self.listen_s, self.user = scaled(0.8), "edge-runtime"
        write_artefact(folder / "rms.onnx")
        for name, text in FILES.items():
            self.plant(name, text)
        (self.root / "dev").symlink_to("/dev")
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True)
        (wants / "edge-runtime.service").symlink_to("/usr/lib/systemd/system/edge-runtime.service")
        line = wire.name if wire else "/dev/none"
        self.config.write_text(config_text(port, line))

    def plant(self, name: str, text: str) -> None:
        """Write a file below the root."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, old: str, new: str) -> None:
        """Change the configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new, 1))

    def own_devices(self) -> None:
        """Give the root a /dev of its own."""
        (self.root / "dev").unlink()
        (self.root / "dev/serial/by-id").mkdir(parents=True)

    def command(self, *options: str, **environment: str) -> tuple[int, list[str]]:
        """Run the command; its exit code, and its lines."""
        command: list[object] = [
            sys.executable,
            "-m",
            "edge_runtime",
            "doctor",
            "--config",
            self.config,
            "--user",
            self.user,
        ]
        command += ["--root", self.root, "--listen", str(self.listen_s), *options]
        done = subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            timeout=scaled(HANG_S),
            check=False,
            env={**os.environ, **environment},
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout.splitlines()

    def report(self) -> tuple[int, list[dict[str, Any]]]:
        """Examine in this process, as the command does; the exit code, and what was found."""
        findings = list(examine(self.config, Host(self.root, self.user), self.listen_s))
        return exit_code(findings), [json.loads(as_json(finding)) for finding in findings]

    def bad(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and the bad findings by check."""
        code, found = self.report()
        return code, {item["check"]: item for item in found if item["level"] in ("warning", "fault")}


GREETING = Hello(1, 1, ("x",), "g", 16.0, "serial 1", "firmware 1")


def misread(sent_baud: int) -> Shape:
    """A `shape` that sends at `sent_baud`, whatever the reader has set."""

    def shape(wire: Wire, _index: int, data: bytes) -> bytes:
        read_baud = wire.baud()
        return data if read_baud == sent_baud else received(data, sent_baud, read_baud or 9600)

    return shape


def planted(
    examined: ExaminedGateway, check: str, remedy: str, code: int | None, *, alone: bool = True
) -> dict[str, Any]:
    """Assert that exactly this is found, with this remedy and exit code."""
    got, bad = examined.bad()
    assert check in bad, bad
    assert remedy in bad[check]["remedy"]
    if alone:
        assert (set(bad), got) == ({check}, code), bad
    return bad[check]


def found(examined: ExaminedGateway, check: str, remedy: str) -> None:
    """Assert that this is among what is found: the examined has no sensor either."""
    planted(examined, check, remedy, None, alone=False)
