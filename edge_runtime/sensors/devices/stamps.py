"""Where samples are missing, by the time stamps that came with them: `StampedGaps`; or, of a device that has
none, by the clock: `UnstampedGaps`. Pure.

Stamps jitter: the kernel takes them when it answers an interrupt. One that is late by itself is no loss; a
lost sample makes all that follow late.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Samples

_SIDE: Final = 4
"""Stamps on either side whose medians are compared: two of four may be late. A judgement: what is held back
for it is a millisecond at 4 kHz."""
_STEP: Final = 1.5
"""Of the time between two samples: one missing makes two of it."""
_LATE: Final = 0.5
"""Of it: later than this, and for good, is a sample that is missing."""

_FILLED: Final = 0.9
"""Share of the kernel's buffer that counts as full where no stamps tell: sensors run up to 5 % fast, and what
the kernel rounds is not known."""

Stamps = NDArray[np.int64]


class StampedGaps:
    """Takes samples with their stamps; gives them back in pieces that have no gap."""

    def __init__(self, rate_hz: float, channels: int) -> None:
        """Samples come `rate_hz` times a second."""
        self._period_ns = 1e9 / rate_hz
        self._stamps: Stamps = np.empty(0, np.int64)
        self._rows: Samples = np.empty((0, channels), np.float32)
        self._seen = 0
        """How many of those at the front were given back, and are kept to compare with."""

    def feed(self, stamps: Stamps, rows: Samples) -> list[tuple[int, Samples]]:
        """Take the next samples [count, channels] with stamps [count], nanoseconds.

        Returns pieces with the number of samples that are missing before each; the last few samples are held
        back until those behind them are known.
        """
        self._stamps = np.concatenate([self._stamps, stamps])
        self._rows = np.concatenate([self._rows, rows])
        begin, end = self._seen, len(self._stamps) - _SIDE
        if end <= begin:
            return []
        pieces, lost = [], 0
        for place, missing in self._gaps(begin, end):
            if place > begin:
                pieces.append((lost, self._rows[begin:place]))
                lost = 0
            begin, lost = place, lost + missing
        pieces.append((lost, self._rows[begin:end]))
        kept = max(0, end - _SIDE)
        self._stamps, self._rows, self._seen = self._stamps[kept:], self._rows[kept:], end - kept
        return pieces

    def _gaps(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Places in what is held before which samples are missing, and how many."""
        stamps, found = self._stamps, list[tuple[int, int]]()
        steps = np.diff(stamps[max(0, begin - 1) : end])
        first = max(0, begin - 1) + 1
        suspect = np.flatnonzero((steps > _STEP * self._period_ns) | (steps <= 0)) + first
        for place in map(int, suspect):
            if stamps[place] <= stamps[place - 1]:
                found.append((place, 1))  # the clock was set: how many are missing nobody knows
                continue
            # Not over a gap that was found just before, which would count again.
            least = max(0, place - _SIDE, found[-1][0] if found else 0)
            around, before = stamps[least : place + _SIDE], place - least
            late = around - around[0] - np.arange(len(around)) * self._period_ns
            after_ns = float(np.median(late[before:]) - np.median(late[:before]))
            if after_ns > _LATE * self._period_ns:
                found.append((place, max(1, round(after_ns / self._period_ns))))
        return found


class UnstampedGaps:
    """Counts what the kernel had no room for. Times are monotonic seconds."""

    def __init__(self, rate_hz: float, length: int, now_s: float) -> None:
        """Samples come `rate_hz` times a second into a buffer of `length`, which is empty now."""
        self._rate_hz, self._length = rate_hz, length
        self._empty_s, self._since = now_s, 0

    def feed(self, count: int, now_s: float, *, emptied: bool) -> int:
        """Take that so many samples were read, and whether all that were there; how many are missing behind
        them.

        A buffer that is full takes no more, so that what is missing comes after all that was in it.
        """
        self._since += count
        if not emptied:
            return 0
        due = (now_s - self._empty_s) * self._rate_hz
        lost = max(1, round(due) - self._since) if due > _FILLED * self._length else 0
        self._empty_s, self._since = now_s, 0
        return lost
