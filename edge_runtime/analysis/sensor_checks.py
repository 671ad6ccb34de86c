"""Is this a sensor at all? Flat, stuck, saturated, not-a-number and off-rate are sensor faults.

They must never reach a detector: a dead accelerometer is not a quiet machine.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis.windows import RATE_TOLERANCE
from edge_runtime.core import FaultReason, Samples, SensorFault

STUCK_SHARE: Final = 0.25
"""A channel that repeats one value for this share of a window is stuck."""
SATURATED_SHARE: Final = 0.01
"""A channel at its range's end for this share of a window is saturated."""
_REPEATS_WORTH_A_LOOK: Final = 0.2
_MIN_WINDOW: Final = 16
"""Shorter windows are tables rather than signals: repeated values say nothing there."""
_HUGE: Final = float(np.finfo(np.float32).max) / 2
_Bools = NDArray[np.bool_]


def problem(samples: Samples, channels: tuple[str, ...], range_: float = math.inf) -> SensorFault | None:
    """Name what is wrong with a window [samples, channels], or return None.

    `range_` is the largest magnitude the sensor can report, in the window's unit.
    """
    reached = 0.999 * range_
    return None if _beyond_doubt(samples, reached) else _named(samples, channels, reached)


def _beyond_doubt(samples: Samples, reached: float) -> bool:
    """Say whether nothing can be wrong, in passes over the whole window that hardly tell channels apart.

    Reducing 1024 x 3 along its first axis takes twenty times as long as reducing it whole.
    """
    if not _within(samples, min(reached, _HUGE)):
        return False
    repeats = samples[1:] == samples[:-1]  # a channel that is flat or stuck has many of them
    few = _REPEATS_WORTH_A_LOOK * len(repeats) - 1
    if np.count_nonzero(repeats) <= few:
        return True
    # Coarse counts repeat by chance, hardly ever twice running; a stuck channel's run only loses one.
    return int(np.count_nonzero(repeats[1:] & repeats[:-1])) <= few


def _within(samples: Samples, limit: float) -> bool:
    # Any NaN comes through all three reductions and compares false.
    if float(np.vdot(samples, samples)) < limit * limit:  # then so is each sample's square
        return True
    return bool(
        np.minimum.reduce(samples, axis=None) > -limit and np.maximum.reduce(samples, axis=None) < limit
    )


def _named(samples: Samples, channels: tuple[str, ...], reached: float) -> SensorFault | None:
    columns = np.ascontiguousarray(samples.T)  # reducing along memory is many times faster
    low, high = columns.min(axis=1), columns.max(axis=1)
    with np.errstate(all="ignore"):
        finite = np.isfinite(high - low)  # min and max carry any NaN through
    if not finite.all():
        return SensorFault(FaultReason.NOT_A_NUMBER, _names(channels, ~finite))
    if len(samples) < _MIN_WINDOW:
        return None
    if (low == high).any():
        return SensorFault(FaultReason.FLAT, _names(channels, low == high))
    if (np.maximum(-low, high) >= reached).any() and (saturated := _saturated(columns, reached)).any():
        return SensorFault(FaultReason.SATURATED, _names(channels, saturated))
    stuck = _stuck(columns)
    return SensorFault(FaultReason.STUCK, _names(channels, stuck)) if stuck.any() else None


def _names(channels: tuple[str, ...], wrong: _Bools) -> str:
    return ", ".join(channel for channel, bad in zip(channels, wrong, strict=True) if bad)


def _saturated(columns: Samples, reached: float) -> _Bools:
    return np.asarray((np.abs(columns) >= reached).mean(axis=1) > SATURATED_SHARE)


def _stuck(columns: Samples) -> _Bools:
    repeats = columns[:, 1:] == columns[:, :-1]
    # Counting equal neighbours is cheap and rules nearly every channel out.
    suspects = np.count_nonzero(repeats, axis=1) > _REPEATS_WORTH_A_LOOK * repeats.shape[1]
    limit = STUCK_SHARE * columns.shape[1]
    return np.array(
        [bool(suspect) and _longest_run(row) >= limit for row, suspect in zip(repeats, suspects, strict=True)]
    )


def _longest_run(repeats: _Bools) -> int:
    ends = np.flatnonzero(np.concatenate(([True], ~repeats, [True])))
    return int(np.diff(ends).max())


@dataclass(frozen=True, slots=True)
class RateReading:
    """How fast samples really come, against a clock that is not the sensor's."""

    measured_hz: float
    stated_hz: float

    @property
    def off(self) -> bool:
        """Whether the two disagree by more than RATE_TOLERANCE."""
        return abs(self.measured_hz - self.stated_hz) > RATE_TOLERANCE * self.stated_hz


class RateMeter:
    """Measures a sensor's sampling rate over a span of the host's monotonic clock.

    Ports deliver in bursts; over ten seconds a burst of 50 ms is half a percent, under the tolerance.
    """

    def __init__(self, stated_hz: float, span_s: float = 10.0) -> None:
        self._stated_hz, self._span_s = stated_hz, span_s
        self._since_s: float | None = None
        self._count = 0

    def add(self, count: int, now_s: float) -> RateReading | None:
        """Count samples that arrived at `now_s`; a reading once per span."""
        if self._since_s is None:
            self._since_s = now_s  # this burst began before the clock started: it opens the span only
            return None
        self._count += count
        elapsed_s = now_s - self._since_s
        if elapsed_s < self._span_s:
            return None
        reading = RateReading(self._count / elapsed_s, self._stated_hz)
        self._since_s, self._count = now_s, 0
        return reading

    def reset(self) -> None:
        """Start over: samples were lost, so counting them says nothing about the sensor's clock."""
        self._since_s, self._count = None, 0
