"""The operating state of one sensor's machine at work: what it does to scores, and its own alarm.

What is held back during a transient is kept, and judged when it turns out that it was none.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from edge_runtime.analysis import AlarmMachine, Gate, OperatingState, Step
from edge_runtime.core import (
    NOT_RUNNING,
    AlarmPolicy,
    LearntStates,
    MachineState,
    Reading,
    Samples,
    Verdict,
)
from edge_runtime.models import Scores
from edge_runtime.pipeline.watch import Watch

STATE_POLICY: Final = AlarmPolicy(votes=(1, 1), off_delay_s=1.0)
"""What is reported has lasted for the time that the site states; over after a second in a known state."""
_FINE, _ODD = 0.0, 1.0
"""Scores of the state's own alarm."""
_KEPT: Final = 1000
"""Windows that are held back, the newest: of votes and delays the last few decide, and more would take
milliseconds to judge."""


Judge = Callable[[int, float, float | None], Verdict]
"""Takes a window's time, its score and the threshold that counts for it to the anomaly's alarm."""


class StateWatch:
    """The state of the machine, and the scores that wait for it."""

    def __init__(self, watch: Watch, alarm: AlarmMachine, said: str) -> None:
        """Report in `alarm`; `said` is what the site says. Its threshold, if any, counts in every state."""
        manifest = watch.manifest
        self.learnt = LearntStates.of(manifest.states)
        self._alarm = alarm
        alarm.pace(manifest.hop / manifest.rate_hz)
        self._settings = watch.states
        self._state = OperatingState(self.learnt, watch.states)
        self._own_thresholds = watch.threshold == manifest.threshold
        self._held: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        self.say(said)

    @property
    def said(self) -> str:
        """The state that the site says it is; empty where it says nothing."""
        return self._state.said

    @property
    def machine_state(self) -> MachineState | None:
        """What is known of the state now; None while nothing is."""
        return self._state.state

    @property
    def column(self) -> int:
        """Column of the state that the site says it is, -1 where it says none that was learnt."""
        names = () if self.learnt is None else self.learnt.names
        return names.index(self._state.said) if self._state.said in names else -1

    @property
    def names(self) -> frozenset[str]:
        """What the site may say."""
        return frozenset({NOT_RUNNING, *({} if self.learnt is None else self.learnt.called)})

    def say(self, name: str) -> bool:
        """Take what the site says: the name of a state or of a condition of one, or nothing; return whether
        that is news."""
        before = self._state.said
        self._state.say(name if self.learnt is None else self.learnt.called.get(name, name))
        return self._state.said != before

    def read(self, reading: Reading) -> None:
        """Take a reading, which may be the one that says the state; another value than those meant says
        nothing."""
        if reading.name == self._settings.reading:
            values, value = self._settings.values, reading.value
            known = value in range(len(values))
            self.say(values[int(value)] if known else "")

    def interrupted(self) -> None:
        """Windows that come do not follow those before."""
        self._state.interrupted()

    def clock_restarted(self) -> None:
        """Times that come are of another clock."""
        self._state.clock_restarted()

    def rest(
        self, anomaly: AlarmMachine, judge: Judge, time_us: int, *, row: Scores, samples: Samples
    ) -> list[Verdict]:
        """Take a window too quiet for the machine in operation. Where it stands still, or is on its way there
        or back, its alarm stays as it was; none where it is neither."""
        still = self._state.stands_still(row)
        step = self._state.step(time_us, row, samples, still=still)
        late = [] if step.gate is Gate.HOLD else self._judge_held(judge, anomaly.threshold, step)
        if step.gate is Gate.JUDGE:
            return late
        unscored = Verdict(time_us, np.nan, anomaly.threshold, False, anomaly.active, None)
        return [*late, *self._report(time_us), unscored]

    def judge(
        self,
        anomaly: AlarmMachine,
        judge: Judge,
        time_us: int,
        score: float,
        *,
        row: Scores,
        samples: Samples,
    ) -> list[Verdict]:
        """Judge a score by the state that its window shows: what that changes, and the window's own verdict,
        last."""
        step = self._state.step(time_us, row, samples)
        own_limit = self._state.threshold if self._own_thresholds else None
        limit = anomaly.threshold if own_limit is None else own_limit
        if step.gate is Gate.HOLD:
            self._held.append((time_us, score))
            held = Verdict(time_us, score, limit, score > limit, anomaly.active, None)
            return [*self._report(time_us), held]
        late = self._judge_held(judge, limit, step)
        if step.gate is Gate.REST:
            own = Verdict(time_us, np.nan, limit, False, anomaly.active, None)
        else:
            own = judge(time_us, score, limit)
        return [*late, *self._report(time_us), own]

    def _judge_held(self, judge: Judge, limit: float, step: Step) -> list[Verdict]:
        held = list(self._held)
        self._held.clear()
        if not step.held_count:
            return []
        verdicts = [judge(time_us, score, limit) for time_us, score in held]
        return [verdict for verdict in verdicts if verdict.transition is not None]

    def _report(self, time_us: int) -> list[Verdict]:
        problem = self._state.problem
        if not problem and self._alarm.rest():
            return []
        verdict = self._alarm.step(time_us, _ODD if problem else _FINE, problem)
        return [] if verdict.transition is None else [verdict]
