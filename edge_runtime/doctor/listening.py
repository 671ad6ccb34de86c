"""Listening to a line for a while: `listen` returns a `Capture`, everything needed to judge the sensor."""

import time
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from edge_runtime.analysis import samples_and_seconds
from edge_runtime.core import EdgeError, Fault, FaultKind, Frame, Hello
from edge_runtime.sensors import Port, SensorSettings, Source
from edge_runtime.sensors.protocols import PROTOCOLS, Decoder, new_decoder

BAUDS: Final = (921600, 115200, 460800, 230400, 1000000, 2000000, 3000000, 57600, 38400, 19200, 9600)
"""What serial adapters and firmware commonly use; our default and the most usual one first."""
PROBE_S: Final = 0.6
"""Long enough for a frame or two lines of every rate that fits a baud rate."""
GUESSED_ERRORS: Final = 0.5
"""Without a checksum noise passes for a reading now and then; a true reading nearly always does."""
_RATE_FROM: Final = 10
"""Arrivals needed before a rate is worth stating."""


@dataclass(slots=True)
class Capture:
    """What came from a line."""

    seconds: float = 0.0
    size: int = 0
    """Bytes received."""
    frames: list[Frame] = field(default_factory=list)
    arrivals_s: list[float] = field(default_factory=list)
    """When each frame came, monotonic seconds."""
    faults: list[Fault] = field(default_factory=list)
    hello: Hello | None = None
    lost: str = ""
    """Why listening ended early; empty when it did not."""

    @property
    def rate_hz(self) -> float | None:
        """Samples a second by this computer's clock; None when too little came to say."""
        if len(self.frames) < _RATE_FROM:
            return None
        lengths = {len(frame.samples) for frame in self.frames}
        boots = {(frame.sensor_id, frame.boot_id) for frame in self.frames}
        if len(boots) > 1 or len(lengths) > 1:
            positions = list(accumulate(len(frame.samples) for frame in self.frames))
        else:  # by sequence numbers, so that the samples of lost frames count
            first = self.frames[0].sequence
            positions = [(frame.sequence - first) % 2**32 * max(lengths) for frame in self.frames]
        notes = list(zip(positions, self.arrivals_s, strict=True))
        samples, seconds = samples_and_seconds(notes, self.frames[0].rate_hz)
        return samples / seconds if seconds else None

    def share(self, *kinds: FaultKind) -> float:
        """Faults of these kinds as a share of all that came, 0 to 1."""
        count = sum(fault.count for fault in self.faults if fault.kind in kinds)
        return count / (count + len(self.frames)) if count else 0.0


def listen(port: Port, decoder: Decoder, seconds: float) -> Capture:
    """Listen for `seconds`. Raises what opening the port raises: UnavailableError, BusyError, AccessError."""
    capture = Capture()
    begun_s = time.monotonic()
    with port as source:
        while (elapsed_s := time.monotonic() - begun_s) < seconds:
            try:
                data = source.read()
            except EdgeError as error:
                capture.lost = error.what
                break
            _decode(capture, decoder, data)
    capture.seconds = max(elapsed_s, 1e-3)  # a port that is lost at once would divide by zero
    return capture


def find_settings(url: str, sensor: SensorSettings) -> tuple[int, str] | None:
    """Try every protocol at every usual baud rate; the first that something can be read at, or None."""
    for baud in (sensor.baud, *(baud for baud in BAUDS if baud != sensor.baud)):
        try:
            protocol = _find_protocol(url, baud, sensor)
        except EdgeError:  # a speed this adapter does not have
            continue
        if protocol is not None:
            return baud, protocol
    return None


def _find_protocol(url: str, baud: int, sensor: SensorSettings) -> str | None:
    captures = {name: Capture() for name in PROTOCOLS}
    decoders = {name: new_decoder(name, sensor.line) for name in PROTOCOLS}
    proven = [name for name, protocol in PROTOCOLS.items() if protocol.checksummed]
    until_s = time.monotonic() + PROBE_S
    with Source(url, baud) as source:
        while time.monotonic() < until_s and not any(captures[name].frames for name in proven):
            data = source.read()
            for name, decoder in decoders.items():
                _decode(captures[name], decoder, data)
    for name in sorted(PROTOCOLS, key=lambda name: name not in proven):
        errors = 0.0 if name in proven else captures[name].share(*FaultKind)
        if captures[name].frames and errors < GUESSED_ERRORS:
            return name
    return None


def _decode(capture: Capture, decoder: Decoder, data: bytes) -> None:
    now_s = time.monotonic()
    capture.size += len(data)
    for item in decoder.feed(data):
        if isinstance(item, Frame):
            capture.frames.append(item)
            capture.arrivals_s.append(now_s)
        elif isinstance(item, Hello):
            capture.hello = item
        elif isinstance(item, Fault):
            capture.faults.append(item)
