"""At which frequencies a rolling bearing's defects knock: `Bearing`, in turns of the shaft."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_WHOLE: Final = 0.02
"""By how much the number of rollers may differ from a whole one: catalogues round the four figures to two or
three digits."""


class RacePart(StrEnum):
    """What of a bearing can knock."""

    OUTER = "outer race"
    INNER = "inner race"
    ROLLER = "rolling element"


@dataclass(frozen=True, slots=True)
class Bearing:
    """Frequencies of its parts at one turn a second, inner race turning, no slip.

    Outer and inner race add up to the number of rolling elements, at every geometry. A mistake in one of the
    figures shows so.
    """

    cage: float
    """FTF: turns of the cage."""
    outer: float
    """BPFO: rolling elements that pass a place of the outer race."""
    inner: float
    """BPFI: rolling elements that pass a place of the inner race."""
    spin: float
    """BSF: turns of a rolling element about itself. A defect of it knocks on both races: at twice as many."""

    def __post_init__(self) -> None:
        """Raise ValueError where these cannot be one bearing's."""
        figures = (self.cage, self.outer, self.inner, self.spin)
        if not all(math.isfinite(figure) and figure > 0 for figure in figures):
            raise ValueError("a bearing's frequencies must be positive numbers")
        rollers = self.outer + self.inner
        if abs(rollers - round(rollers)) > _WHOLE or not self.cage < 0.5 < self.outer < self.inner:
            raise ValueError(
                f"BPFO {self.outer:g} and BPFI {self.inner:g} add up to {rollers:g}: their sum must be the "
                "number of rolling elements, and FTF below a half"
            )

    @classmethod
    def of_geometry(
        cls, rollers: int, roller_diameter: float, pitch_diameter: float, contact_angle_deg: float = 0.0
    ) -> "Bearing":
        """Make it of its geometry; both diameters in the same unit. Raises ValueError as the class does.

        Source: the kinematics of rolling without slip, as in R. B. Randall and J. Antoni, Rolling element
        bearing diagnostics, Mechanical Systems and Signal Processing 25 (2011), section 2.
        """
        if not (rollers >= 3 and 0 < roller_diameter < pitch_diameter and 0 <= contact_angle_deg < 90):
            raise ValueError("no bearing has such rollers: their diameter is less than the pitch diameter")
        ratio = roller_diameter / pitch_diameter * math.cos(math.radians(contact_angle_deg))
        return cls(
            cage=(1 - ratio) / 2,
            outer=rollers * (1 - ratio) / 2,
            inner=rollers * (1 + ratio) / 2,
            spin=pitch_diameter / roller_diameter * (1 - ratio**2) / 2,
        )

    def knocks(self, part: RacePart) -> float:
        """How often a defect of a part knocks in one turn of the shaft."""
        return {RacePart.OUTER: self.outer, RacePart.INNER: self.inner, RacePart.ROLLER: 2 * self.spin}[part]


def bearing_of(text: str) -> Bearing:
    """A bearing by its name, or by its geometry as `N,d,D` or `N,d,D,DEGREES`.

    Raises ValueError that says what is wrong with it.
    """
    if text in BEARINGS:
        return BEARINGS[text]
    rollers, *lengths = text.split(",")
    if len(lengths) not in {2, 3}:
        raise ValueError("a geometry is three figures, or four with the contact angle")
    return Bearing.of_geometry(int(rollers), *map(float, lengths))


BEARINGS: Final = {"6205": Bearing.of_geometry(9, 0.3126, 1.537)}
"""Bearings by name. 6205-2RS of SKF, inches: the Bearing Data Center of Case Western Reserve University
states this geometry of its drive end."""
