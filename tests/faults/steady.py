"""The gateway as it is shipped, at ten times the usual rate and never killed: its memory is watched."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_runtime.spool.queue import Spool
from tests.artefacts import write_artefact
from tests.faults.killed_gateway import ROOT
from tests.processes import end, start

SENSORS = 10
CONFIG = """
state_folder = "state"
[site]
site = "plant"
device = "steady"
[broker]
host = "127.0.0.1"
port = {port}
client_id = "steady"
[report]
state_s = 1.0
health_s = 6.0
scores = true
"""
SENSOR = """
[[sensor]]
name = "pump{index}"
port = "{folder}/{index}/usb-sensor"
model = "rms.onnx"
rate_hz = 12000
channels = ["x"]
unit = "g"
"""


class Steady:
    """Ten sensors of 12 kHz where one is usual: 117 windows, scores and their messages a second."""

    def __init__(
        self,
        folder: Path,
        port: int,
        seed: int,
        sensors: int = SENSORS,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir()
        self._folder, self._stack = folder, ExitStack()
        self._log = self._stack.enter_context((folder / "log").open("w"))
        self._environ = {**os.environ, **(environ or {})}
        write_artefact(folder / "rms.onnx", samples=1024, hop=1024, rate_hz=12_000.0)
        tables = [SENSOR.format(index=index, folder=folder / "plant") for index in range(sensors)]
        (folder / "edge.toml").write_text(CONFIG.format(port=port) + "".join(tables))
        sensors_command = ["tests.faults.pulled_sensors", folder / "plant", sensors, seed]
        self._stack.callback(end, self._start(*sensors_command), signal.SIGKILL)
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the gateway, which is not running, as its unit does."""
        self.process = self._start("edge_runtime", "run", "--config", self._folder / "edge.toml")

    def _start(self, *command: object) -> "subprocess.Popen[str]":
        line = [sys.executable, "-m", *command]
        return start(line, cwd=ROOT, stderr=self._log, stdout=self._log, env=self._environ)

    def close(self) -> None:
        """End all that runs, at once."""
        end(self.process, signal.SIGKILL)
        self._stack.close()

    def finish(self) -> tuple[int, int, int]:
        """Stop in order; return its exit code, the number of its last message and how many wait."""
        code = end(self.process)
        self.close()
        with Spool.open(self._folder / "state") as spool:
            figures = spool.figures()
        return code, int(figures.get("alarm.seq") or 0), int(figures["alarm.depth"] or 0)

    def logged(self) -> int:
        """How many lines it has written to its log."""
        return len((self._folder / "log").read_text().splitlines())
