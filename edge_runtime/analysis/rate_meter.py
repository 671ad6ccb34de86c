"""A sensor's sampling rate by the host's clock. Pure: times are arguments."""

import math
from dataclasses import dataclass
from typing import Final

from edge_runtime.analysis.windows import RATE_TOLERANCE

_DOUBT: Final = 0.04
"""A first look at a rate that is further off than this raises doubt. A judgement: less shifts a spectrum no
more than the speed of an induction motor does between no load and full load, and is left for the meter to
find; a model that takes such a change for a fault does so in the first ten seconds of such a sensor, too."""
NOTE_S: Final = 0.05
"""From one note to the next: ten seconds make two hundred of them."""
_ENOUGH_S, _CERTAIN_S = 1.0, 3.0
"""So long a rate has to look right not to be doubted again, and wrong to be called so: a burst of 50 ms is
then less than what is doubted."""


@dataclass(frozen=True, slots=True)
class RateReading:
    """The sampling rate by a clock other than the sensor's, and the rate that the sensor states."""

    measured_hz: float
    stated_hz: float

    @property
    def off(self) -> bool:
        """Whether the two disagree by more than RATE_TOLERANCE."""
        return abs(self.measured_hz - self.stated_hz) > RATE_TOLERANCE * self.stated_hz


class RateMeter:
    """Measures a sensor's sampling rate over a span of the host's monotonic clock.

    Ports deliver in bursts; over ten seconds a burst of 50 ms is half a percent, under the tolerance. What
    is lost on the way was sampled, and counts: a stretch ends only where nothing says how much was.
    """

    def __init__(self, stated_hz: float, span_s: float = 10.0) -> None:
        """Compare with `stated_hz`, once every `span_s` seconds of stretches together."""
        self._stated_hz, self._span_s = stated_hz, span_s
        self._last: tuple[int, float] | None = None
        self._count, self._elapsed_s = 0, 0.0

    def update(self, position: int, now_s: float) -> RateReading | None:
        """Take that the sensor is at sample number `position`, lost ones counted; a reading once per span."""
        last = self._last
        if last is not None and position == last[0]:  # nothing was used; the next may end the stretch
            return None
        self._last = position, now_s
        if last is None:
            return None
        self._count += position - last[0]
        self._elapsed_s += now_s - last[1]
        if self._elapsed_s < self._span_s:
            return None
        reading = RateReading(self._count / self._elapsed_s, self._stated_hz)
        self._count, self._elapsed_s = 0, 0.0
        return reading

    def interrupted(self) -> None:
        """Begin another stretch: how many samples were lost is not known."""
        self._last = None


class FirstLook:
    """Doubts a sampling rate until it has been measured: a rate that is far off shifts every spectrum, and
    makes a healthy machine look like a faulty one long before ten seconds have passed.

    Whatever delays bytes only ever delays them. So the earliest frame of the first third is compared with the
    earliest of the last: a stall or a burst between them changes nothing.
    """

    def __init__(self, stated_hz: float) -> None:
        """Compare with `stated_hz`."""
        self._stated_hz = stated_hz
        self._position = -1
        self._notes: list[tuple[float, float]] = []
        """Of some frames, when they arrived, and how much later than the sensor took them by its rate."""
        self.over = False
        """Whether there is nothing left to doubt: the rate has been measured."""

    def restart(self) -> None:
        """Begin again, with what may be another sensor or another rate."""
        self._notes.clear()
        self.over = False

    def interrupted(self) -> None:
        """Go on after a break of the same sensor: what looked right for a while is not doubted again."""
        if self._lasted_s >= _ENOUGH_S and not self.doubts():
            self.over = True
        self._notes.clear()

    def note(self, position: int, now_s: float) -> None:
        """Take the sensor's sample number `position` at `now_s`; to be called about each NOTE_S."""
        if position != self._position:  # something was used meanwhile
            self._position = position
            self._notes.append((now_s, now_s - position / self._stated_hz))

    def doubts(self) -> bool:
        """Whether the rate looks far off, or nothing is known of it yet."""
        return not abs(self._slower) <= _DOUBT

    @property
    def reading(self) -> RateReading | None:
        """The rate that it looks like, where that is beyond doubt."""
        if self._lasted_s < _CERTAIN_S or not self.doubts():
            return None
        return RateReading(self._stated_hz * (1 - self._slower), self._stated_hz)

    @property
    def _lasted_s(self) -> float:
        return self._notes[-1][0] - self._notes[0][0] if self._notes else 0.0

    @property
    def _slower(self) -> float:
        """By which share it is slower than stated; not a number while that is not known."""
        if not self._lasted_s:
            return math.nan
        begin_s, third_s = self._notes[0][0], self._lasted_s / 3
        first = min((late_s, at_s) for at_s, late_s in self._notes if at_s - begin_s <= third_s)
        last = min((late_s, at_s) for at_s, late_s in self._notes if at_s - begin_s >= 2 * third_s)
        return (last[0] - first[0]) / (last[1] - first[1])
