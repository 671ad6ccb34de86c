"""(time, score, average) to verdict: votes, delays, deadband, re-alarm. Pure; time is an argument.

Timing terms are those of OPC UA part 9, section B.1.5: OnDelay, OffDelay, AlarmDeadband, ReAlarmTime. The
k-of-n vote comes before the delays.

A window that was never scored is neither calm nor a vote. So delays are sums of what passed from window to
window: calm grows by what was seen to be calm alone, and a sensor that restarts every few seconds puts off no
alarm, since what was counted before stays counted.

Where the model has a slow alarm, its average begins the same alarm without votes, and keeps it from ending.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edge_runtime.analysis.slow_average import SlowRule
from edge_runtime.core import Alarm, AlarmKind, AlarmPolicy, Transition, Verdict

Contributions = tuple[tuple[str, float], ...]
"""Feature name and its share in the score, largest first."""
SLOW: Final = "slow"
"""First word of the reason of an alarm that the average began."""
_FOLLOWS: Final = 1.5
"""Times the hop: a window that ends later than this after the one before does not follow it."""
_VOTE_SPANS: Final = 10
"""Hops without a window over which a vote is held to go on. A judgement: nine windows of ten lost are no
reason to wait longer, and what exceeded before an hour of silence is no news of now."""


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
        self,
        kind: AlarmKind,
        policy: AlarmPolicy,
        threshold: float,
        new_id: Callable[[], str],
        hop_s: float = math.inf,
        *,
        slow: SlowRule | None = None,
    ) -> None:
        """Judge scores against `threshold`; `new_id` names an alarm when it begins.

        Windows are `hop_s` apart; what passes without one is not calm. By default none are missing. Averages
        of scores are judged by `slow`.
        """
        self.kind, self._policy, self._new_id = kind, policy, new_id
        self.threshold = threshold
        self.waits: Callable[[], bool] = lambda: False
        """Asked when an alarm is to begin: whether something else has to be known first. Its votes stand."""
        self.remark: Callable[[], str] = lambda: ""
        """Asked when an alarm begins: what else may have made it, which its reason then says."""
        self._slow = slow
        self._needed, self._of = policy.votes
        self._recent: deque[tuple[int | None, bool]] = deque()
        """Time and vote of the last n windows; None for a time of a clock that has restarted since."""
        self._votes = 0
        self._alarm: Alarm | None = None
        self._hop_us = hop_s * 1e6
        self._last_us: int | None = None
        """When the last window ended; None where that is not known by the clock of the next."""
        self._voted_us: float | None = None
        """How long the votes have held; None while they do not."""
        self._calm_us: float | None = None
        """How long calm has lasted; None where it has not begun."""
        self._unreported_us = 0.0

    @property
    def active(self) -> Alarm | None:
        """The alarm that has begun and not ended."""
        return self._alarm

    def resume(self, alarm: Alarm) -> None:
        """Take up an alarm that was active when the program stopped, so that its end is reported too."""
        self._alarm, self._last_us, self._unreported_us = alarm, None, 0.0

    def pace(self, hop_s: float) -> None:
        """Go on with windows that are `hop_s` apart."""
        self._hop_us = hop_s * 1e6

    def clock_restarted(self) -> None:
        """Take the times of the next window for those of another clock: the sensor's has restarted."""
        self._last_us = None
        self._recent = deque((None, exceeded) for _, exceeded in self._recent)

    def step(
        self,
        time_us: int,
        score: float,
        reason: str = "",
        contributions: Contributions = (),
        average: float = math.nan,
        *,
        threshold: float | None = None,
    ) -> Verdict:
        """Judge the score of the window that ended at `time_us`; a NaN score never exceeds.

        `average` is of the scores up to this one, NaN where there is none. `threshold` counts instead of the
        machine's own for this window, as it ran in another state.
        """
        limit = self.threshold if threshold is None else threshold
        exceeded = score > limit
        self._recent.append((time_us, exceeded))
        self._votes += exceeded
        if len(self._recent) > self._of:
            self._votes -= self._recent.popleft()[1]
        transition, last_us, self._last_us = None, self._last_us, time_us
        passed_us = 0 if last_us is None else max(0, time_us - last_us)
        if self._alarm is not None:
            calm = score <= end_limit(self._policy, limit)  # NaN is not calm
            transition = self._continue(self._alarm, passed_us, score, calm=calm and not self._stays(average))
        elif self._slow is not None and average > self._slow.threshold and not self.waits():
            over = f"over {self._slow.span_s:g} s, above {self._slow.threshold:.4g}"
            transition = self._begin(time_us, score, f"{SLOW}: {average:.4g} on average {over}")
        elif self._votes < self._needed:
            self._voted_us = None
        else:
            held_us = min(passed_us, _VOTE_SPANS * self._hop_us)
            self._voted_us = 0.0 if self._voted_us is None else self._voted_us + held_us
            if self._voted_us >= self._policy.on_delay_s * 1e6 and not self.waits():
                since_us = time_us - round(self._voted_us)
                known = (time for time, voted in self._recent if voted and time is not None)
                transition = self._begin(min(since_us, next(known, since_us)), score, reason)
        verdict = Verdict(time_us, score, limit, exceeded, self._alarm, transition, contributions)
        if transition is Transition.END:
            self._alarm = None
        return verdict

    def rest(self) -> bool:
        """Whether a score that exceeds nothing would change nothing: then `step` need not be called."""
        return self._alarm is None and not self._votes

    def _begin(self, start_us: int, score: float, reason: str) -> Transition:
        said = "; ".join(filter(None, (reason, self.remark())))
        self._alarm = Alarm(self._new_id(), self.kind, start_us, score, said)
        self._voted_us, self._calm_us, self._unreported_us = None, None, 0.0
        return Transition.NEW

    def _stays(self, average: float) -> bool:
        """Whether the average keeps an alarm; one that it began also while it is not known, after a start."""
        if self._slow is None or self._alarm is None:
            return False
        return average > self._slow.end or (math.isnan(average) and self._alarm.reason.startswith(SLOW))

    def _continue(self, alarm: Alarm, passed_us: int, score: float, *, calm: bool) -> Transition | None:
        if score > alarm.peak_score:
            self._alarm = replace(alarm, peak_score=score)
        if not calm:
            self._calm_us = None
        else:
            seen_us = passed_us if passed_us <= _FOLLOWS * self._hop_us else self._hop_us
            self._calm_us = 0.0 if self._calm_us is None else self._calm_us + seen_us
            if self._calm_us >= self._policy.off_delay_s * 1e6 and self._votes < self._needed:
                self._recent.clear()
                self._votes = 0
                return Transition.END
        self._unreported_us += passed_us
        wait_us = self._policy.re_alarm_s * 1e6
        if wait_us and self._unreported_us >= wait_us:
            self._unreported_us = 0.0
            return Transition.UPDATE
        return None
