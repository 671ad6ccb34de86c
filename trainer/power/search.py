"""The smallest size of a fault that windows exceed a threshold with, and that the alarm stage alarms on.

A window that exceeds with a fault of one size is taken to exceed with every larger one, so that each window
has one smallest size, found by bisection on a grid, and few windows have to be scored for each question.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import SATURATED_SHARE, AlarmMachine
from edge_runtime.core import AlarmKind, AlarmPolicy, Samples, Transition
from edge_runtime.models import Graph

Flags = NDArray[np.bool_]

STEP: Final = 1.05
"""Ratio of neighbouring sizes: a size is stated with two digits."""
_SMALLEST: Final = 0.01
"""Sizes begin here: a hundredth of the healthy vibration."""
_COARSE: Final = 3
"""Steps within which single windows are resolved, 16 %; the alarm's size is resolved to one."""
_FIRST: Final = 0.2
"""Share of the sampled windows that exceed where the search for the alarm begins: 3 votes of 5 gather from
fewer within ten seconds, so it mostly begins just above."""
_AT_ONCE: Final = 32
"""Windows scored before it is looked whether they alarm already. A judgement: ten groups of votes, and few of
a stretch's 233."""

_HALVINGS: Final = 14
"""Of the size at which a sensor is at its range's end: a hundred times the RMS to a hundredth of it."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What listens: a graph, a threshold, and the alarm stage behind it."""

    graph: Graph
    threshold: float
    policy: AlarmPolicy
    hop_s: float
    windows: int
    """Windows that the alarm may take."""

    def exceed(self, windows: Samples) -> Flags:
        """Which of the windows [n, samples, channels] exceed the threshold."""
        return np.asarray(self.graph.score(windows) > self.threshold)

    def alarms(self, exceeded: Flags) -> bool:
        """Whether the alarm stage alarms on windows in order of time, repeated where they are too few."""
        if not exceeded.any():
            return False
        machine = AlarmMachine(AlarmKind.ANOMALY, self.policy, 0.5, lambda: "heard")
        for number, above in enumerate(np.resize(exceeded, self.windows).tolist()):
            if not above and machine.rest():
                continue
            verdict = machine.step(round(number * self.hop_s * 1e6), float(above))
            if verdict.transition is Transition.NEW:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Sizes:
    """Smallest sizes of one fault in one stretch; None where even the largest is not enough."""

    alarm: float | None
    """Of an alarm."""
    half: float | None
    """Which half of the windows exceed with."""
    most: float | None
    """Which 95 % of them exceed with."""
    slow: float | None = None
    """Of an alarm that the average of scores raises."""


class FaultSearch:
    """Searches the sizes of one fault in the windows of one stretch."""

    def __init__(self, ear: Ear, healthy: Samples, fault: Samples, largest: float) -> None:
        """`healthy` and `fault` of size 1, both [windows, samples, channels] in order of time."""
        self._ear, self._healthy, self._fault = ear, healthy, fault
        self._sizes = size_grid(largest)
        count = len(self._sizes)
        self._low = np.full(len(healthy), -1)
        """The largest size, by its place, that each window is known not to exceed with."""
        self._high = np.full(len(healthy), count)
        """The smallest that it is known to exceed with."""

    def sizes(self, sampled: NDArray[np.int64]) -> Sizes:
        """Search; shares of windows are those of the `sampled` ones, by their places."""
        last = len(self._sizes) - 1
        if last < 0:
            return Sizes(None, None, None)
        self._try(sampled, np.full(len(sampled), last))
        while len(open_ := sampled[self._high[sampled] - self._low[sampled] > _COARSE]):
            usable = open_[self._high[open_] <= last]
            if not len(usable):
                break
            self._try(usable, (self._low[usable] + self._high[usable]) // 2)
        found = np.sort(self._high[sampled])
        half, most = (found[int(np.ceil(share * len(found))) - 1] for share in (0.5, 0.95))
        start = found[int(np.ceil(_FIRST * len(found))) - 1]
        return Sizes(*map(self._size, (self._alarm(min(int(start), last)), int(half), int(most))))

    def alarm(self, near: float | None) -> float | None:
        """Search the size of an alarm alone, beginning near a size, or at the largest."""
        last = len(self._sizes) - 1
        if last < 0:
            return None
        place = last if near is None else int(np.searchsorted(self._sizes, near * (1 - 1e-9)))
        return self._size(self._alarm(min(place, last)))

    def _size(self, place: int) -> float | None:
        return float(self._sizes[place]) if place < len(self._sizes) else None

    def _alarm(self, start: int) -> int:
        """Find the place of the smallest size that alarms, from `start` in growing steps, then by halves."""
        last = len(self._sizes) - 1
        low, high, step = -1, last + 1, _COARSE
        place = start
        while low < place < high:
            if self._heard(place):
                high, place = place, place - step
            else:
                low, place = place, min(place + step, last)
            step *= 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._heard(middle) else (middle, high)
        return high

    def _heard(self, place: int) -> bool:
        # Only as many windows are scored as it takes: what is not known to exceed counts as not exceeding,
        # and what is found to can only bring the alarm forward.
        unknown = np.flatnonzero((self._low < place) & (place < self._high))
        parts = [unknown[at : at + _AT_ONCE] for at in range(0, len(unknown), _AT_ONCE)]
        heard = self._ear.alarms(self._high <= place)
        while parts and not heard:
            part = parts.pop(0)
            self._try(part, np.full(len(part), place))
            heard = bool((self._high[part] == place).any()) and self._ear.alarms(self._high <= place)
        return heard

    def _try(self, windows: NDArray[np.int64], places: NDArray[np.int64]) -> None:
        """Score windows with faults of the sizes at these places."""
        sizes = self._sizes[places].astype(np.float32)[:, np.newaxis, np.newaxis]
        above = self._ear.exceed(self._healthy[windows] + sizes * self._fault[windows])
        self._high[windows[above]] = places[above]
        self._low[windows[~above]] = places[~above]


def size_grid(largest: float) -> NDArray[np.float64]:
    """Return the sizes that are tried, in rising order up to `largest`; none where that is too small."""
    steps = np.log(max(largest, _SMALLEST) / _SMALLEST) / np.log(STEP)
    count = 1 + int(steps + 1e-9) if largest >= _SMALLEST else 0  # none where every size is out of range
    # From the largest down, so that it is on the grid.
    return np.asarray(largest / STEP ** np.arange(count - 1, -1, -1.0))


def within_range(healthy: Samples, fault: Samples, range_: float, largest: float) -> float:
    """Return the largest size at which the median window is not yet saturated, the sensor's own alarm.

    `healthy` and `fault` of size 1 are [windows, samples, channels], `range_` is in their unit.
    """

    def fits(size: float) -> bool:
        cut = (np.abs(healthy + np.float32(size) * fault) >= range_).mean(axis=1).max(axis=1)
        return bool(np.median(cut) <= SATURATED_SHARE)

    if not np.isfinite(range_) or fits(largest):
        return largest
    low, high = 0.0, largest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
