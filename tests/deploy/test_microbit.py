"""The frame code on an emulated micro:bit: MicroPython 1.9 on a Cortex-M0 with 16 KB of memory, by QEMU."""

import ast
import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import serial

from deploy.firmware.vectors import vectors
from edge_runtime.core.records import Frame
from edge_runtime.sensors.protocols.frames import FrameDecoder
from tests.deploy.test_firmware import PYTHON_CODE
from tests.processes import end, start
from tests.waiting import HANG_S, scaled

FIRMWARE = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or not FIRMWARE.exists(),
    reason="not installed: apt install qemu-system-arm firmware-microbit-micropython",
)


def small_source() -> Any:
    """The frame code without comments, docstrings and what samples: the board compiles it in its memory."""
    tree = ast.parse((PYTHON_CODE / "steadyhum.py").read_text())
    kept = [
        node
        for node in tree.body
        if getattr(node, "name", "") not in ("Clock", "Sampler", "measured_rate_mhz")
    ]
    tree.body = kept
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            with contextlib.suppress(AttributeError, ValueError):
                ast.literal_eval(body[0].value)
                cast("Any", node).body = body[1:] or [ast.Pass()]
    tree.body = [node for node in tree.body if not (isinstance(node, ast.Expr))]
    return ast.unparse(tree)


class Board:
    """The raw REPL of an emulated board."""

    def __init__(self) -> None:
        command = ["qemu-system-arm", "-M", "microbit", "-device", f"loader,file={FIRMWARE}"]
        command += ["-display", "none", "-monitor", "none", "-serial", "pty"]
        self._process = start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        name = re.search(r"/dev/\S+", self._process.stdout.readline())[0]
        self._line = serial.Serial(name, timeout=scaled(HANG_S))
        time.sleep(scaled(1))  # what is written before the board has booted is lost
        self._line.write(b"\x03\x03\x01")
        assert self._line.read_until(b"raw REPL; CTRL-B to exit\r\n>").endswith(b">")

    def run(self, code: Any) -> Any:
        """Run code; what it printed."""
        data = code.encode() + b"\x04"
        for at in range(0, len(data), 16):  # its buffer is small and there is no flow control
            self._line.write(data[at : at + 16])
            time.sleep(0.02)
        assert self._line.read_until(b"OK").endswith(b"OK")
        said, failed = (self._line.read_until(b"\x04")[:-1].decode() for _ in range(2))
        self._line.read_until(b">")
        assert failed == "", failed
        return said

    def close(self) -> None:
        self._line.close()
        end(self._process, signal.SIGKILL)


@pytest.fixture
def board() -> Iterator[Any]:
    board = Board()
    yield board
    board.close()


def test_the_frame_code_on_a_small_board(board: Any) -> None:
    line = next(
        line for line in vectors() if line.startswith("data") and line.split()[8:11] == ["3", "1", "7"]
    )
    words = line.split()
    sensor, boot, sequence, time_us, rate = map(int, words[1:6])
    board.run(small_source())
    board.run(f"f = Framer({sensor}, {boot}, {rate}, {float(words[6])}, 3, INT16); f.sequence = {sequence}")
    samples = bytes.fromhex(words[11])
    said = board.run(f"for b in f.data({samples!r}, {time_us}, {int(words[7])}): print('%02x' % b, end='')")
    assert said == words[-1]
    (frame,) = FrameDecoder().feed(bytes.fromhex(said))
    assert isinstance(frame, Frame)
