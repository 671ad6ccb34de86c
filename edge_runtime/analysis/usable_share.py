"""Which share of the time gave usable windows, over the time that passed. Pure: times are arguments.

Gaps, lost frames, restarts, clipping: each alone may stay below what names it, and together they leave
nothing of the machine to be seen. So what is counted is what came, against the clock; what is missing is
unusable, whatever it went missing by.
"""

from collections import deque
from typing import Final

EVERY_S: Final = 0.5
"""Between two looks at the clock: a hundredth of the span, so that it takes a hundred and twenty entries."""
_GAPS: Final = 3
"""So many windows may be lost to gaps within a span, however long windows are: one jerk of a cable leaves one
or two. With the usual windows of a tenth of a second the share asked for allows many more."""


_HALF_S: Final = 8.0
"""Where more than half of so long is unusable the sensor is at fault, though the span may still come to what
is asked for: so that it is named within ten seconds. A judgement: a jerked cable is at rest after four."""


class UsableShare:
    """The share of a sensor's time, over a span up to now, in which windows could be used."""

    def __init__(self, hop_s: float, window_s: float, asked: float, span_s: float) -> None:
        """Windows of `window_s` come each `hop_s`; `asked` of `span_s` have to be usable, 0 for none.

        The span is longer for windows that are: the share not asked for holds three of them.
        """
        self._hop_s, self._window_s, self._asked = hop_s, window_s, asked
        self.span_s = max(span_s, _GAPS * window_s / (1 - asked)) if asked < 1 else span_s
        self._half_s = max(_HALF_S, 2 * _GAPS * window_s)
        self._looks: deque[tuple[float, int]] = deque()
        self._skipped_s = 0.0

    @property
    def spare_s(self) -> float:
        """How much of a span may be unusable, seconds."""
        return (1 - self._asked) * self.span_s

    def look(self, now_s: float, usable: int) -> None:
        """Take that `usable` windows have come in all; to be called about every EVERY_S while frames come."""
        now_s -= self._skipped_s
        looks = self._looks
        if not looks:  # the first window takes its time to fill
            looks.append((now_s + self._window_s - self._hop_s, usable))
            return
        looks.append((now_s, usable))
        while len(looks) > 2 and looks[1][0] <= now_s - self.span_s:
            looks.popleft()

    def skip(self, pause_s: float) -> None:
        """Leave out a pause that the site allows."""
        self._skipped_s += pause_s

    def restart(self) -> None:
        """Begin again: what was unusable so far has been named otherwise."""
        self._looks.clear()

    @property
    def unusable_s(self) -> float:
        """How much of the span up to the last look was unusable, seconds."""
        return self._unusable_since(self._looks[0]) if self._looks else 0.0

    def _unusable_since(self, look: tuple[float, int]) -> float:
        (begin_s, before), (end_s, after) = look, self._looks[-1]
        return max(0.0, end_s - begin_s - (after - before) * self._hop_s)

    @property
    def share(self) -> float:
        """The usable share of the span, 1 before it has begun."""
        if len(self._looks) < 2:
            return 1.0
        elapsed_s = self._looks[-1][0] - self._looks[0][0]
        return 1 - min(1.0, self.unusable_s / elapsed_s) if elapsed_s > 0 else 1.0

    @property
    def shortage(self) -> str:
        """How much is missing, where the span cannot reach what is asked for any more, or half of late is
        missing; else empty.

        The newest window may be under way, hence a hop more.
        """
        if not self._asked or not self._looks:
            return ""
        if self.unusable_s - self._hop_s > self.spare_s:
            return _words(self.unusable_s, self.span_s, self.spare_s)
        since, middle = self._look_before(self._half_s), self._look_before(self._half_s / 2)
        # Where none came for so long, that has a name of its own.
        come_and_go = since[1] < middle[1] < self._looks[-1][1]
        late_s = self._unusable_since(since)
        if not come_and_go or late_s - self._hop_s <= self._half_s / 2:
            return ""
        return _words(late_s, self._half_s, self._half_s / 2)

    def _look_before(self, before_s: float) -> tuple[float, int]:
        """The last look that is so long ago, else the first."""
        at_s = self._looks[-1][0] - before_s
        return next((look for look in reversed(self._looks) if look[0] <= at_s), self._looks[0])


def _words(unusable_s: float, span_s: float, spare_s: float) -> str:
    return f"no usable window in {unusable_s:.1f} s of the last {span_s:.0f} s, more than {spare_s:.1f} s"
