"""The state that a machine is in: what a model says of those it learnt, and what is known of it now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

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

    @staticmethod
    def of(states: Mapping[str, Any] | None) -> "LearntStates | None":
        """Take what a manifest that was checked states; None where it has no states."""
        if states is None:
            return None
        levels = {str(name): (float(low), float(high)) for name, (low, high) in states["levels"].items()}
        thresholds = {str(name): float(value) for name, value in states["thresholds"].items()}
        return LearntStates(tuple(states["names"]), thresholds, levels, int(states["span"]))


@dataclass(frozen=True, slots=True)
class MachineState:
    """The state of a machine as it is known now."""

    name: str
    """Of a learnt state, or one of the names above."""
    said: str = ""
    """What the site says it is; empty where it says nothing, or said it too long ago."""
    since_us: int = 0
    """When it was first known to be so, microseconds of the sensor's clock."""
