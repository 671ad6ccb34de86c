"""Text lines of numbers, as Edge Impulse's data forwarder sends them, to frames; without any I/O.

One reading a line, values separated by comma, tab or blank, no header and no time. A bad line is counted and
leaves a gap; it does not end the stream as it does in the original.
"""

from typing import Final

import numpy as np

from edge_runtime.core import MAX_FRAME_SAMPLES, Fault, FaultKind, Frame
from edge_runtime.sensors.protocols.base import SensorProtocol

MAX_LINE: Final = 512
"""Longest line in bytes; 16 values of 31 characters."""
_LARGEST: Final = float(np.finfo(np.float32).max)
"""Larger values become infinite as float32."""
_QUOTED: Final = 40
"""Characters of a bad line that its fault quotes: enough to recognise it in a log line."""
_DEVICE_TEXT: Final = 80
"""Characters of a sensor's own error message that are kept: one line of a terminal."""


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
        self._tail = lines.pop()[: MAX_LINE + 1]  # one byte over: it stays recognisable as too long
        if self._first and lines:  # the first line may have begun before the port was opened
            self._first = False
            del lines[0]
        decoded: list[Frame | Fault] = []
        rows: list[list[float]] = []
        for line in lines:
            row = self._parse(line)
            if isinstance(row, Fault):
                decoded += [*self._take_frame(rows), row]
                # A skipped sequence number is the gap that the missing reading leaves.
                self._sequence = (self._sequence + 1) % 2**32
                self._readings += 1
            elif row:
                rows.append(row)
            if len(rows) == MAX_FRAME_SAMPLES:
                decoded += self._take_frame(rows)
        return decoded + self._take_frame(rows)

    def _parse(self, line: bytes) -> list[float] | Fault:
        if len(line) > MAX_LINE:
            return Fault(FaultKind.LINE, "line too long")
        text = line.decode("ascii", errors="replace").strip()
        if text[:4].upper().startswith(("ERR", "<ERR")):
            return Fault(FaultKind.DEVICE, text[:_DEVICE_TEXT])
        try:
            # "1_000" is a number to Python, and on a line it is two that ran together.
            row = [float(value) for value in text.replace(",", " ").replace("_", "?").split()]
        except ValueError:
            return Fault(FaultKind.LINE, f"not numbers: {text[:_QUOTED]!r}")
        if row and (len(row) != self._channels or not all(abs(value) <= _LARGEST for value in row)):
            return Fault(FaultKind.LINE, f"not {self._channels} finite values: {text[:_QUOTED]!r}")
        return row

    def _take_frame(self, rows: list[list[float]]) -> list[Frame]:
        """Make a frame of the rows, if there are any, and empty the list."""
        if not rows:
            return []
        time_us = round(self._readings * 1e6 / self._rate_hz)
        samples = np.array(rows, dtype=np.float32)
        frame = Frame(0, 0, self._sequence, time_us, self._rate_hz, self._scale, 0, samples)
        self._sequence = (self._sequence + 1) % 2**32
        self._readings += len(rows)
        rows.clear()
        return [frame]


LINES: Final = SensorProtocol(
    name="lines",
    summary="lines of numbers, as Edge Impulse's data forwarder sends them",
    decoder=lambda line: LineDecoder(line.channels, line.rate_hz, line.scale),
    checksummed=False,
)
