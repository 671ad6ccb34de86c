"""What a site knows of a machine: `Machine`, and the range in which its shaft turns, `SpeedRange`."""

from dataclasses import dataclass
from typing import Final

from edge_runtime.analysis.diagnosis.bearing import Bearing, bearing_of
from edge_runtime.analysis.diagnosis.severity import MachineGroup, Support

NOMINAL: Final = 0.05
"""A stated speed is so near the true one: the slip of small induction motors at full load."""
WIDEST: Final = 1.9
"""Highest over lowest speed of a range: at the double a shaft's lines are those of half its speed."""
SLOWEST_HZ: Final = 0.05
"""Below it no shaft turns that vibration of some seconds says anything of: 3 turns a minute."""


@dataclass(frozen=True, slots=True)
class SpeedRange:
    """Between which speeds a shaft turns, turns a second."""

    low_hz: float
    high_hz: float
    stated_hz: float | None = None
    """The nominal or measured speed that it was made of; None where only the range is known."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no range."""
        if not SLOWEST_HZ <= self.low_hz < self.high_hz <= WIDEST * self.low_hz:
            raise ValueError(
                f"{self.low_hz:g} to {self.high_hz:g} Hz is no range of speeds: the lowest comes first, is "
                f"{SLOWEST_HZ:g} at least, and the highest at most {WIDEST:g} times as high"
            )

    @classmethod
    def nominal(cls, hz: float) -> "SpeedRange":
        """Make it of a speed that is known within 5 %."""
        return cls((1 - NOMINAL) * hz, (1 + NOMINAL) * hz, hz)


@dataclass(frozen=True, slots=True)
class Machine:
    """None is not known."""

    speed: SpeedRange | None = None
    bearing: Bearing | None = None
    group: MachineGroup | None = None
    support: Support | None = None
    gear_teeth: int | None = None
    """Of the gear on this shaft."""
    mains_hz: float | None = None
    """Frequency of the grid or the inverter that feeds its motor."""

    @classmethod
    def stated(
        cls,
        speed_hz: float | None = None,
        speed_range_hz: tuple[float, float] | None = None,
        bearing: str = "",
        gear_teeth: int | None = None,
        mains_hz: float | None = None,
    ) -> "Machine":
        """Make it of what a site writes; a speed counts before a range of speeds.

        Raises ValueError for what is no bearing or no range.
        """
        within = None
        if speed_range_hz is not None:
            within = SpeedRange(*speed_range_hz)
        if speed_hz is not None:
            within = SpeedRange.nominal(speed_hz)
        known = bearing_of(bearing) if bearing else None
        return cls(within, known, gear_teeth=gear_teeth, mains_hz=mains_hz)
