"""A simulated sensor: plays recordings as a real sensor would send them, with faults on the line if asked.

It sends through the same ports and protocols as a real one, so demonstrations and tests use what sites use.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import MAX_FRAME_SAMPLES, ConfigError, DataError, Frame, Hello
from edge_runtime.sensors.captures import Piece
from edge_runtime.sensors.faulty_line import FaultyLine, InjectedFaults
from edge_runtime.sensors.protocols import DEFAULT_PROTOCOL, MAX_BODY, PROTOCOLS, SampleFormat
from edge_runtime.sensors.recording import Signal, read_signal

FIRMWARE: Final = "steadyhum-simulator"
HELLO_S: Final = 4.0
"""Seconds of vibration between two hellos, which protocol.md asks of every sensor: whatever one wrong frame
said of a sensor is put right within 10 s, and whoever listens for 5 s hears one."""
_OVERHEAD: Final = 40
"""Bytes of a frame's body beside its samples: a header of 36 and a checksum of 4, see protocols/frames.py."""
_SAMPLE_BYTES: Final = 4
"""Of the largest sample format, float32."""
_FULL_SCALE: Final = {SampleFormat.INT16: 2**15 - 1, SampleFormat.INT24: 2**23 - 1}
"""Largest count; its negative is the smallest that is sent, so that the range is symmetric."""
_ROUNDING_S: Final = 1e-6
"""How far a part may extend past the recording's end: seconds are given rounded to microseconds."""
_PART: Final = re.compile(r"(.+)@(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class SimulatedSensor:
    """What the simulated sensor states of itself, and how it sends."""

    sensor_id: int = 1
    boot_id: int = 1
    frame_samples: int = 256
    """21 ms at 12 kHz; three channels of int16 fill a fifth of the longest frame."""
    sample_format: SampleFormat = SampleFormat.FLOAT32
    range: float = 16.0
    """Largest magnitude of the integer formats, in the recording's unit; beyond it samples saturate."""
    protocol: str = DEFAULT_PROTOCOL
    """As a site's configuration names it."""

    def check(self) -> None:
        """Raise ConfigError for a protocol that there is not, or that is only read, and for a format that it
        does not carry."""
        known = {name: row for name, row in PROTOCOLS.items() if row.encode}
        if self.protocol not in known:
            raise ConfigError(
                f"the protocol {self.protocol!r} cannot be simulated",
                where="simulate",
                remedy=f"Use one of {', '.join(known)}",
            )
        if self.sample_format not in known[self.protocol].formats:
            raise ConfigError(
                f"{self.protocol} does not carry {self.sample_format.name.lower()}",
                where="simulate",
                remedy=f"Use --format {known[self.protocol].formats[0].name.lower()}",
            )

    def encode(self, item: Frame | Hello) -> bytes:
        """What goes onto the line for a frame or a hello.

        Raises ConfigError as `check` does, and ValueError for what the protocol cannot carry.
        """
        encode = PROTOCOLS[self.protocol].encode if self.protocol in PROTOCOLS else None
        if encode is None:
            self.check()
            return b""
        return encode(item, self.sample_format)


def read_part(text: str) -> Signal:
    """Read `RECORDING` or `RECORDING@FROM-TO`, the latter in seconds.

    Raises DataError when the part is not in the recording, and as `read_signal` for its file.
    """
    part = _PART.fullmatch(text)
    if part is None:
        return read_signal(Path(text))
    signal = read_signal(Path(part[1]))
    begin_s, end_s = float(part[2]), float(part[3])
    length_s = len(signal.samples) / signal.rate_hz
    if not 0 <= begin_s < end_s <= length_s + _ROUNDING_S:
        raise DataError(
            f"no part from {begin_s} to {end_s} s", where=part[1], remedy=f"It is {length_s:.3f} s long"
        )
    begin, end = round(begin_s * signal.rate_hz), round(end_s * signal.rate_hz)
    return replace(signal, samples=signal.samples[begin:end])


def join_signals(parts: Sequence[Signal]) -> Signal:
    """Put signals one after another. Raises DataError when rate, channels or unit differ."""
    first, *rest = parts
    for other in rest:
        if (other.rate_hz, other.channels, other.unit) != (first.rate_hz, first.channels, first.unit):
            raise DataError(
                f"recordings disagree: {first.rate_hz} Hz {first.channels} {first.unit!r} and "
                f"{other.rate_hz} Hz {other.channels} {other.unit!r}",
                where="simulate",
                remedy="Play recordings of one sensor together; convert them to one rate first",
            )
    check_sendable(first)
    return replace(first, samples=np.concatenate([first.samples, *(other.samples for other in rest)]))


def check_sendable(signal: Signal) -> None:
    """Raise DataError for a signal that frames cannot carry: its rate, its channels' number or names."""
    try:
        signal_hello(signal, SimulatedSensor())
        if not 1 <= round(signal.rate_hz * 1000) < 2**32:
            raise ValueError(f"a frame states rates of 0.001 to 4294967 Hz, not {signal.rate_hz:g}")
    except ValueError as error:
        raise DataError(
            f"no sensor can send it: {error}", where="recording", remedy="Convert the recording again"
        ) from error


def signal_frames(signal: Signal, sensor: SimulatedSensor, start_us: int = 0) -> Iterator[Frame]:
    """Cut a signal into the frames a sensor would send, the first at `start_us`; the last may be shorter."""
    room = (MAX_BODY - _OVERHEAD) // (_SAMPLE_BYTES * signal.samples.shape[1])
    step = max(1, min(sensor.frame_samples, room, MAX_FRAME_SAMPLES))
    counts, scale = signal.samples, 1.0
    if sensor.sample_format is not SampleFormat.FLOAT32:
        full_scale = _FULL_SCALE[sensor.sample_format]
        scale = float(np.float32(sensor.range / full_scale))  # as the frame will carry it
        counts = np.clip(np.rint(counts / scale), -full_scale, full_scale).astype(np.float32)
    for sequence, at in enumerate(range(0, len(counts), step)):
        time_us = start_us + round(at * 1e6 / signal.rate_hz)
        part = counts[at : at + step]
        yield Frame(sensor.sensor_id, sensor.boot_id, sequence, time_us, signal.rate_hz, scale, 0, part)


def signal_hello(signal: Signal, sensor: SimulatedSensor) -> bytes:
    """Encode the sensor's hello, which names the signal's channels and unit. Raises as `encode` does."""
    hello = Hello(
        sensor.sensor_id, sensor.boot_id, signal.channels, signal.unit, sensor.range, "simulated", FIRMWARE
    )
    return sensor.encode(hello)


def play_signals(
    parts: Sequence[Signal],
    sensor: SimulatedSensor,
    write: Callable[[bytes], None],
    *,
    rate_factor: float = 1.0,
    faults: InjectedFaults | None = None,
    on_part: Callable[[int], None] = lambda _index: None,
) -> None:
    """Send signals one after another at their true rate times `rate_factor`.

    Each frame leaves when its last sample would be in. A pty or a fast port never limits to a sensor's
    pace, so the pace is kept here, without drift. `on_part` is called with a part's index when its first
    frame leaves. Raises DataError as `join_signals` does, and whatever `write` raises.
    """
    signal, line = join_signals(parts), FaultyLine(faults or InjectedFaults())
    starts = list(accumulate((len(part.samples) for part in parts[:-1]), initial=0))
    begin_s, begin_us = time.monotonic(), time.time_ns() // 1000
    hello = signal_hello(signal, sensor)
    write(hello)
    sent = begun = 0
    hello_s = HELLO_S
    for frame in signal_frames(signal, sensor, start_us=begin_us):
        sent += len(frame.samples)
        time.sleep(max(0.0, begin_s + sent / signal.rate_hz / rate_factor - time.monotonic()))
        while begun < len(starts) and starts[begun] < sent:
            on_part(begun)
            begun += 1
        for data in line.send(sensor.encode(frame)):
            write(data)
        if sent / signal.rate_hz >= hello_s:
            hello_s += HELLO_S
            write(hello)


def play_capture(
    capture: Iterable[Piece],
    write: Callable[[bytes], None],
    *,
    rate_factor: float = 1.0,
    faults: InjectedFaults | None = None,
) -> None:
    """Send a capture as it came, at its true rate times `rate_factor`, damaged pieces included.

    Its gaps are waited for. Raises as `read_capture` does, and whatever `write` raises.
    """
    line, begin_s = FaultyLine(faults or InjectedFaults()), time.monotonic()
    for piece in capture:
        time.sleep(max(0.0, begin_s + piece.at_s / rate_factor - time.monotonic()))
        for data in line.send(piece.data):
            write(data)
