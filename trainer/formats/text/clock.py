"""A time column from first to last row: where samples are missing, and the rate by a line through the
stamps."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.formats.contract import ParsedSamples, Refusal
from trainer.formats.text.pace import Pace

_LOST: Final = 0.5
"""Of a step: half a missing sample is none, one is."""
_SIGMAS: Final = 6.0
"""Of what rounding leaves of a mean of stamps: once in 10^9 rows."""
_NARROW, _WIDE = 16, 1024
"""Rows on either side by which a gap is told, for stamps that are fine, and at most for coarse ones."""
_BACK: Final = 0.5
"""Of a step: jitter makes stamps of one reading earlier than the one before by less."""
_CHUNK: Final = 64
"""Rows to a mark of the line: their mean is as good as all of them, and 64 times as few are kept."""
_SMALL: Final = 4096
"""Rows of a first block: below, all stamps are marks."""
_DRIFT_MARKS: Final = 30
"""Marks from which the paces of the first and the last third are compared."""


class Gaps:
    """Finds rows before which samples are missing: the stamps after it are late by a step or more, and stay
    so.

    Jitter makes single stamps late and the next ones not. Coarse stamps hide a missing sample in one step,
    and not in the mean of many.
    """

    def __init__(self, pace: Pace, name: str) -> None:
        """Watch a column of this pace."""
        ratio = max(1.0, pace.quantum / pace.step)
        self._pace = pace
        self._name = name
        self._width = (
            int(min(_WIDE, max(_NARROW, np.ceil(2 * _SIGMAS**2 / 3 * ratio**2)))) if ratio > 1 else _NARROW
        )
        rounding = pace.quantum / np.sqrt(6 * self._width) if ratio > 1 else 0.0
        self._late = max(
            _LOST * pace.step, _SIGMAS * float(rounding) + self._width * pace.error * (ratio > 1)
        )
        self._held: ParsedSamples = np.empty(0)
        self._row = 0
        self.starts: list[int] = []

    def feed(self, stamps: ParsedSamples) -> None:
        """Take the next stamps [rows]. Raises Refusal where they go back."""
        steps = np.diff(np.concatenate([self._held[-1:], stamps]))
        if (wrong := np.flatnonzero(~(steps > -_BACK * self._pace.step - 1e-12))).size:
            raise _backwards(self._name, self._row + int(wrong[0]) + 2 - len(self._held[-1:]))
        held = np.concatenate([self._held, stamps])
        first = self._row - len(self._held)
        self._row += len(stamps)
        keep = 2 * self._width
        if len(held) > keep:
            open_from = self._collect(held, first)
            held = held[-max(keep, len(held) - open_from) :]
        self._held = held

    def finish(self) -> None:
        """Look at a run of late rows that lasts up to the end, then at the last rows, and those of a file too
        short for means, by single steps."""
        first = self._row - len(self._held)
        if len(self._held) > 2 * self._width:
            self._collect(self._held, first, whole=True)
        margin = self._held if self._row == len(self._held) else self._held[-self._width - 1 :]
        first += len(self._held) - len(margin)
        limit = self._pace.limit + (self._pace.quantum if self._pace.quantum > self._pace.step else 0.0)
        for place in np.flatnonzero(np.diff(margin) > limit):
            self._add(first + int(place) + 1)
        self.starts.sort()

    def _collect(self, held: ParsedSamples, first: int, *, whole: bool = False) -> int:
        """Add the latest row of each run of late ones; return the place from which a run is not over yet.

        `whole` says that nothing follows: a run that has passed its latest row counts.
        """
        width = self._width
        # How late the rows after each row are against those before, in the column's unit.
        sums = np.concatenate([[0.0], np.cumsum(held - held[0])])
        means = (sums[width:] - sums[:-width]) / width
        late = np.asarray(means[width:] - means[:-width] - width * self._pace.step)
        over = late > self._late
        edges = np.flatnonzero(np.diff(np.concatenate([[False], over, [False]]).astype(np.int8))).reshape(
            -1, 2
        )
        for begin, end in edges:
            place = int(np.argmax(late[begin:end])) + width
            if end == len(late) and not (whole and begin + place < end + width - 1):
                return int(begin)
            # At the run's one long step, else where it is latest.
            steps = np.diff(held[begin : end + 2 * width])
            if steps.max() > self._pace.limit + self._pace.quantum:
                place = int(np.argmax(steps)) + 1
            self._add(first + int(begin) + place)
        return len(late)

    def _add(self, row: int) -> None:
        if all(abs(row - known) > 1 for known in self.starts[-3:]) and row > 0:
            self.starts.append(row)


class Jumps:
    """Finds rows at which a coarse clock goes on by more than it does at a time."""

    def __init__(self, pace: Pace, name: str) -> None:
        """Watch a column of this pace."""
        self._pace = pace
        self._name = name
        self._last: ParsedSamples = np.empty(0)
        self._row = 0
        self.starts: list[int] = []

    def feed(self, stamps: ParsedSamples) -> None:
        """Take the next stamps [rows]. Raises Refusal where they go back."""
        steps = np.diff(np.concatenate([self._last, stamps]))
        first = self._row + 1 - len(self._last)
        if (wrong := np.flatnonzero(~(steps >= 0))).size:
            raise _backwards(self._name, first + int(wrong[0]) + 1)
        self.starts += [first + int(place) for place in np.flatnonzero(steps > self._pace.limit)]
        self._row += len(stamps)
        self._last = stamps[-1:]

    def finish(self) -> None:
        """Nothing is left."""


def _backwards(name: str, reading: int) -> Refusal:
    return Refusal(
        f"column {name} goes back, or holds no time, at reading {reading}",
        "Readings are out of order there, or a second recording begins; cut the file at that place",
    )


class Line:
    """The line through the stamps: by its slope the rate is known, however coarse and jittery they are."""

    def __init__(self) -> None:
        """Begin without a stamp."""
        self._rows: list[ParsedSamples] = []
        self._stamps: list[ParsedSamples] = []
        self._chunk = 0
        self._row = 0
        self._origin = 0.0

    def feed(self, stamps: ParsedSamples) -> None:
        """Take the next stamps [rows]."""
        if not self._chunk:
            self._chunk = 1 if len(stamps) < _SMALL else _CHUNK
            self._origin = float(stamps[0])
        whole = len(stamps) - len(stamps) % self._chunk
        rows = np.arange(self._row, self._row + whole, dtype=np.float64).reshape(-1, self._chunk)
        self._rows.append(rows.mean(axis=1))
        self._stamps.append((stamps[:whole] - self._origin).reshape(-1, self._chunk).mean(axis=1))
        self._row += len(stamps)

    def steps(self, starts: list[int]) -> tuple[float, float]:
        """Return the stamps' step from row to row, and the share that it changes by from first to last third.

        The line has one slope over all stretches, and begins anew at each of `starts`.
        """
        rows, stamps = np.concatenate(self._rows), np.concatenate(self._stamps)
        half = self._chunk / 2
        clear = np.ones(len(rows), dtype=bool)  # a mark over a gap is no stamp of either side
        for start in starts:
            clear &= (rows + half <= start) | (rows - half >= start)
        stretch = np.searchsorted(np.array(starts, dtype=np.float64), rows)[clear]
        rows, stamps = rows[clear], stamps[clear]
        step = _slope(rows, stamps, stretch)
        third = len(rows) // 3
        if len(rows) < _DRIFT_MARKS:
            return step, 0.0
        early = _slope(rows[:third], stamps[:third], stretch[:third])
        late = _slope(rows[-third:], stamps[-third:], stretch[-third:])
        return step, late / early - 1 if early > 0 else 0.0


def _slope(rows: ParsedSamples, stamps: ParsedSamples, stretch: NDArray[np.intp]) -> float:
    count = np.bincount(stretch)
    apart = rows - (np.bincount(stretch, rows) / np.maximum(count, 1))[stretch]
    level = stamps - (np.bincount(stretch, stamps) / np.maximum(count, 1))[stretch]
    spread = float(apart @ apart)
    return float(apart @ level) / spread if spread > 0 else 0.0
