"""In which state a machine is, from one window to the next: `OperatingState`. Pure; time is an argument.

A model says how far each window is from every state that it learnt; their mean over a span decides. What is
on the way from one state to another is a transient: its scores are held back, for a time that the site
states, and count after it, or when the machine was in the same state all along. So nothing is silenced: what
is in no state for longer is `state_unseen`, and its scores count.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import (
    CHANGING,
    NOT_RUNNING,
    RUN_DOWN,
    RUN_UP,
    UNSEEN,
    LearntStates,
    MachineState,
    Samples,
    StateSettings,
)

MISMATCH: Final = "state_mismatch"
"""Begins the reason of a machine that runs otherwise than the site says."""
FARTHEST: Final = -4.0
"""A window counts as no farther from a state than this many limits. A judgement: one jolt among the windows
of a second does not take the machine out of its state, three do."""
OUT: Final = -2.0
"""A window farther from its state than this many limits waits for the next ones: it may be the first of a
change that the mean does not show yet. A judgement: of a state's own windows few are."""
FALLING: Final = 0.95
"""A machine runs down while its level goes on falling below its lowest by this factor. A judgement: the level
of a second varies by less in any state, and a run-down of a minute takes it through ten such steps."""
RECOVERY: Final = 0.5
"""Of the time in a known state, what makes up for as much time in none: a machine at the border of its state,
now in it and now in none, is in none once it was there for a third of the time. A judgement: a state's own
windows are outside it for a thousandth of the time, those of a machine whose speed wanders for more."""
_Rows = NDArray[np.float32]


class Gate(Enum):
    """What is to become of a window's score."""

    JUDGE = "judge"
    """It counts."""
    HOLD = "hold"
    """It is held back until the transient is over."""
    REST = "rest"
    """The machine stands still: alarms stay as they are."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a window says of the state."""

    gate: Gate
    held_count: bool
    """Whether scores that were held back count; where the gate does not hold and they do not, they were of a
    transient."""


class OperatingState:
    """The state of one machine. Times are microseconds of the sensor's clock."""

    def __init__(self, learnt: LearntStates | None, settings: StateSettings) -> None:
        """Nothing is known yet. Without `learnt` the state is what the site says."""
        self.settings, self._learnt = settings, learnt
        self._span = 1 if learnt is None else learnt.span
        self._names = (UNSEEN,) if learnt is None else (*learnt.names, UNSEEN)
        self._rows: deque[NDArray[np.float64]] = deque()
        self._sum = np.zeros(len(self._names))
        self._known = ""
        """The state as it was known last: learnt, or unseen; empty before the first."""
        self._since_us = 0
        self._left_us: float | None = None
        """How long the machine has been out of that state; None while it is in it."""
        self._stalled_us = self._unseen_us = self._differs_us = 0.0
        self._level = self._lowest = 0.0
        self._last_us: int | None = None
        self._way, self._named = CHANGING, False
        self._said, self._said_us = "", 0.0

    @property
    def state(self) -> MachineState | None:
        """What is known now; None while nothing is."""
        name = self._way if self._left_us is not None and self._named else self._known
        if not name and not self._said:
            return None
        return MachineState(name or self._said, self._said, self._since_us)

    @property
    def said(self) -> str:
        """The state that the site says it is; empty where it says nothing."""
        return self._said

    @property
    def nearest(self) -> str:
        """The learnt state of a running machine that is nearest; empty where none is known."""
        running = [index for index, name in enumerate(self._names[:-1]) if name != NOT_RUNNING]
        return self._names[max(running, key=self._sum.__getitem__)] if running and self._rows else ""

    @property
    def threshold(self) -> float | None:
        """That of the state it is in, the lower one where the site names another; None where none is its
        own."""
        if self._learnt is None or self._left_us is not None:
            return None
        own = self._learnt.thresholds.get(self._known)
        other = self._learnt.thresholds.get(self._said)
        return own if own is None or other is None else min(own, other)

    @property
    def problem(self) -> str:
        """What is to be reported: a state that was not learnt, or another one than the site says."""
        if self._known == UNSEEN and self._unseen_us >= self.settings.unseen_s * 1e6:
            near = f", most like {self.nearest}" if self.nearest else ""
            site = f"; the site says {self._said}" if self._said else ""
            return f"{UNSEEN}: it vibrates as in no state that was learnt{near}{site}"
        if self._differs_us >= self.settings.mismatch_s * 1e6:
            return f"{MISMATCH}: the site says {self._said}, it vibrates as in {self._known or 'operation'}"
        return ""

    def say(self, name: str) -> None:
        """Take what the site says from now on: a state's name, or nothing."""
        if name != self._said:
            self._differs_us = 0.0
        self._said, self._said_us = name, 0.0

    def interrupted(self) -> None:
        """Forget the windows of the span: what comes does not follow them."""
        self._rows.clear()
        self._sum[:] = 0.0

    def clock_restarted(self) -> None:
        """Take the time of the next window for that of another clock."""
        self._last_us = None

    def stands_still(self, row: _Rows) -> bool:
        """Whether a window too quiet for the machine in operation is of one that stands still, as the site
        says or as it was learnt. `row` is empty where no model says it."""
        if self._said == NOT_RUNNING:
            return True
        return len(row) == len(self._names) > 1 and self._names[int(np.argmax(row))] == NOT_RUNNING

    def step(self, time_us: int, row: _Rows, samples: Samples, *, still: bool = False) -> Step:
        """Take a window [samples, channels] that ended at `time_us`, and what the model says of it.

        `row` is the graph's output `state`, empty where it has none; `still` where `stands_still` said so.
        """
        passed_us = 0 if self._last_us is None else max(0, time_us - self._last_us)
        self._last_us = time_us
        self._said_us += passed_us
        if self.settings.said_s and self._said_us > self.settings.said_s * 1e6:
            self.say("")
        if self._learnt is None:
            return self._as_said(time_us, passed_us, still=still)
        seen = self._seen(row)
        if still:
            seen = NOT_RUNNING
        differs = self._said and seen not in (UNSEEN, self._said) and seen == self._known
        self._differs_us = self._differs_us + passed_us if differs else 0.0
        self._count_unseen(seen, passed_us)
        self._named = seen == UNSEEN
        newest_is_out = seen != UNSEEN and self._rows[-1][self._names.index(seen)] < OUT
        if seen == self._known != NOT_RUNNING and newest_is_out:
            return self._away(time_us, passed_us, samples)
        if seen == self._known:
            held_count = self._left_us is not None and seen != NOT_RUNNING
            self._left_us = None
        elif seen != UNSEEN:
            held_count, self._left_us = False, None
            self._known, self._since_us = seen, time_us
        else:
            return self._away(time_us, passed_us, samples)
        return Step(Gate.REST if seen == NOT_RUNNING else Gate.JUDGE, held_count)

    def _count_unseen(self, seen: str, passed_us: int) -> None:
        """Add the time in no state; take back a part of that in the same state, and all in another one."""
        if seen == UNSEEN:
            self._unseen_us = min(self._unseen_us + passed_us, self.settings.unseen_s * 1e6)
        elif self._known in (seen, UNSEEN):
            self._unseen_us = max(0.0, self._unseen_us - RECOVERY * passed_us)
        else:
            self._unseen_us = 0.0

    def _as_said(self, time_us: int, passed_us: int, *, still: bool) -> Step:
        name = NOT_RUNNING if still else ""
        if name != self._known:
            self._known, self._since_us = name, time_us
        differs = self._said == NOT_RUNNING and not still
        self._differs_us = self._differs_us + passed_us if differs else 0.0
        return Step(Gate.REST if still else Gate.JUDGE, held_count=True)

    def _seen(self, row: _Rows) -> str:
        exact = np.asarray(row, np.float64)
        if not np.isfinite(exact).all():
            exact = np.where(np.arange(len(exact)) < len(exact) - 1, FARTHEST, -1.0)
        exact = np.maximum(exact, FARTHEST)
        if len(self._rows) == self._span:
            self._sum -= self._rows.popleft()
        self._rows.append(exact)
        self._sum += exact
        return self._names[int(np.argmax(self._sum))]

    def _away(self, time_us: int, passed_us: int, samples: Samples) -> Step:
        """In no learnt state, and not known to be: a transient, or the beginning of an unseen state."""
        settings, learnt = self.settings, self._learnt
        level = _level(samples)
        if self._left_us is None:
            # A machine that was out for as long as a change takes, off and on, is on no way to another state.
            off_and_on_us = self._unseen_us - passed_us
            self._stalled_us = off_and_on_us if off_and_on_us >= settings.change_s * 1e6 else 0.0
            self._left_us = 0.0
            self._since_us, self._way = time_us, CHANGING
            lowest = 0.0 if learnt is None else learnt.levels.get(self._known, (0.0, 0.0))[0]
            self._level, self._lowest = max(level, lowest), lowest
        else:
            self._left_us += passed_us
        self._level += (level - self._level) / self._span
        if self._known == NOT_RUNNING:
            self._way, over = RUN_UP, self._left_us >= settings.run_up_s * 1e6
        else:
            self._stalled_us += passed_us
            if self._level < FALLING * self._lowest:
                self._way, self._lowest, self._stalled_us = RUN_DOWN, self._level, 0.0
            over = self._stalled_us >= settings.change_s * 1e6 or self._left_us >= settings.run_down_s * 1e6
        if not over:
            return Step(Gate.HOLD, held_count=False)
        self._known, self._left_us = UNSEEN, None
        return Step(Gate.JUDGE, held_count=True)


def _level(samples: Samples) -> float:
    """Geometric mean of the channels' RMS about their means, as `LearntStates.levels` has it."""
    return float(np.exp(np.log(samples.std(axis=0, dtype=np.float64) + 1e-30).mean()))
