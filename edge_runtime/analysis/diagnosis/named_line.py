"""A line of a spectrum that has a name, and the rule by which it counts: `NamedLine`, `judge_line`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge_runtime.analysis.diagnosis.line_spectrum import LineSpectrum

LEAST: Final = 6.0
"""Times its surroundings from which on a line counts: noise comes to that once in 10^11 bins (Rayleigh's
distribution, whose median is 1.18 of its scale)."""
OVER_OTHERS: Final = 2.0
"""Times the strongest other bin beside it: of two lines that close nobody knows which one is meant."""
APART: Final = 0.2
"""Of a turn of the shaft: other lines so near count as others. The next order is half a turn away."""
EXACT: Final = 0.004
"""Share by which a line may be off that hangs on the shaft's speed alone, or on the mains: what the speed of
the comb is uncertain by, and what the frequency of a grid is held to."""


class LineFamily(StrEnum):
    """What lines have in common."""

    TURN = "1x"
    TWICE = "2x"
    THRICE = "3x"
    HALF = "half orders"
    GEAR = "gear mesh"
    MAINS = "mains"
    BEARING = "bearing"


USUALLY: Final[Mapping[LineFamily, str]] = {
    LineFamily.TURN: "imbalance",
    LineFamily.TWICE: "misalignment",
    LineFamily.THRICE: "misalignment or looseness",
    LineFamily.HALF: "looseness, or a part that rubs",
    LineFamily.GEAR: "wear, load or alignment of the teeth",
    LineFamily.MAINS: "an uneven air gap or loose windings of the motor",
}
"""What a line that has grown usually means. Healthy machines have such lines, too. Source: ISO 13373-3:2015,
guidelines for vibration diagnosis. A bearing's lines are named by the part instead."""


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line that counts."""

    name: str
    """Such as `2x`, `gear mesh - 1x`, `BPFI + 1x`."""
    family: LineFamily
    hz: float
    strength: float
    """How many times its surroundings it is."""
    velocity_mm_s: float | None
    """Its RMS velocity; None of a line of the envelope, which is no vibration."""

    def __str__(self) -> str:
        """In words, with units."""
        velocity = "" if self.velocity_mm_s is None else f", {self.velocity_mm_s:.3g} mm/s"
        return f"{self.name} {self.hz:.1f} Hz{velocity}, {self.strength:.0f} times its surroundings"


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A line that was looked for and is not named."""

    name: str
    why: str

    def __str__(self) -> str:
        """In words."""
        return f"{self.name}: {self.why}"


def judge_line(
    spectrum: LineSpectrum, hz: float, turn_hz: float, tolerance: float = EXACT, least: float = LEAST
) -> tuple[float, float, str]:
    """Return frequency and strength of the line at about `hz`, and why it does not count.

    The latter is empty where it counts.
    """
    found_hz, strength = spectrum.near(hz, tolerance)
    if strength < least:
        return found_hz, strength, f"{strength:.1f} times its surroundings, {least:g} are asked for"
    over = spectrum.over_others(found_hz, APART * turn_hz)
    if over < OVER_OTHERS:
        why = f"{over:.1f} times another line within {APART * turn_hz:.1f} Hz, {OVER_OTHERS:g} are asked for"
        return found_hz, strength, why
    return found_hz, strength, ""
