"""At which frequencies a rolling bearing's defects knock: `Bearing`, in turns of the shaft."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_WHOLE: Final = 0.02
"""By how much the number of rollers may differ from a whole one: catalogues round the four figures to two or
three digits."""

_AGREE: Final = 0.01
"""By which share BPFO may differ from its number of rolling elements times FTF: rounding again."""
_TWICE: Final = 0.2
"""By which share BSF may exceed what follows from FTF at a contact angle of 0, where it is largest: rounding
of FTF to two digits. Twice is much more."""


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
        if abs(self.outer - round(rollers) * self.cage) > _AGREE * self.outer:
            raise ValueError(
                f"FTF {self.cage:g} and BPFO {self.outer:g} disagree: BPFO is {round(rollers)} times FTF"
            )
        ratio = 1 - 2 * self.cage
        if self.spin > (1 + _TWICE) * (1 - ratio**2) / (2 * ratio):
            raise ValueError(
                f"BSF {self.spin:g} is more than FTF {self.cage:g} allows: some lists give 2 BSF in its place"
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
    """A bearing by its name, its geometry as `N,d,D` or `N,d,D,DEGREES`, or its four ratios.

    The latter as `FTF=0.398,BPFO=3.585,BPFI=5.415,BSF=2.357`, in any order. Raises ValueError that says what
    is wrong with it.
    """
    if text in BEARINGS:
        return BEARINGS[text]
    rollers, *lengths = text.split(",")
    if "=" in text:
        return _of_ratios(dict(part.split("=", 1) for part in (rollers, *lengths) if "=" in part))
    if len(lengths) not in {2, 3}:
        raise ValueError("a geometry is three figures, or four with the contact angle")
    return Bearing.of_geometry(int(rollers), *map(float, lengths))


def _of_ratios(stated: dict[str, str]) -> Bearing:
    ratios = {name.strip().upper(): figure for name, figure in stated.items()}
    if set(ratios) != set(_RATIOS):
        raise ValueError(f"four ratios are asked for, {', '.join(_RATIOS)}, each as NAME=FIGURE")
    return Bearing(**{_RATIOS[name]: float(figure) for name, figure in ratios.items()})


_RATIOS: Final = {"FTF": "cage", "BPFO": "outer", "BPFI": "inner", "BSF": "spin"}
"""Names that catalogues use, and what they are here."""
BEARINGS: Final = {
    "6203": Bearing.of_geometry(8, 0.2656, 1.122),
    "6205": Bearing.of_geometry(9, 0.3126, 1.537),
    "UER204": Bearing.of_geometry(8, 7.92, 34.55),
    "ZA-2115": Bearing.of_geometry(16, 0.331, 2.815, 15.17),
}
"""Bearings by name, of which somebody published geometry and vibration; makers' balls differ a little under
one number. 6203-2RS and 6205-2RS of SKF, inches: fan end and drive end of the Bearing Data Center of Case
Western Reserve University, which states 3.0530 and 3.5848 for BPFO. UER204 of LDK, mm: B. Wang, Y. Lei,
N. Li, N. Li, A hybrid prognostics approach for estimating remaining useful life of rolling element
bearings, IEEE Transactions on Reliability 69 (2020). ZA-2115 of Rexnord, inches: H. Qiu, J. Lee, J. Lin,
G. Yu, Wavelet filter-based weak signature detection method and its application on rolling element bearing
prognostics, Journal of Sound and Vibration 289 (2006)."""
