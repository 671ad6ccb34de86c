"""From the unit that a device measures in to the one that the site states: `factor`. Pure."""

from collections.abc import Mapping
from typing import Final

from edge_runtime.core import ConfigError

ACCELERATION: Final = "m/s2"
VOLTAGE: Final = "V"
SHARE: Final = "full scale"
"""Of a device that states no calibration: 1.0 is the largest it can give."""
_IN_M_S2: Final[Mapping[str, float]] = {"m/s2": 1.0, "mm/s2": 1e-3, "g": 9.80665, "mg": 9.80665e-3}
"""Units of acceleration; standard gravity by the third CGPM (1901)."""


def factor(measured: str, unit: str, scale: float, where: str) -> float:
    """By what values in the unit `measured` are multiplied to be in `unit`.

    `scale` is what one volt, or full scale, is in `unit`; 1.0 says that nobody stated it. Raises ConfigError
    where the two units have nothing to do with each other.
    """
    if measured in (VOLTAGE, SHARE) and (scale != 1.0 or unit == measured):
        return scale
    if measured == ACCELERATION and unit in _IN_M_S2:
        if scale != 1.0:
            raise ConfigError(
                f"scale is {scale:g}, and the device states its own calibration",
                where=where,
                remedy="Leave scale out",
            )
        return 1 / _IN_M_S2[unit]
    if unit == measured:
        return 1.0
    remedy = f"Set unit to {' or '.join(map(repr, _IN_M_S2))}"
    if measured in (VOLTAGE, SHARE):
        one = "one volt" if measured == VOLTAGE else "full scale"
        remedy = f"Set scale to what {one} is in {unit}, or unit to {measured!r}"
    elif measured != ACCELERATION:
        remedy = f"Set unit to {measured!r}"
    raise ConfigError(
        f"unit is {unit!r}, and the device measures in {measured!r}", where=where, remedy=remedy
    )
