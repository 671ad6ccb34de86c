"""What a model would hear, as it stands in its file: figures, and a sentence."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

SIZED: Final = ("level", "tone", "impacts", "modulation", "noise")
"""Families of faults, in the order of a sentence."""
_STANDARD_GRAVITY: Final = 9.80665
"""m/s2 (ISO 80000-3)."""
_MM_PER_S2: Final[Mapping[str, float]] = {
    "g": 1000 * _STANDARD_GRAVITY,
    "mg": _STANDARD_GRAVITY,
    "m/s2": 1000.0,
    "mm/s2": 1.0,
}
"""A unit of acceleration in mm/s2."""


@dataclass(frozen=True, slots=True)
class HeardFault:
    """The smallest size of one standard fault; None where the largest size tried is not enough."""

    name: str
    kind: str
    """Its family, one of SIZED."""
    what: str
    unit: str
    """What a size of 1 is."""
    at_hz: float | None
    alarm: float | None
    """Which raises an alarm in an operating condition never seen, with 95 % confidence where there are two
    conditions or more."""
    worst: float | None
    """Which raises an alarm in each condition that was held out."""
    worst_condition: str
    """Which of them needs the largest."""
    half: float | None
    """Which half of the windows exceed with, in the worst condition."""
    most: float | None
    """Which 95 % of the windows exceed with, in the worst condition."""
    slow: float | None = None
    """Which raises the slow alarm in an operating condition never seen, as `alarm`; None without one."""


@dataclass(frozen=True, slots=True)
class HeardBreak:
    """A fault of the sensor that has no size, and whether it raises an alarm in every condition."""

    name: str
    what: str
    heard: bool


@dataclass(frozen=True, slots=True)
class Power:
    """All standard faults, through one graph, threshold and alarm policy."""

    within_s: float
    """Seconds within which the alarm comes."""
    conditions: tuple[str, ...]
    """Operating conditions, or blocks of the only one, that the faults were put into."""
    largest: float
    """Largest size tried."""
    level: float
    """RMS of the healthy vibration, mean of channels and conditions, in `unit`."""
    unit: str
    faults: tuple[HeardFault, ...]
    breaks: tuple[HeardBreak, ...]
    clipping: float | None
    """Smallest share of samples cut off that raises an alarm."""
    slow_s: float | None = None
    """Seconds within which the slow alarm comes; None where there is none."""

    @property
    def hears(self) -> bool:
        """Whether any fault of any size raises an alarm in every condition."""
        return any(item.worst is not None for item in self.faults)

    @property
    def index(self) -> float:
        """One figure to compare detectors by: the median size that half of the windows exceed with.

        Of the faults, in the worst condition; one that half never exceed with counts as twice the largest
        size, a level by what it is above 1. Windows and a median predict best what is missed of real faults,
        see docs/power.md.
        """
        sizes = [
            2 * self.largest if item.half is None else item.half - (item.kind == "level")
            for item in self.faults
        ]
        return statistics.median(sizes)

    @property
    def statement(self) -> str:
        """What it hears, and what not, in a sentence or two."""
        if not self.hears:
            return f"Nothing up to {self.largest:g} times the healthy vibration raises an alarm"
        heard = self._families("alarm") or ["nothing that is promised"]
        said = f"An alarm within {self.within_s:.3g} s is raised by {_listed(heard)}{self._scope()}"
        unheard = [item.what for item in self.faults if item.worst is None]
        unheard += [item.what for item in self.breaks if not item.heard]
        only = [f"{item.what}, {item.worst:.2g}" for item in self.faults if item.worst and not item.alarm]
        said += f". In the conditions held out alone: {'; '.join(only)}" if only else ""
        if self.slow_s is not None and (slow := self._families("slow")):
            said += f". The slow alarm comes within {self.slow_s:.3g} s of {_listed(slow)}"
        return said + (f". Not heard: {'; '.join(unheard)}" if unheard else "")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the manifest, the statement among them."""
        return {**asdict(self), "supported": self.hears, "index": self.index, "statement": self.statement}

    def _scope(self) -> str:
        count = len(self.conditions)
        if count < 2:
            return ", in the one stretch that was held out"
        return f", in a condition like the {count} held out, with 95 % confidence"

    def _families(self, alarm: str) -> list[str]:
        return [text for kind in SIZED if (text := self._family(kind, alarm))]

    def _family(self, kind: str, alarm: str) -> str:
        found = [item for item in self.faults if item.kind == kind and getattr(item, alarm) is not None]
        if not found:
            return ""
        sizes = [float(getattr(item, alarm)) for item in found]
        low, high = (f"{size:.2g}" for size in (min(sizes), max(sizes)))
        span = low if low == high else f"{low} to {high}"
        if kind == "level":
            return f"a level {span} times as high"
        if kind == "tone":
            return " and ".join(
                f"{item.name.split()[1]} of {size:.2g} times the RMS{self._velocity(size, item.at_hz)}"
                for item, size in zip(found, sizes, strict=True)
            )
        if kind == "impacts":
            return f"impacts with a peak of {span} times the RMS"
        return f"{kind} of {span} times the RMS" if kind == "noise" else f"{kind} of {100 * max(sizes):.0f} %"

    def _velocity(self, size: float, hz: float | None) -> str:
        """Say a tone's RMS velocity: of an acceleration a at f, a / (2 pi f) (ISO 20816-1)."""
        scale = _MM_PER_S2.get(self.unit)
        if scale is None or not hz:
            return ""
        return f" ({size * self.level * scale / (2 * math.pi * hz):.2g} mm/s)"


def read_power(body: Mapping[str, Any]) -> Power:
    """Read what `to_json` wrote, from a manifest that was checked; what a later trainer adds is left out."""
    return Power(
        within_s=body["within_s"],
        conditions=tuple(body["conditions"]),
        largest=body["largest"],
        level=body["level"],
        unit=body["unit"],
        faults=tuple(HeardFault(**_known(HeardFault, item)) for item in body["faults"]),
        breaks=tuple(HeardBreak(**_known(HeardBreak, item)) for item in body["breaks"]),
        clipping=body["clipping"],
        slow_s=body.get("slow_s"),
    )


def _known(kind: type[Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return {part.name: body[part.name] for part in fields(kind) if part.name in body}


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
