"""What every sensor protocol is: a name, a decoder, an encoder where it can be simulated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from edge_runtime.core import Fault, Frame, Hello, Note, Reading

Decoded = Frame | Hello | Note | Reading | Fault


class SampleFormat(IntEnum):
    """How a sample is stored; the numbers are those of a steadyhum frame's format field."""

    INT16 = 1
    INT24 = 2
    FLOAT32 = 3


class Decoder(Protocol):
    """A codec without I/O: the bytes a port gave go in, what they mean comes out."""

    def feed(self, data: bytes) -> Sequence[Decoded]:
        """Take the next bytes and return what became complete with them; never raises."""


@dataclass(frozen=True, slots=True)
class LineFormat:
    """What the site states of a sensor's line, for protocols that do not carry it themselves."""

    channels: int
    """Values of one sample."""
    rate_hz: float
    """Samples a second."""
    scale: float = 1.0
    """Physical unit per number on the line."""


@dataclass(frozen=True, slots=True)
class SensorProtocol:
    """One row of the registry."""

    name: str
    """As the configuration names it, `protocol = "..."`."""
    summary: str
    """One line for the documentation."""
    decoder: Callable[[LineFormat], Decoder]
    """Makes a fresh decoder of one line."""
    checksummed: bool
    """Whether one frame proves that the sensor uses this protocol. Without a checksum noise may pass for a
    reading now and then, and the doctor requires most of the line to be valid."""
    introduces: bool = False
    """Whether a sensor can say in it who it is: its `Hello`."""
    value_bytes: int = 32
    """Bytes that one value takes on the line at most, with its share of what surrounds it. A decoder of text
    reads no longer values: 16 of 31 characters and a separator fill a line."""
    encode: Callable[[Frame | Hello, SampleFormat], bytes] | None = None
    """What a simulated sensor sends for a frame or a hello. Raises ValueError for what the protocol cannot
    carry. None for a protocol that is only read."""
    formats: tuple[SampleFormat, ...] = tuple(SampleFormat)
    """What it carries of those that a simulated sensor knows."""
    talk: Callable[[], Callable[[bytes], bytes]] | None = None
    """For sensors that wait to be asked: makes, for a port that was opened, what says which bytes to write
    after those that arrived; it is asked once before any have. None for sensors that send by themselves."""
