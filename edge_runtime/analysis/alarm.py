"""(time, score) to verdict: votes, delays, deadband, re-alarm. Pure; time is an argument.

Timing terms are those of OPC UA part 9, section B.1.5: OnDelay, OffDelay, AlarmDeadband, ReAlarmTime. The
k-of-n vote comes before the delays.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from edge_runtime.core import Alarm, AlarmKind, AlarmPolicy, Transition, Verdict

Contributions = tuple[tuple[str, float], ...]
"""Feature name and its share in the score, largest first."""


def end_limit(policy: AlarmPolicy, threshold: float) -> float:
    """Score at or below which an alarm may end: the threshold less the deadband."""
    return threshold - policy.deadband * abs(threshold)


def settling_windows(policy: AlarmPolicy, hop_s: float) -> int:
    """How many windows in a row at or below `end_limit`, `hop_s` seconds apart, end every alarm and vote.

    The state of an `AlarmMachine` after them does not depend on any score before them.
    """
    delays = math.ceil((policy.off_delay_s + policy.on_delay_s) / hop_s)
    return policy.votes[1] + delays + 2  # delays run from a first window on; one more where times are rounded


class AlarmMachine:
    """One sensor's alarm of one kind, from one window to the next."""

    def __init__(
        self, kind: AlarmKind, policy: AlarmPolicy, threshold: float, new_id: Callable[[], str]
    ) -> None:
        """Judge scores against `threshold`; `new_id` names an alarm when it begins."""
        self._kind, self._policy, self._new_id = kind, policy, new_id
        self.threshold = threshold
        self._end_limit = end_limit(policy, threshold)
        self._needed, self._of = policy.votes
        self._recent: deque[tuple[int | None, bool]] = deque()
        """Time and vote of the last n windows; None for a time of a clock that has restarted since."""
        self._votes = 0
        self._alarm: Alarm | None = None
        self._voted_since_us: int | None = None
        self._calm_since_us: int | None = None
        self._reported_us: int | None = None
        self._peak_stays = False

    @property
    def active(self) -> Alarm | None:
        """The alarm that has begun and not ended."""
        return self._alarm

    def resume(self, alarm: Alarm, *, other_scale: bool = False) -> None:
        """Take up an alarm that was active when the program stopped, so that its end is reported too.

        With `other_scale` it was begun by scores of another model: its peak stays what they reached.
        """
        self._alarm, self._reported_us, self._peak_stays = alarm, None, other_scale

    def clock_restarted(self) -> None:
        """Forget when things began: the sensor's clock has restarted, and its old times mean nothing."""
        self._voted_since_us = self._calm_since_us = self._reported_us = None
        self._recent = deque((None, exceeded) for _, exceeded in self._recent)

    def step(
        self, time_us: int, score: float, reason: str = "", contributions: Contributions = ()
    ) -> Verdict:
        """Judge the score of the window that ended at `time_us`; a NaN score never exceeds."""
        exceeded = score > self.threshold
        self._vote(time_us, exceeded)
        transition = None
        if self._alarm is not None:
            transition = self._continue(self._alarm, time_us, score)
        elif self._votes < self._needed:
            self._voted_since_us = None
        else:
            since_us = time_us if self._voted_since_us is None else self._voted_since_us
            self._voted_since_us = since_us
            if time_us - since_us >= self._policy.on_delay_s * 1e6:
                known = (time for time, exceeded in self._recent if exceeded and time is not None)
                start_us = min(since_us, next(known, since_us))
                self._peak_stays = False
                self._alarm = Alarm(self._new_id(), self._kind, start_us, score, reason)
                self._reported_us, self._voted_since_us, self._calm_since_us = time_us, None, None
                transition = Transition.NEW
        verdict = Verdict(time_us, score, self.threshold, exceeded, self._alarm, transition, contributions)
        if transition is Transition.END:
            self._alarm = None
        return verdict

    def rest(self, time_us: int) -> bool:
        """Step with a score that exceeds nothing, without making a verdict.

        Return False, and leave the window for `step`, where an alarm or a vote makes the verdict matter.
        """
        if self._alarm is not None or self._votes:
            return False
        self._vote(time_us, exceeded=False)
        self._voted_since_us = None
        return True

    def _vote(self, time_us: int, exceeded: bool) -> None:
        self._recent.append((time_us, exceeded))
        self._votes += exceeded
        if len(self._recent) > self._of:
            self._votes -= self._recent.popleft()[1]

    def _continue(self, alarm: Alarm, time_us: int, score: float) -> Transition | None:
        if score > alarm.peak_score and not self._peak_stays:
            self._alarm = replace(alarm, peak_score=score)
        if not score <= self._end_limit:  # NaN is not calm
            self._calm_since_us = None
        else:
            if self._calm_since_us is None:
                self._calm_since_us = time_us
            calm = time_us - self._calm_since_us >= self._policy.off_delay_s * 1e6
            if calm and self._votes < self._needed:
                self._recent.clear()
                self._votes = 0
                return Transition.END
        if self._reported_us is None:  # resumed: its times are of a clock that may have restarted
            self._reported_us = time_us
        wait_us = self._policy.re_alarm_s * 1e6
        if wait_us and time_us - self._reported_us >= wait_us:
            self._reported_us = time_us
            return Transition.UPDATE
        return None
