"""Text lines of numbers, as Edge Impulse's data forwarder sends them, to frames; without any I/O.

One reading a line, values apart by comma, tab or blank, no header and no time. A bad line is counted and
leaves a gap; it does not end the stream as it does in the original.
"""

from typing import Final

import numpy as np

from edge_runtime.core import MAX_FRAME_SAMPLES, Fault, FaultKind, Frame
from edge_runtime.sensors.protocols.base import SensorProtocol

MAX_LINE: Final = 512
"""Longest line in bytes; 16 values of 31 characters."""
_LARGEST: Final = float(np.finfo(np.float32).max)


class LineDecoder:
    """Decodes lines into frames of however many readings one `feed` completed.

    Lines carry no clock: the times of the frames count samples at the rate the site states.
    """

    def __init__(self, channels: int, rate_hz: float, scale: float = 1.0) -> None:
        """Expect `channels` values a line, at `rate_hz`; `scale` turns them into the physical unit."""
        self._channels, self._rate_hz, self._scale = channels, rate_hz, scale
        self._tail = b""
        self._first = True
        self._sequence = 0
        self._readings = 0

    def feed(self, data: bytes) -> list[Frame | Fault]:
        """Take the next bytes and return what became complete with them; never raises."""
        lines = (self._tail + data).split(b"\n")
        self._tail = lines.pop()
        if self._first and lines:  # the first line may have begun before we listened
            self._first = False
            del lines[0]
        self._tail = self._tail[: MAX_LINE + 1]  # one byte over: it stays recognisable as too long
        return self._frames(lines)

    def _frames(self, lines: list[bytes]) -> list[Frame | Fault]:
        decoded: list[Frame | Fault] = []
        rows: list[list[float]] = []
        for line in lines:
            row = self._row(line)
            if isinstance(row, Fault):
                decoded += [*self._flush(rows), row]
                rows = []
                # A skipped number tells the windows that something is missing here.
                self._sequence = (self._sequence + 1) % 2**32
                self._readings += 1
            elif row:
                rows.append(row)
            if len(rows) == MAX_FRAME_SAMPLES:
                decoded += self._flush(rows)
                rows = []
        return decoded + self._flush(rows)

    def _row(self, line: bytes) -> list[float] | Fault:
        if len(line) > MAX_LINE:
            return Fault(FaultKind.LINE, "line too long")
        text = line.decode("ascii", errors="replace").strip()
        if text[:4].upper().startswith(("ERR", "<ERR")):
            return Fault(FaultKind.DEVICE, text[:80])
        try:
            # "1_000" is a number to Python, and on a line it is two that ran together.
            row = [float(value) for value in text.replace(",", " ").replace("_", "?").split()]
        except ValueError:
            return Fault(FaultKind.LINE, f"not numbers: {text[:40]!r}")
        if row and (len(row) != self._channels or not all(abs(value) <= _LARGEST for value in row)):
            return Fault(FaultKind.LINE, f"not {self._channels} finite values: {text[:40]!r}")
        return row

    def _flush(self, rows: list[list[float]]) -> list[Frame | Fault]:
        if not rows:
            return []
        time_us = round(self._readings * 1e6 / self._rate_hz)
        samples = np.array(rows, dtype=np.float32)
        frame = Frame(0, 0, self._sequence, time_us, self._rate_hz, self._scale, 0, samples)
        self._sequence = (self._sequence + 1) % 2**32
        self._readings += len(rows)
        return [frame]


LINES: Final = SensorProtocol(
    name="lines",
    summary="lines of numbers, as Edge Impulse's data forwarder sends them",
    decoder=lambda line: LineDecoder(line.channels, line.rate_hz, line.scale),
    checksummed=False,
)
