"""The state that a machine is in: what a model says of those it learnt, and what is known of it now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_runtime.core.ranges import check_within

NOT_RUNNING: Final = "not_running"
"""Name of the state of a machine that stands still, learnt or said by the site."""
RUN_UP: Final = "run_up"
RUN_DOWN: Final = "run_down"
CHANGING: Final = "changing"
"""On the way from one state to another: after standing still, quieter than in the state that was left, and
neither of these."""
UNSEEN: Final = "state_unseen"
"""A state that was not learnt, or a fault."""
NO_STATES: Final = frozenset({RUN_UP, RUN_DOWN, CHANGING, UNSEEN})
"""Names that no learnt state may have."""
LONGEST_S: Final = 3600.0
"""Longest time that may be set. A judgement: large turbines run down for half an hour."""


@dataclass(frozen=True, slots=True)
class StateSettings:
    """How the operating state of a machine is followed, and what says it beside the vibration."""

    # Judgements: a small motor is at speed within seconds, runs down for longer, and a step from one load to
    # another takes less than either; of each, a span of windows passes until the new state is known. What is
    # held back for longer is no transient, and counts.
    run_up_s: float = 5.0
    """After standing still, scores are held back for so long at most while the machine is in no state."""
    run_down_s: float = 10.0
    """The same while it becomes quieter and quieter than it ever was in the state that it left."""
    change_s: float = 3.0
    """The same for every other change from one state to another."""
    unseen_s: float = 5.0
    """A state that was not learnt is reported after so long."""
    mismatch_s: float = 5.0
    """Another state than the site says is reported after so long."""
    reading: str = ""
    """Name of the reading, in the sensor's own frames, whose value says the state; empty for none."""
    values: tuple[str, ...] = ()
    """States by that value, from 0 on, such as `["not_running", "low", "high"]`; empty where nothing is
    meant."""
    said_s: float = 0.0
    """What is said of the state counts for so long, seconds; 0: until something else is said."""

    def __post_init__(self) -> None:
        check_within(
            self, 0, LONGEST_S, "run_up_s", "run_down_s", "change_s", "unseen_s", "mismatch_s", "said_s"
        )
        if bool(self.reading) != bool(self.values):
            raise ValueError("reading and values belong together: state both, or neither")


@dataclass(frozen=True, slots=True)
class LearntStates:
    """The states of a model, in the order of the columns of its output `state`."""

    names: tuple[str, ...]
    thresholds: Mapping[str, float]
    """Of the score, by the state's name; where a state has none the model's own counts."""
    levels: Mapping[str, tuple[float, float]]
    """Lowest and highest level of normal windows by the state's name: geometric mean of the channels' RMS, in
    the model's unit."""
    span: int
    """Windows over which the output is averaged before it says anything."""
    called: Mapping[str, str]
    """The state's name by each name that a site may give it: its own, and those of its conditions."""

    @staticmethod
    def of(states: Mapping[str, Any] | None) -> "LearntStates | None":
        """Take what a manifest that was checked states; None where it has no states."""
        if states is None:
            return None
        levels = {str(name): (float(low), float(high)) for name, (low, high) in states["levels"].items()}
        thresholds = {str(name): float(value) for name, value in states["thresholds"].items()}
        called = {str(own): str(name) for name, all_ in states["conditions"].items() for own in all_}
        called |= {str(name): str(name) for name in states["names"]}
        return LearntStates(tuple(states["names"]), thresholds, levels, int(states["span"]), called)


@dataclass(frozen=True, slots=True)
class MachineState:
    """The state of a machine as it is known now."""

    name: str
    """Of a learnt state, or one of the names above."""
    said: str = ""
    """What the site says it is; empty where it says nothing, or said it too long ago."""
    since_us: int = 0
    """When it was first known to be so, microseconds of the sensor's clock."""
