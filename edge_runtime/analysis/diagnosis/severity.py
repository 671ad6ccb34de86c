"""Zones of ISO 20816-3:2022: a screening of how bad a machine's vibration is, no proof of compliance."""

import math
from enum import StrEnum
from typing import Final


class MachineGroup(StrEnum):
    """Industrial machines by their power, as the standard groups them."""

    LARGE = "large"
    """Group 1: above 300 kW, or a shaft higher than 315 mm."""
    MEDIUM = "medium"
    """Group 2: 15 to 300 kW, or a shaft of 160 to 315 mm."""


class Support(StrEnum):
    """What a machine stands on."""

    RIGID = "rigid"
    FLEXIBLE = "flexible"


class Zone(StrEnum):
    """How bad it is."""

    A = "A"
    """As new."""
    B = "B"
    """May run without limit of time."""
    C = "C"
    """May run for a while, until it can be mended."""
    D = "D"
    """Does harm."""


_BOUNDARIES_MM_S: Final = {
    (MachineGroup.LARGE, Support.RIGID): (2.3, 4.5, 7.1),
    (MachineGroup.LARGE, Support.FLEXIBLE): (3.5, 7.1, 11.0),
    (MachineGroup.MEDIUM, Support.RIGID): (1.4, 2.8, 4.5),
    (MachineGroup.MEDIUM, Support.FLEXIBLE): (2.3, 4.5, 7.1),
}
"""RMS velocity between A and B, B and C, C and D: ISO 20816-3:2022, tables A.1 and A.2."""


def upper_end_mm_s(of: Zone, group: MachineGroup, support: Support) -> float:
    """RMS velocity above which a machine is beyond a zone; infinite for the worst."""
    ends = dict(zip(Zone, (*_BOUNDARIES_MM_S[group, support], math.inf), strict=True))
    return ends[of]


def zone(velocity_mm_s: float, group: MachineGroup, support: Support) -> Zone | None:
    """Return the zone of an RMS velocity from 10 to 1000 Hz; None where that is not known, a NaN."""
    if math.isnan(velocity_mm_s):
        return None
    exceeded = sum(velocity_mm_s > boundary for boundary in _BOUNDARIES_MM_S[group, support])
    return tuple(Zone)[exceeded]
