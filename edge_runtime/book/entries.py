"""What stands in the book: open alarms, what people did about them, the sensors' conditions.

Words of ISA-18.2 and OPC UA part 9: AcknowledgedState, ShelvingState, SuppressedState, LatchedState.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from edge_runtime.book.evidence import Evidence, Judgement
from edge_runtime.core import AlarmKind, FaultReason, MachineState, ModelSummary, Transition

LINK_REASONS: Final = (
    FaultReason.SENSOR_LOST,
    FaultReason.SILENT,
    FaultReason.NO_VALID_FRAME,
    FaultReason.NO_WINDOW,
)
"""Reasons of a sensor fault that are about the line: nothing usable comes. Others are about the sensor."""

Link = Literal["unknown", "up", "down"]
"""Of a sensor's line."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment by both of a gateway's clocks. The wall clock may be set; the steady one only goes on."""

    wall_us: int
    """Microseconds since 1970."""
    steady_us: int
    """Microseconds since the gateway was switched on, times asleep included (CLOCK_BOOTTIME)."""
    boot: str = ""
    """Names the run of the kernel that `steady_us` counts in; empty where it is unknown, and equals none."""


@dataclass(frozen=True, slots=True)
class Record:
    """Who did something, when, and what they said."""

    at_us: int
    """Wall time, microseconds since 1970."""
    who: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shelving:
    """An alarm that a person has put aside until a time."""

    until_us: int
    """Wall time, microseconds since 1970: it comes back by itself."""
    who: str
    why: str
    at_us: int
    """Wall time when it was put aside, microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm that has begun and not ended, as it stands."""

    id: str
    sensor: str
    kind: AlarmKind
    machine: str
    """What the site says the sensor sits on; empty where it says nothing."""
    incident: str
    """Names what began on the machine: all alarms of one kind that stand on it at once have the same. It is
    the `id` of the first of them."""
    reason: str
    """For a fault the check that failed, a colon and its details; else empty."""
    start_us: int
    """Wall time, microseconds since 1970; corrected when the wall clock is set."""
    peak: float
    """Highest score, in the score's own unit; of a fault 1, which says nothing."""
    score: float | None
    """Latest score of the model that began it; None where there is none. Of a fault 1 or 0."""
    threshold: float | None
    """Threshold that began it; None where it was not kept. Of a fault 0.5."""
    model: ModelSummary
    """The model that began it."""
    again: int = 0
    """How often it would have begun again while it was held open, because it began too often."""
    acknowledged: Record | None = None
    shelved: Shelving | None = None
    suppressed: str = ""
    """Why the site wants alarms of this sensor marked and not acted upon; empty where it does not."""
    latched: bool = False
    """Whether the alarm stays until a person resets it."""
    active: bool = True
    """Whether what it is about still goes on; False for a latched alarm that waits for its reset."""
    start_steady_us: int | None = None
    """When it began by the steady clock; None where that was before the gateway was last switched on."""
    boot: str = ""
    """The run of the kernel that `start_steady_us` counts in."""
    state: str = ""
    """Operating state of the machine when it began; empty where nothing said it."""
    evidence: tuple[Evidence, ...] = ()
    """What of its vibration is kept, in the order of its moments."""
    judgement: Judgement | None = None
    """What a person found it to be; the latest."""


class Action(StrEnum):
    """What an event reports, beside that an alarm begins, goes on or ends."""

    ACKNOWLEDGED = "acknowledged"
    """A person has seen it."""
    SHELVED = "shelved"
    """A person has put it aside until a time."""
    UNSHELVED = "unshelved"
    """It is no longer put aside: a person said so, or the time has come, and then `by` is empty."""
    LATCHED = "latched"
    """What it was about is over, and it waits for its reset."""
    RETURNED = "returned"
    """A latched alarm's cause is there again."""
    RESET = "reset"
    """A person has ended a latched alarm."""
    REMOVED = "removed"
    """It cannot end by itself any more: nothing is left that would see its end."""
    SUPPRESSED = "suppressed"
    """The site wants it marked and not acted upon."""
    UNSUPPRESSED = "unsuppressed"
    """The site does not want that any more."""
    EVIDENCE = "evidence"
    """More of its vibration is kept; of one that has ended, too."""
    JUDGED = "judged"
    """A person has said what it was; of one that has ended, too."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be stored and published: one event."""

    transition: Transition
    alarm: OpenAlarm
    """As it stands with this change; with an `end`, as it stood last."""
    at: Instant
    """When it was known."""
    end_us: int | None = None
    """Wall time of the end, microseconds since 1970, never before the start; None before the end."""
    elapsed_us: int = 0
    """Microseconds from the beginning to the end, or so far, by the steady clock; never negative."""
    action: Action | None = None
    by: str = ""
    """Who did it; empty where nobody did."""
    note: str = ""
    contributions: tuple[tuple[str, float], ...] = ()
    """Feature name and its share in the score, largest first."""
    members: tuple[str, ...] = ()
    """Sensors whose alarms are of the same incident, this one's included, in order."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How it stands with one sensor, its line and its model."""

    sensor: str
    link: Link
    """`unknown` before the first window or fault; `down` while nothing usable comes over the line."""
    fault: str
    """What is wrong with the line or the sensor; empty while nothing is."""
    model_fault: str
    """Why the model gives no score; empty while it does."""
    alarms: tuple[OpenAlarm, ...]
    """Open alarms about the sensor, its line and its model, and the machine's state; not those on trends."""
    commissioning: str | None = None
    """Stage of its commissioning; None for one that a delivered model watches as it was shipped."""
    asks: str = ""
    """What its commissioning asks of a person now; empty where it asks nothing."""
    state: MachineState | None = None
    """Operating state of the machine; None while nothing says it."""
    since_us: int | None = None
    """Wall time since when it has been in it, microseconds since 1970."""

    @property
    def usable(self) -> bool:
        """Whether the sensor gives something that a model can judge."""
        return self.link == "up" and not self.fault


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with the machine at one sensor: its anomaly, and the latest score."""

    watched: "Watched"
    """The sensor."""
    alarm: OpenAlarm | None
    """The open anomaly."""
    model: ModelSummary
    """The model that scores now."""
    threshold: float
    """Its threshold."""
    score: float | None
    """The latest score of a window; None before the first."""
    scored_us: int | None
    """Wall time of that window's last sample, microseconds since 1970; None before the first."""
    contributions: tuple[tuple[str, float], ...]
    """To that score, largest first."""
    trends: tuple[OpenAlarm, ...] = ()
    """Open alarms on trends."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What the book has to know of a sensor."""

    name: str
    model: ModelSummary
    threshold: float
    machine: str = ""
    latched: bool = False
    """Whether anomalies of it stay until they are reset."""
    suppressed: str = ""
    """Why its alarms are to be marked as suppressed; empty where they are not."""
    trends: frozenset[AlarmKind] = frozenset()
    """Kinds of the alarms on trends that the site asks for."""
    armed: bool = True
    """Whether anomalies of it are alarms; not while it is being commissioned."""
    commissioning: str | None = None
    """Stage of its commissioning; None for one that a delivered model watches as it was shipped."""
    asks: str = ""
    """What its commissioning asks of a person now; empty where it asks nothing."""
