"""Vibration transmitters on Modbus RTU: which registers hold which values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a transmitter."""

    name: str
    unit: str
    register: int
    """Counted from the first that is read."""
    scale: float
    """`unit` per count."""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Transmitter:
    """A kind of transmitter, whose values one request reads."""

    name: str
    """As a port names it."""
    summary: str
    baud: int
    """As it leaves the factory, with 8 bits, no parity, one stop bit."""
    first: int
    """Register, from 0."""
    count: int
    values: tuple[Value, ...]
    """The most important first: a sensor's history keeps eight."""

    def decoded(self, registers: Sequence[int]) -> dict[str, float]:
        """Values by name of the registers that were read."""
        counts = {value.name: registers[value.register] for value in self.values}
        return {
            value.name: (counts[value.name] - (counts[value.name] >> 15 << 16) * value.signed) * value.scale
            for value in self.values
        }


def _axes(what: str, unit: str, first: int) -> tuple[Value, ...]:
    return tuple(Value(f"{axis}_{what}", unit, first + at, 1.0) for at, axis in enumerate("xyz"))


TRANSMITTERS: Final[Mapping[str, Transmitter]] = {
    kind.name: kind
    for kind in (
        # Banner, "QM42VT Series", registers 45201 to 45206; velocity in inches and degrees F are left out.
        Transmitter(
            "qm42vt",
            "Banner QM42VT",
            19200,
            5200,
            6,
            (
                Value("z_velocity", "mm/s", 1, 1e-3),
                Value("x_velocity", "mm/s", 5, 1e-3),
                Value("temperature", "degC", 3, 0.05, signed=True),
            ),
        ),
        # WitMotion, "WTVB01-485 Protocol", registers 0x3A to 0x46; the angles, 0x3D to 0x3F, are left out.
        Transmitter(
            "wtvb01",
            "WitMotion WTVB01-485",
            9600,
            0x3A,
            13,
            (
                *_axes("velocity", "mm/s", 0),
                Value("temperature", "degC", 6, 0.01, signed=True),
                *_axes("frequency", "Hz", 10),
                *_axes("displacement", "um", 7),
            ),
        ),
    )
}
