"""A false-alarm budget beyond the hours that were recorded: the tail of what votes and delays require.

An alarm begins where k of the last n scores, for as long as the delay, are above the threshold: where the
smallest over the delay of the k-th largest is. The largest such value of each stretch, as long as the alarm
stage takes to forget, is one draw; the tail of these draws is fitted and followed as `pareto_tail` does for
windows. What was replayed and how far beyond it the promise goes are both stated.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edge_runtime.analysis import settling_windows
from edge_runtime.calibration.alarm_budget import Budget, Series, alarms_in, most_expected
from edge_runtime.calibration.effective_count import check_effective, effective_windows
from edge_runtime.calibration.pareto_tail import LEAST, REACH, tail_threshold
from edge_runtime.calibration.threshold_methods import CONFIDENCE, Threshold
from edge_runtime.core import AlarmPolicy, DataError


def extrapolated_budget(series: Sequence[Series], wanted: Budget, policy: AlarmPolicy) -> Threshold:
    """Find the score that, as threshold, keeps the budget in each condition if the tails go on as they began.

    Variants keep it each by itself. Raises DataError, naming the hours missing, for a condition with less
    than a tenth of the budget's own hours, or with fewer than 30 independent stretches.
    """
    found = [
        _of_one([item for item in series if (item.condition, item.variant) == part], wanted, policy)
        for part in dict.fromkeys((item.condition, item.variant) for item in series)
    ]
    if not found:
        raise DataError("no scores", where="threshold", remedy="Record normal vibration")
    value = max(found)
    own = [item for item in series if item.variant == series[0].variant]
    hours = sum(item.hours(policy) for item in own)
    shown = most_expected(alarms := sum(alarms_in(item, value, policy) for item in own)) / hours
    conditions = len({item.condition for item in series})
    statement = (
        f"Expect at most {wanted.text} false alarms, with {CONFIDENCE:.0%} confidence, if the largest scores "
        f"show how the tail goes on. Measured: {alarms} in {hours:.4g} hours of normal vibration in "
        f"{conditions} operating condition{'s'[: conditions - 1]}, replayed with votes {policy.votes[0]} of "
        f"{policy.votes[1]}, which by itself shows at most {shown:.3g} an hour; the other factor of "
        f"{max(1.0, shown / wanted.per_hour):.3g} is extrapolated"
    )
    windows = sum(len(item.scores) for item in series)
    return Threshold(value, "tail", wanted.per_hour, True, windows, conditions, statement)


def highest_votes(scores: NDArray[np.float64], policy: AlarmPolicy, hop_s: float) -> NDArray[np.float64]:
    """Return after each window the score that an alarm would have begun at, were it the threshold: [windows].

    Fewer than the scores by what the votes and the delay take.
    """
    needed, of = policy.votes
    # Votes gather before n windows are there.
    padded = np.concatenate([np.full(of - needed, -np.inf), scores])
    if len(padded) < of:
        return np.empty(0)
    voted = np.sort(sliding_window_view(padded, of), axis=1)[:, of - needed]
    delay = math.ceil(policy.on_delay_s / hop_s) + 1
    return sliding_window_view(voted, delay).min(axis=1) if len(voted) >= delay else np.empty(0)


def _of_one(series: Sequence[Series], wanted: Budget, policy: AlarmPolicy) -> float:
    """The threshold of one condition."""
    hop_s, name = series[0].hop_s, series[0].condition
    span = settling_windows(policy, hop_s)
    stretches = []
    for item in series:
        values = highest_votes(np.asarray(item.scores, dtype=np.float64), policy, hop_s)
        whole = len(values) // span
        stretches += [values[: whole * span].reshape(whole, span).max(axis=1)] if whole else []
    total = sum(map(len, stretches))
    stretch_h = span * hop_s / 3600
    rate = wanted.per_hour * stretch_h
    worth = check_effective(effective_windows(stretches), total) if total else 0
    needed = max(LEAST, math.ceil(REACH / min(rate, 1.0) * (1 - 1e-9)))
    if worth < needed:
        missing = (needed - worth) * stretch_h * (total / worth if worth else 1.0)
        raise DataError(
            f"{total * stretch_h:.3g} hours of {name} do not show the tail as far as {wanted.text}",
            where="threshold",
            remedy=f"Record {missing:.3g} h more of it, or allow more false alarms",
        )
    # More than one alarm in every second stretch is no tail; half a stretch keeps such a budget, too.
    return tail_threshold(np.concatenate(stretches), min(rate, 0.5), worth).value
