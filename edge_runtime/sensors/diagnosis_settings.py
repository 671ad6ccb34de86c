"""Settings of the diagnosis: what a site knows of the shaft and bearing that a sensor listens to. Frozen."""

from dataclasses import dataclass
from typing import Final

from edge_runtime.core import check_within

_MOST_CHARS: Final = 100
"""Of a bearing: four ratios with their names. Of a reading's name: as many as frames carry."""
_TEETH: Final = (5, 1000)
"""Pinions have 5 at least; of fewer the mesh would be one of the orders that are named themselves."""
_MAINS_HZ: Final = (10, 400)
"""From railways (16.7 Hz) and slow inverters to aircraft."""


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """What is needed to name the part of a bearing that knocks, and lines; without it they are left open."""

    speed_hz: float | None = None
    """Turns of the shaft in a second, within 5 %."""
    speed_range_hz: tuple[float, float] | None = None
    """Lowest and highest speed where it changes, the highest at most 1.9 times the lowest, such as
    `[20, 30]`; lines are named where the shaft's own say how fast it turned."""
    speed_reading: str = ""
    """Name of the reading, in the sensor's own frames, that says the speed in `Hz` or `rpm`; it counts before
    `speed_hz`. Empty for none."""
    bearing: str = ""
    """A known one (`6203`, `6205`, `UER204`, `ZA-2115`); its rolling elements, their diameter, the pitch
    diameter and the contact angle in degrees, such as `9,7.94,39.04,0`; or its four ratios,
    `FTF=0.398,BPFO=3.585,BPFI=5.415,BSF=2.357`. Empty where it is not known."""
    gear_teeth: int | None = None
    """Teeth of the gear on this shaft."""
    mains_hz: float | None = None
    """Frequency of the grid, or of the inverter, that feeds the motor."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range."""
        if self.speed_hz is not None:
            check_within(self, 0.1, 1000, "speed_hz")
        if self.speed_hz is not None and self.speed_range_hz is not None:
            raise ValueError("speed_hz and speed_range_hz are both stated: one of them is meant")
        if self.gear_teeth is not None:
            check_within(self, *_TEETH, "gear_teeth")
        if self.mains_hz is not None:
            check_within(self, *_MAINS_HZ, "mains_hz")
        for name in ("bearing", "speed_reading"):
            if (count := len(getattr(self, name))) > _MOST_CHARS:
                raise ValueError(f"{name} has {count} characters, must be {_MOST_CHARS} at most")
