"""A board with SensiML's Simple Streaming Interface on a pty; every sample is a number that says its place.

`python -m tests.edge.sensiml_device --seconds 3600` reads one of either version by the service's own threads,
and ends with 1 where a sample is missing that nobody counted.
"""

import argparse
import json
import os
import pty
import select
import struct
import sys
import threading
import time
import tty
from pathlib import Path
from typing import Self

import numpy as np

from edge_runtime.core.records import Fault, Frame
from edge_runtime.sensors import port_of
from edge_runtime.sensors.inbox import Inbox
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.protocols import new_decoder
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.settings import SensorSettings

TURN = 2**15
"""Places are counted modulo this, so that they are positive numbers of 16 bits."""
ROWS = 6


def settings(line: str, rate_hz: float = 1600.0) -> SensorSettings:
    """A site's, for a board on that line."""
    return SensorSettings("pump", line, Path("m.onnx"), rate_hz, ("x", "y", "z"), "g", "sensiml", scale=0.001)


def packet(number: int, rows: np.ndarray) -> bytes:
    """Version 2, byte by byte as the specification has it."""
    data = b"".join(struct.pack("<h", value) for row in rows.tolist() for value in row)
    body = bytes([0, 0]) + struct.pack("<I", number) + data
    total = 0
    for byte in body:
        total ^= byte
    return b"\xff" + struct.pack("<H", len(data) + 6) + body + bytes([total])


class Board(threading.Thread):
    """Describes itself until it is asked to connect, then sends; both again after a restart."""

    def __init__(self, version: int = 2, rate_hz: float = 1600.0) -> None:
        super().__init__(daemon=True)
        self.version, self.rate_hz = version, rate_hz
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        tty.setraw(self.master)
        self.line = os.ttyname(self._slave)
        self.over, self.restart, self.connects = threading.Event(), threading.Event(), 0
        self.lose = 0
        """Packets that are not sent, from now on."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()
        os.close(self.master)
        os.close(self._slave)

    def description(self) -> bytes:
        """The line that is repeated."""
        said = {"sample_rate": round(self.rate_hz), "version": self.version, "samples_per_packet": ROWS}
        columns = {f"Accelerometer{axis}": at for at, axis in enumerate("XYZ")}
        return json.dumps(said | {"column_location": columns}).encode() + b"\r\n"

    def run(self) -> None:
        """Be the board."""
        while not self.over.is_set():
            self.restart.clear()
            while not self.over.is_set() and b"disconnect" not in (heard := self._hear(0.05)):
                if b"connect" in heard:
                    self.connects += 1
                    self._stream()
                    break
                self._send(self.description())

    def _stream(self) -> None:
        begin_s, at, number = time.monotonic(), 0, 0
        while not (self.over.is_set() or self.restart.is_set()):
            due = (time.monotonic() - begin_s) * self.rate_hz
            while at + ROWS <= due:
                places = (np.arange(at, at + ROWS) % TURN)[:, np.newaxis] * [1, 1, -1]
                bare = places.astype("<i2").tobytes()
                if not self.lose:
                    self._send(bare if self.version == 1 else packet(number, places))
                self.lose = max(0, self.lose - 1)
                at, number = at + ROWS, (number + 1) % 2**32
            if b"disconnect" in self._hear(0.01):
                return

    def _hear(self, seconds: float) -> bytes:
        return os.read(self.master, 256) if select.select([self.master], [], [], seconds)[0] else b""

    def _send(self, data: bytes) -> None:
        while data and not self.over.is_set():
            if select.select([], [self.master], [], 0.1)[1]:
                data = data[os.write(self.master, data) :]


class Heard(threading.Thread):
    """Reads a board by the service's threads."""

    def __init__(self, board: Board) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self._inbox = Inbox(1)
        self._poller = Poller(self._inbox, self.over)
        self.settings = settings(board.line, board.rate_hz)
        self._reader = PortReader(0, port_of(self.settings), self._inbox, self.over, self._poller)
        self._decoder = new_decoder("sensiml", self.settings.line)
        self.frames: list[Frame] = []
        self.faults: list[Fault] = []
        self.samples = self.missing = self.counted = 0

    def __enter__(self) -> Self:
        for thread in (self._poller, self._reader, self):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._reader.stop()
        for thread in (self._poller, self._reader, self):
            thread.join()

    def run(self) -> None:
        """Take what comes."""
        while not self.over.is_set():
            for chunk in self._inbox.take(0.1):
                for item in self._decoder.feed(chunk.data):
                    self.frames += [self._follow(item)] if isinstance(item, Frame) else []
                    self.faults += [item] if isinstance(item, Fault) else []
            del self.frames[:-1000]

    def _follow(self, frame: Frame) -> Frame:
        places = frame.samples[:, 0].astype(np.int64)
        assert (frame.samples[:, 2] == -frame.samples[:, 0]).all()
        last = self.frames[-1] if self.frames else None
        self.samples += len(places)
        begin = places[0] - 1
        if last is not None and last.boot_id == frame.boot_id:
            begin = int(last.samples[-1, 0])
            self.counted += ROWS * ((frame.sequence - last.sequence - 1) % 2**32)
        self.missing += int((np.diff(places, prepend=begin) % TURN - 1).sum())
        return frame


def main() -> int:
    """Say how many samples came of either version; return 1 where some are missing that nobody counted."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3600)
    seconds = options.parse_args().seconds
    wrong = 0
    with Board(1) as bare, Board(2) as packed, Heard(bare) as first, Heard(packed) as second:
        time.sleep(seconds)
    for version, heard in ((1, first), (2, second)):
        wrong += heard.missing != heard.counted or bool(heard.faults)
        said = f"{heard.samples} samples, {heard.missing} missing, {heard.counted} counted"
        print(f"version {version}: {said}, {len(heard.faults)} faults")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
