"""The average of scores over a minute or an hour: what single windows are too noisy to show.

An exponentially weighted moving average (Roberts, "Control chart tests based on geometric moving averages",
Technometrics 1, 1959) of the logarithms of scores, given as a score again: a geometric mean. Logarithms,
since scores are ratios; and within bounds, so that one window, however loud or quiet, is one window of many.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class SlowRule:
    """What the slow alarm averages, and when it begins and ends."""

    span_s: float
    """Time that an average is over, seconds: its weights are those of a mean over so much."""
    floor: float
    """A smaller score counts as this one, above 0."""
    ceiling: float
    """A larger score counts as this one."""
    threshold: float
    """The alarm begins where the average is above it; a score, as the next."""
    end: float
    """The alarm may end where the average is at or below it."""

    @classmethod
    def of(cls, room: Mapping[str, Any] | None) -> "SlowRule | None":
        """Read it from a manifest's `slow_alarm`, which the manifest's reader has checked."""
        return None if room is None else cls(*(float(room[each.name]) for each in fields(cls)))

    def to_json(self) -> dict[str, float]:
        """Return the part of a manifest's `slow_alarm` that `of` reads."""
        return asdict(self)


class SlowAverage:
    """The average of one sensor's scores, from one window to the next.

    It is over time with scores: a machine that stands still half of the day has the average of the rest.
    """

    def __init__(self, rule: SlowRule, hop_s: float) -> None:
        """Average scores of windows that are `hop_s` apart."""
        self.rule = rule
        self._needed = max(1, round(rule.span_s / hop_s))
        # Of the weights 2 / (n + 1), 1 less that, ..., the average has the variance of a mean over n.
        self._keeps = 1 - 2 / (self._needed + 1)
        self._seen = 0
        self._sum = self._weight = 0.0

    def push(self, score: float) -> float:
        """Add a window's score; return the average, NaN until it is over the whole span."""
        bounded = min(max(score, self.rule.floor), self.rule.ceiling)
        self._sum = self._keeps * self._sum + math.log(bounded)
        self._weight = self._keeps * self._weight + 1.0
        self._seen += 1
        return math.exp(self._sum / self._weight) if self._seen >= self._needed else math.nan
