"""How far a sensor is on its way to a model of its own: `Commissioning`; `commissioning_steps` change it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_ENTRIES: Final = 100
"""Of the history that is kept; the oldest are left out. A judgement: years of a sensor."""
LONGEST: Final = 1000
"""Characters of what is said or asked. A judgement: a few sentences."""
ADAPT: Final = "adapt"
"""The first word of a request that the service fulfils itself, from a model of the same kind of machine."""
SHADOW_TOO: Final = "shadow"
"""A word of such a request: what spoke against arming is to be adapted to as well."""


class Stage(StrEnum):
    """How far the commissioning of a sensor is."""

    LEARNING = "learning"
    """It has no model: recordings are made, or the learner works on them."""
    CALIBRATING = "calibrating"
    """A learnt model scores; it is seen whether its threshold holds for what the machine does now."""
    SHADOW = "shadow"
    """The model says what it would alarm about, and nobody is alarmed."""
    ARMED = "armed"
    """The model raises alarms."""
    RETIRED = "retired"
    """The learnt model is out of use and kept."""


SCORED: Final = (Stage.CALIBRATING, Stage.SHADOW, Stage.ARMED)
"""Stages in which the learnt model scores."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done, by whom and when."""

    at_us: int
    """Wall time, microseconds since 1970."""
    who: str
    """Empty where the program did it."""
    what: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What the site asks for before a sensor is armed."""

    calibrate_s: float
    shadow_s: float
    shadow_alarms: int
    """So many alarms in the shadow do not speak against it."""
    auto_arm: bool


@dataclass(frozen=True, slots=True)
class Doer:
    """Who does something, when, and what they say."""

    who: str
    at_us: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commissioning:
    """How the commissioning of one sensor stands."""

    stage: Stage = Stage.LEARNING
    request: str = ""
    """Id of what the learner is asked for; empty while nothing is. Of an adaptation the words say what is
    wanted: what was cut off is done again from them."""
    baseline: int = 0
    """Number of the learnt model in use; 0 for none."""
    newest: int = 0
    """The highest number that a learnt model was given."""
    offer: int = 0
    """Number of one that waits for a person's `accept`; 0 for none."""
    offered: str = ""
    """What a person should know of it."""
    watched_s: float = 0.0
    """Seconds of usable windows in this stage."""
    windows: int = 0
    """Windows that were scored in this stage."""
    exceeded: int = 0
    """Of these, windows that exceeded the threshold."""
    alarms: int = 0
    """Anomalies in this stage."""
    asks: str = ""
    """What is asked of a person now, or why it does not go on; empty where nothing is."""
    history: tuple[Entry, ...] = ()
    """What was done, the newest last."""

    @property
    def scored(self) -> bool:
        """Whether a learnt model scores."""
        return self.baseline > 0 and self.stage in SCORED

    @property
    def adapts(self) -> bool:
        """Whether what is asked for is an adaptation."""
        return self.request.startswith(f"{ADAPT} ")

    @property
    def wished(self) -> frozenset[str]:
        """What is asked for beside the adaptation itself: `SHADOW_TOO`, and checks that are not to refuse."""
        return frozenset(self.request.split()[2:]) if self.adapts else frozenset()
