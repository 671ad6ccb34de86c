"""A false-alarm budget, such as one a month, to a threshold: by replaying, not by assuming.

Held-out normal scores go through the alarm stage itself, with its votes and delays, so that overlap and
autocorrelation of windows count as they will in service. Alarms are then counted as rare events: with N
alarms in T hours the rate is below the Poisson upper limit chi2(2N + 2) / 2T (Garwood, "Fiducial limits for
the Poisson distribution", 1936).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import AlarmMachine, SlowAverage, SlowRule, end_limit, settling_windows
from edge_runtime.calibration.threshold_methods import CONFIDENCE, AnyScores, Threshold
from edge_runtime.core import AlarmKind, AlarmPolicy, DataError, Transition

_HOURS: Final[Mapping[str, float]] = {
    "hour": 1.0,
    "day": 24.0,
    "week": 168.0,
    "month": 8766.0 / 12,
    "year": 8766.0,
}
"""A year of the Julian calendar, 365.25 days, and a twelfth of it."""
_MAX_ALARMS: Final = 1e6
"""A judgement: so many in any of these units are a mistake, not a budget."""
_MOSTLY_ON: Final = 0.5
"""A threshold that more of the normal windows exceed on average keeps its alarm on most of the time, which
counts as few alarms."""

_Part = tuple[str, int]
"""Condition and variant."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms one sensor may raise."""

    alarms: float
    """Allowed in `hours`, on average."""
    hours: float
    text: str
    """As it was written, such as `1/month`."""

    @staticmethod
    def parse(text: str) -> "Budget":
        """Read `1/month`, `2/week`. Raises DataError for anything else."""
        number, _, unit = text.partition("/")
        try:
            alarms = float(number)
        except ValueError:
            alarms = math.nan
        if unit not in _HOURS or not 0 < alarms < _MAX_ALARMS:
            raise DataError(
                f"a false-alarm budget cannot be {text!r}",
                where="threshold",
                remedy=f"Write a number and one of {', '.join(_HOURS)}, such as 1/month",
            )
        return Budget(alarms, _HOURS[unit], text)

    @property
    def per_hour(self) -> float:
        """Alarms allowed an hour, on average."""
        return self.alarms / self.hours


@dataclass(frozen=True, slots=True)
class Series:
    """Scores of one stretch of normal vibration, one every `hop_s` seconds, in order of time."""

    condition: str
    scores: AnyScores
    hop_s: float
    variant: int = 0
    """Which of several versions of one stretch, such as at other speeds: together they lasted no longer."""

    def hours(self, policy: AlarmPolicy) -> float:
        """How long an alarm was possible in it: not before the votes are there, and the delay is over."""
        windows = len(self.scores) - (policy.votes[0] - 1) - math.ceil(policy.on_delay_s / self.hop_s)
        return max(0, windows) * self.hop_s / 3600

    def averages(self, rule: SlowRule) -> NDArray[np.float64]:
        """Return the slow alarm's average after each score; NaN before there is one."""
        average = SlowAverage(rule, self.hop_s)
        return np.array([average.push(score) for score in self.scores.tolist()])


def budget_threshold(series: Sequence[Series], wanted: Budget, policy: AlarmPolicy) -> Threshold:
    """Find the lowest score that, as threshold, keeps the budget in each condition, with 95 % confidence.

    Variants keep it each by itself, and add no hours to each other's. Source: see the top of this file.

    Raises DataError, naming the hours missing of each condition, where even no alarm at all in what was
    recorded would not show it. Hours count where an alarm was possible: not in stretches that are shorter
    than votes and delay.
    """
    parts = _sums([(item, item.hours(policy)) for item in series])
    hours = _by_condition(parts, min)
    lasted = _by_condition(_sums([(item, len(item.scores) * item.hop_s / 3600) for item in series]), min)
    short = sum(lasted.values()) > 2 * sum(hours.values())
    check_budget(hours, wanted, _shortest(series, policy) if short else "")
    allowed = {
        part: next(alarms for alarms in count() if most_expected(alarms + 1) > wanted.per_hour * possible)
        for part, possible in parts.items()
    }
    value = _lowest(series, allowed, policy)
    alarms = _by_condition(_counted(series, value, policy), max)
    total = sum(hours.values())
    statement = (
        f"Expect at most {wanted.text} false alarms, with {CONFIDENCE:.0%} confidence: "
        f"{sum(alarms.values()):g} in {total:.4g} hours of normal vibration in {len(hours)} operating "
        f"condition{'s'[: len(hours) - 1]}, replayed with votes "
        f"{policy.votes[0]} of {policy.votes[1]}"
    )
    windows = sum(len(item.scores) for item in series)
    return Threshold(value, "budget", wanted.per_hour, True, windows, len(hours), statement)


def alarms_in(series: Series, threshold: float, policy: AlarmPolicy, slow: SlowRule | None = None) -> int:
    """Count the alarms that the alarm stage raises on a series of scores, as `AlarmMachine` counts them."""
    is_above = series.scores > end_limit(policy, threshold)
    averages = None if slow is None else series.averages(slow)
    if slow is not None and averages is not None:
        is_above |= averages > slow.end
    above = np.flatnonzero(is_above)
    # Normal vibration is nearly all calm: what lies between two groups changes no state and is skipped.
    calm = settling_windows(policy, series.hop_s)
    hop_us = round(series.hop_s * 1e6)
    alarms = 0
    for group in np.split(above, np.flatnonzero(np.diff(above) > calm) + 1):
        if not len(group):
            continue  # no score at all is above the limit
        machine = AlarmMachine(AlarmKind.ANOMALY, policy, threshold, lambda: "replayed", slow=slow)
        for index in range(int(group[0]), min(int(group[-1]) + calm + 1, len(series.scores))):
            average = math.nan if averages is None else float(averages[index])
            verdict = machine.step(index * hop_us, float(series.scores[index]), average=average)
            alarms += verdict.transition is Transition.NEW
    return alarms


def _lowest(series: Sequence[Series], allowed: Mapping[_Part, int], policy: AlarmPolicy) -> float:
    scores = np.unique(np.concatenate([item.scores for item in series]))
    # From the largest down, in growing steps, then by halves: low thresholds cost the most to replay. Above
    # the largest score nothing alarms, so the upper end always holds.
    high, step = len(scores) - 1, 1
    while high - step > 0 and _kept(series, float(scores[high - step]), allowed, policy):
        high, step = high - step, 2 * step
    low = max(high - step, -1)
    while high - low > 1:
        middle = (low + high) // 2
        kept = _kept(series, float(scores[middle]), allowed, policy)
        low, high = (low, middle) if kept else (middle, high)
    return float(scores[high])


def _kept(series: Sequence[Series], value: float, allowed: Mapping[_Part, int], policy: AlarmPolicy) -> bool:
    seen = _counted(series, value, policy)
    exceeded = np.mean([np.mean(item.scores > value) for item in series])
    return exceeded < _MOSTLY_ON and all(seen[part] <= allowed[part] for part in allowed)


def _counted(series: Sequence[Series], value: float, policy: AlarmPolicy) -> dict[_Part, float]:
    return _sums([(item, alarms_in(item, value, policy)) for item in series])


def _sums(figures: Sequence[tuple[Series, float]]) -> dict[_Part, float]:
    """Add up figures of series of the same condition and variant."""
    total: dict[_Part, float] = {}
    for item, figure in figures:
        part = item.condition, item.variant
        total[part] = total.get(part, 0.0) + figure
    return total


def _by_condition(
    figures: Mapping[_Part, float], choose: Callable[[float, float], float]
) -> dict[str, float]:
    """Choose one figure of each condition's variants."""
    chosen: dict[str, float] = {}
    for (name, _), figure in figures.items():
        chosen[name] = choose(chosen.get(name, figure), figure)
    return chosen


def _shortest(series: Sequence[Series], policy: AlarmPolicy) -> str:
    """Say how long a stretch must be for hours in it to count."""
    hop_s = max(item.hop_s for item in series)
    return (
        f"in stretches far longer than the {policy.votes[0] * hop_s + policy.on_delay_s:.3g} s that an alarm "
        "takes: "
    )


def check_budget(hours: Mapping[str, float], wanted: Budget, how: str = "") -> None:
    """Refuse a budget that so many hours of each condition cannot show, even without an alarm in them.

    `how` stands in the remedy. Raises DataError, naming the hours missing.
    """
    needed = most_expected(0) / wanted.per_hour
    missing = {name: needed - part for name, part in hours.items() if part < needed}
    if missing or not hours:
        listed = ", ".join(f"{part:.4g} h of {name}" for name, part in missing.items())
        raise DataError(
            f"{sum(hours.values()):.3g} hours of held-out normal vibration, in which an alarm was possible, "
            f"cannot show {wanted.text}"
            if how
            else f"{sum(hours.values()):.3g} hours of held-out normal vibration cannot show {wanted.text}",
            where="threshold",
            remedy=f"Record {how}{listed or 'normal vibration'} more, allow more false alarms, or go beyond "
            "what was recorded (--method tail)",
        )


def most_expected(alarms: int) -> float:
    """Largest expected count that would give at most so many alarms with a probability of 5 %."""
    # Bisection; four standard deviations and ten above the count lie past the limit for every count.
    low, high = float(alarms), alarms + 4 * math.sqrt(alarms + 1.0) + 10.0
    while high - low > 1e-9 * high:  # far below a digit that is shown
        mean = (low + high) / 2
        logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(alarms + 1)]
        at_most = sum(map(math.exp, logs))  # the Poisson distribution function
        low, high = (mean, high) if at_most > 1 - CONFIDENCE else (low, mean)
    return high
