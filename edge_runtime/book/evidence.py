"""What is kept of an alarm's vibration, and what people found the alarm to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verity(StrEnum):
    """What people found an alarm to be."""

    REAL = "real"
    """Something was wrong with the machine."""
    FALSE = "false"
    """Nothing was: what was recorded is normal."""
    MAINTENANCE = "maintenance"
    """Somebody worked at the machine: it is neither."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person found an alarm to be."""

    verity: Verity
    at_us: int
    """Wall time, microseconds since 1970."""
    who: str
    note: str = ""

    @staticmethod
    def of(members: Mapping[str, Any]) -> "Judgement":
        """As `asdict` gave it. Raises ValueError, TypeError or KeyError for anything else."""
        return Judgement(**{**members, "verity": Verity(members["verity"])})


class AlarmMoment(StrEnum):
    """What of an alarm its evidence is around."""

    BEGIN = "begin"
    PEAK = "peak"
    END = "end"


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of a spectrum that has a name."""

    name: str
    """Such as `2x` or `BPFO`."""
    hz: float
    strength: float
    """How many times its surroundings it is."""
    velocity_mm_s: float | None = None
    """Its RMS velocity; None of a line of the envelope."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the vibration of one channel says in the words of the trade."""

    channel: str
    words: str
    """A sentence: which part of the bearing knocks, or why none is named."""
    velocity_mm_s: float | None = None
    """RMS from 10 to 1000 Hz; None where it is not known, as of the others."""
    zone: str | None = None
    """By ISO 20816-3, a screening."""
    rms_m_s2: float | None = None
    crest: float | None = None
    kurtosis: float | None = None
    lines: tuple[FoundLine, ...] = ()
    """Of the vibration first, then of its envelope."""

    @staticmethod
    def of(members: Mapping[str, Any]) -> "Finding":
        """As `asdict` gave it. Raises ValueError, TypeError or KeyError for anything else."""
        lines = tuple(FoundLine(**each) for each in members.get("lines", ()))
        return Finding(**{**members, "lines": lines})

    def __str__(self) -> str:
        """In a line, for people."""
        velocity = "" if self.velocity_mm_s is None else f"{self.velocity_mm_s:.2f} mm/s"
        zone = f"zone {self.zone}" if self.zone else ""
        lines = f"lines {' '.join(line.name.replace(' ', '') for line in self.lines)}" if self.lines else ""
        said = ", ".join(part for part in (velocity, zone, self.words, lines) if part)
        return f"{self.channel}: {said}" if self.channel else said


@dataclass(frozen=True, slots=True)
class Evidence:
    """The vibration around one moment of an alarm, kept as a capture on this device."""

    id: str
    moment: AlarmMoment
    sha256: str
    """Of the capture's file, hexadecimal."""
    bytes: int
    seconds: float
    """From its first frame to its last."""
    whole: bool
    """Whether all that was to be kept is in it, but for what a restart of the gateway took."""
    findings: tuple[Finding, ...] = ()
    """What it says, channel by channel; empty where that was not asked."""

    @staticmethod
    def of(members: Mapping[str, Any]) -> "Evidence":
        """As `asdict` gave it. Raises ValueError, TypeError or KeyError for anything else."""
        findings = tuple(Finding.of(each) for each in members["findings"])
        return Evidence(**{**members, "moment": AlarmMoment(members["moment"]), "findings": findings})
