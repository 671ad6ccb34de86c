"""A threshold from days of normal life: scores of each day, and what they support together.

A day is as many seconds of usable windows, whatever a clock says. Days with an anomaly teach nothing, and
days that go one way from first to last teach no threshold: what goes slowly wrong would raise it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge_runtime.calibration.threshold_methods import Threshold, conditions_threshold
from edge_runtime.core import DataError

DAY_S: Final = 86400.0
SCORES: Final = 1000
"""Kept of a day, evenly. They promise a rate of one window in a thousand; a day's are 8 kB."""
LEAST_DAYS: Final = 5
"""A judgement: a working week. The bound over five draws lies 2.3 standard deviations above their mean."""
_DIFFERS: Final = 0.05
"""A threshold that is nearer to the one in use is not worth a person's time."""
_ONE_WAY: Final = 0.8
"""Kendall's tau from which days drift: of the orders of five days that only vary, one in
24 reaches it."""


class DailyScores:
    """Collects the scores of one sensor, day by day."""

    def __init__(self, hop_s: float, day_s: float = DAY_S) -> None:
        """`hop_s` is the time from one window to the next, seconds."""
        self._day = max(1, round(day_s / hop_s))
        self._stride = max(1, self._day // SCORES)
        self.begin()

    def begin(self) -> None:
        """Begin a day: with the machine as it is from now on."""
        self._windows, self._spoilt = 0, False
        self._scores: list[float] = []

    def add(self, score: float, *, normal: bool) -> tuple[float, ...] | None:
        """Take a window's score; return those of the day where it is over and was normal throughout."""
        self._windows += 1
        self._spoilt = self._spoilt or not normal
        if self._windows % self._stride == 0:
            self._scores.append(score)
        if self._windows < self._day:
            return None
        scores, spoilt = tuple(self._scores[:SCORES]), self._spoilt
        self.begin()
        return None if spoilt else scores


def refined_threshold(days: Sequence[Sequence[float]], in_use: float) -> Threshold | None:
    """A threshold that these days support; None where they are too few, drift, or give about the same."""
    if len(days) < LEAST_DAYS:
        return None
    middles = [float(np.median(day)) for day in days]
    rises = [np.sign(later - one) for index, one in enumerate(middles) for later in middles[index + 1 :]]
    if np.mean(rises) >= _ONE_WAY:
        return None
    named = {f"day {number}": np.asarray(day, np.float64) for number, day in enumerate(days, 1)}
    try:
        found = conditions_threshold(named, None)
    except DataError:
        return None
    differs = abs(found.value - in_use) > _DIFFERS * abs(in_use)
    return found if differs and np.isfinite(found.value) else None
