"""What every sensor protocol is: a name, a decoder, and how it is recognised."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_runtime.core import Fault, Frame, Hello

Decoded = Frame | Hello | Fault


class Decoder(Protocol):
    """A sans-I/O codec: whatever a port gave goes in, what it meant comes out."""

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
    """Whether one frame proves that this is what the sensor speaks. Without a checksum noise may pass for a
    reading now and then, and the doctor wants most of what comes to be good."""
