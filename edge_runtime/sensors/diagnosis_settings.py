"""Settings of the diagnosis: what a site knows of the shaft and bearing that a sensor listens to. Frozen."""

from dataclasses import dataclass
from typing import Final

from edge_runtime.core import check_within

_MOST_CHARS: Final = 100
"""Of a bearing: four figures."""


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """What is needed to name the part of a bearing that knocks; without it that is left open."""

    speed_hz: float | None = None
    """Turns of the shaft in a second, within 5 %."""
    bearing: str = ""
    """A known one such as `6205`, or its rolling elements, their diameter, the pitch diameter and the contact
    angle in degrees, such as `9,7.94,39.04,0`; empty where it is not known."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range."""
        if self.speed_hz is not None:
            check_within(self, 0.1, 1000, "speed_hz")
        if len(self.bearing) > _MOST_CHARS:
            raise ValueError(f"bearing has {len(self.bearing)} characters, must be {_MOST_CHARS} at most")
