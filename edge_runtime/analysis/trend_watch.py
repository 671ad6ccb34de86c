"""(time, value) to verdict, by limits that a site states and not a model: `TrendWatch`. Pure.

Votes, delays and deadband are the alarm's own (`alarm.py`); here is which limit counts now, and why.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_runtime.analysis.alarm import AlarmMachine
from edge_runtime.core import Alarm, AlarmKind, AlarmPolicy, Verdict

_PARTS: Final = 100
"""Into which the time within which a rise counts is divided; of each part the mean counts."""
_SHORTEST_S: Final = 60.0
"""Of a part: some looks at the vibration."""


@dataclass(frozen=True, slots=True)
class TrendLimit:
    """A value above which something is wrong, and whose."""

    value: float
    words: str
    """What it is, the reason's first word first, such as `zone: above zone C`."""


@dataclass(frozen=True, slots=True)
class Rise:
    """A rise above the lowest value of a time is a limit, too."""

    by: float
    within_s: float


class TrendWatch:
    """One value's alarm. Times are microseconds of a clock that only goes on."""

    def __init__(
        self,
        kind: AlarmKind,
        limits: Sequence[TrendLimit],
        rise: Rise | None,
        policy: AlarmPolicy,
        new_id: Callable[[], str],
        *,
        unit: str,
        every_s: float,
    ) -> None:
        """Judge values that come `every_s` apart; what comes later than that was not seen to be well."""
        self._lowest_limit = min(limits, key=lambda limit: limit.value, default=None)
        self._rise, self._unit = rise, unit
        self._part_s = math.inf if rise is None else max(_SHORTEST_S, rise.within_s / _PARTS)
        self._parts: dict[int, tuple[float, float]] = {}
        """Sum of values and their weight, by the number of the part."""
        self._machine = AlarmMachine(kind, policy, math.inf, new_id, every_s)

    @property
    def kind(self) -> AlarmKind:
        """Of its alarms."""
        return self._machine.kind

    def resume(self, alarm: Alarm) -> None:
        """Take up an alarm that was active when the program stopped."""
        self._machine.resume(alarm)

    def remember(self, time_us: int, value: float, weight: float = 1.0) -> None:
        """Let a value of before count among those that a rise is above."""
        if self._rise is None or not math.isfinite(value):
            return
        part = math.floor(time_us / 1e6 / self._part_s)
        total, known = self._parts.get(part, (0.0, 0.0))
        self._parts[part] = total + value * weight, known + weight

    def step(self, time_us: int, value: float) -> Verdict | None:
        """Judge a value; None where it changes nothing, and where it is none."""
        if not math.isfinite(value):
            return None
        limit = self._lowest_limit
        if self._rise is not None:
            oldest = math.floor((time_us / 1e6 - self._rise.within_s) / self._part_s)
            self._parts = {part: known for part, known in self._parts.items() if part >= oldest}
            least = min((total / weight for total, weight in self._parts.values()), default=math.inf)
            if limit is None or least + self._rise.by < limit.value:
                said = f"more than {self._rise.by:g} above the least in {self._rise.within_s / 3600:.3g} h"
                limit = TrendLimit(least + self._rise.by, f"rise: {said}")
        self.remember(time_us, value)
        if limit is None or (self._machine.rest() and not value > limit.value):
            return None
        rule, _, detail = limit.words.partition(": ")
        reason = f"{rule}: {value:.4g}{self._unit}, {detail} ({limit.value:.4g})"
        verdict = self._machine.step(time_us, value, reason, threshold=limit.value)
        return verdict if verdict.alarm is not None else None
