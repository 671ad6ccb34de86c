"""A sensor's sampling rate by the host's clock. Pure: times are arguments."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_runtime.analysis.windows import RATE_TOLERANCE

NOTE_S: Final = 0.05
"""From one note to the next: ten seconds make two hundred of them."""
_ENOUGH_S, _CERTAIN_S = 1.0, 3.0
"""So long a rate has to be known to look right, and wrong to be called so: a burst of 50 ms is then no more
than what is doubted."""
_PARTS: Final = 6
"""A first look is cut into so many: three pairs, half of it apart, say the rate three times."""
_SURE: Final = 2.0
"""Times what the three differ by, that the rate is certain to; half of it is what chance makes of it."""
_FAR_OFF: Final = 0.04
"""A rate that looks further off is doubted however uncertain that is. A judgement: less shifts a spectrum no
more than the speed of an induction motor does between no load and full load."""
_NOTABLE: Final = 0.005
"""A rate further off than this is worth a word where an anomaly begins: some models that were fitted to exact
speeds take it for a fault. It is what a burst of 50 ms makes of ten seconds."""


@dataclass(frozen=True, slots=True)
class RateReading:
    """The sampling rate by a clock other than the sensor's, and the rate that the sensor states."""

    measured_hz: float
    stated_hz: float

    @property
    def off(self) -> bool:
        """Whether the two disagree by more than RATE_TOLERANCE."""
        return abs(self.measured_hz - self.stated_hz) > RATE_TOLERANCE * self.stated_hz

    @property
    def remark(self) -> str:
        """By how much it is off, where that may be what made an anomaly; else empty."""
        faster = self.measured_hz / self.stated_hz - 1
        if abs(faster) <= _NOTABLE:
            return ""
        way = "faster" if faster > 0 else "slower"
        return f"samples come {abs(faster):.1%} {way} than stated, which alone may look like this"


class RateMeter:
    """Measures a sensor's sampling rate over a span of the host's monotonic clock.

    Ports deliver in bursts, and a busy host reads late: `samples_and_seconds` looks at what came earliest.
    What is lost on the way was sampled, and counts: a stretch ends only where nothing says how much was.
    """

    def __init__(self, stated_hz: float, span_s: float = 10.0) -> None:
        """Compare with `stated_hz`, once every `span_s` seconds of stretches together."""
        self._stated_hz, self._span_s = stated_hz, span_s
        self._notes: list[tuple[int, float]] = []
        """Of this stretch: sample numbers and when they were taken note of."""
        self._passed_s = self._count = self._elapsed_s = 0.0
        """Of the stretches before it: how long they were, and what was measured of them."""

    def update(self, position: int, now_s: float) -> RateReading | None:
        """Take that the sensor is at sample number `position`, lost ones counted; a reading once per span."""
        notes = self._notes
        if notes and position == notes[-1][0]:  # nothing was used; the next may end the stretch
            return None
        notes.append((position, now_s))
        if self._passed_s + now_s - notes[0][1] < self._span_s:
            return None
        self._end_stretch()
        self._notes.append((position, now_s))
        reading = RateReading(self._count / self._elapsed_s, self._stated_hz)
        self._passed_s = self._count = self._elapsed_s = 0.0
        return reading

    def interrupted(self) -> None:
        """Begin another stretch: how many samples were lost is not known."""
        if self._notes:
            self._end_stretch()

    def _end_stretch(self) -> None:
        samples, seconds = samples_and_seconds(self._notes, self._stated_hz)
        self._passed_s += self._notes[-1][1] - self._notes[0][1]
        self._count += samples
        self._elapsed_s += seconds
        self._notes.clear()


def samples_and_seconds(notes: Sequence[tuple[int, float]], stated_hz: float) -> tuple[int, float]:
    """How many samples a sensor took in how many seconds, by sample numbers and when they came.

    Whatever delays bytes only ever delays them. So it is measured from what was least late of the first third
    of the notes to what was least late of the last, by the stated rate: a stall or a burst changes nothing.
    """
    third = max(1, len(notes) // 3)
    parts = notes[:third], notes[-third:]
    (first, first_s), (last, last_s) = (
        min(part, key=lambda note: note[1] - note[0] / stated_hz) for part in parts
    )
    whole_s = notes[-1][1] - notes[0][1]
    if last_s - first_s < whole_s / 4:  # nearly all that passed was one stall
        return notes[-1][0] - notes[0][0], whole_s
    return last - first, last_s - first_s


class FirstLook:
    """Doubts a sampling rate until it has been measured: one that is off shifts every spectrum, and makes a
    healthy machine look like a faulty one long before ten seconds have passed.

    Whatever delays bytes only ever delays them. So what counts are the earliest frames of each part, and a
    stall or a burst between them changes nothing. What the delays leave uncertain shows in how far the three
    pairs of parts agree.
    """

    def __init__(self, stated_hz: float) -> None:
        """Compare with `stated_hz`."""
        self._stated_hz = stated_hz
        self._position: int | None = None
        """Of the newest frame; None before the first."""
        self._notes: list[tuple[float, float]] = []
        """Of the earliest frame of each NOTE_S when it arrived, and how much later than the sensor took it by
        its rate."""
        self._noted_s = -math.inf
        self.over = False
        """Whether there is nothing left to doubt: the rate has been measured."""

    def restart(self) -> None:
        """Begin again, with what may be another sensor or another rate."""
        self._forget()
        self.over = False

    def interrupted(self) -> None:
        """Go on after a break of the same sensor: what looked right for a while is not doubted again."""
        if self._lasted_s >= _ENOUGH_S and not self.doubts():
            self.over = True
        self._forget()

    def note(self, position: int, now_s: float) -> None:
        """Take the sensor's sample number `position` at `now_s`; to be called with each frame."""
        last, self._position = self._position, position
        if last is None or position == last:  # until one follows it, the first may be a wrong one
            return
        late_s = now_s - position / self._stated_hz
        if now_s >= self._noted_s + NOTE_S:
            self._noted_s = now_s
            self._notes.append((now_s, late_s))
        elif late_s < self._notes[-1][1]:
            self._notes[-1] = now_s, late_s

    def doubts(self) -> bool:
        """Whether the rate may be off by more than RATE_TOLERANCE: in the first second for all that is known,
        later by what it looks like, so that no alarm waits for a line that tells little."""
        slower, doubt = self._slower()
        if self._lasted_s < _ENOUGH_S:
            return not abs(slower) + doubt <= RATE_TOLERANCE
        return not (abs(slower) <= _FAR_OFF and abs(slower) - doubt / (2 * _SURE) <= RATE_TOLERANCE)

    @property
    def reading(self) -> RateReading | None:
        """The rate that it looks like, where that is off beyond doubt."""
        slower, doubt = self._slower()
        certain = self._lasted_s >= _CERTAIN_S and abs(slower) - doubt > RATE_TOLERANCE
        return RateReading(self._stated_hz * (1 - slower), self._stated_hz) if certain else None

    @property
    def remark(self) -> str:
        """As that of a reading, where the rate is known well enough."""
        slower, doubt = self._slower()
        if self._lasted_s < _CERTAIN_S or not abs(slower) > doubt:
            return ""
        return RateReading(self._stated_hz * (1 - slower), self._stated_hz).remark

    def _forget(self) -> None:
        self._notes.clear()
        self._position, self._noted_s = None, -math.inf

    @property
    def _lasted_s(self) -> float:
        return self._notes[-1][0] - self._notes[0][0] if self._notes else 0.0

    def _slower(self) -> tuple[float, float]:
        """By which share it is slower than stated, and how uncertain that is; NaN while it is not known."""
        if not self._lasted_s:
            return math.nan, math.nan
        begin_s, part_s = self._notes[0][0], self._lasted_s / _PARTS
        earliest: dict[int, tuple[float, float]] = {}
        for at_s, late_s in self._notes:
            part = min(int((at_s - begin_s) / part_s), _PARTS - 1)
            earliest[part] = min(earliest.get(part, (math.inf, 0.0)), (late_s, at_s))
        if len(earliest) < _PARTS:
            return math.nan, math.nan
        pairs = [(earliest[part], earliest[part + _PARTS // 2]) for part in range(_PARTS // 2)]
        slower = [(late - early) / (late_s - early_s) for (early, early_s), (late, late_s) in pairs]
        return sum(slower) / len(slower), _SURE * (max(slower) - min(slower))
