"""Is this a sensor at all? Flat, stuck, saturated, not-a-number and off-rate are sensor faults.

They must never reach a detector: a dead accelerometer is not a quiet machine.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_runtime.records import Samples

STUCK_SHARE: Final = 0.25
"""A channel that repeats one value for this share of a window is stuck."""
SATURATED_SHARE: Final = 0.01
"""A channel at its range's end for this share of a window is saturated."""
RATE_TOLERANCE: Final = 0.01
_REPEATS_WORTH_A_LOOK: Final = 0.2
_MIN_WINDOW: Final = 16
"""Shorter windows are tables rather than signals: repeated values say nothing there."""


def problem(samples: Samples, channels: tuple[str, ...], range_: float = math.inf) -> str:
    """Name what is wrong with a window [samples, channels], or return an empty text.

    `range_` is the largest magnitude the sensor can report, in the window's unit.
    """
    low, high = samples.min(axis=0), samples.max(axis=0)
    if not np.isfinite(high - low).all():  # min and max carry any NaN through
        return f"not_a_number: {_name(channels, ~np.isfinite(high - low))}"
    if len(samples) < _MIN_WINDOW:
        return ""
    if (low == high).any():
        return f"flat: {_name(channels, low == high)}"
    reach = np.maximum(-low, high)
    if (reach >= 0.999 * range_).any():
        return _saturated(samples, channels, range_) or _stuck(samples, channels)
    return _stuck(samples, channels)


def _name(channels: tuple[str, ...], wrong: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    return ", ".join(channel for channel, bad in zip(channels, wrong, strict=True) if bad)


def _saturated(samples: Samples, channels: tuple[str, ...], range_: float) -> str:
    share = (np.abs(samples) >= 0.999 * range_).mean(axis=0)
    return f"saturated: {_name(channels, share > SATURATED_SHARE)}" if (share > SATURATED_SHARE).any() else ""


def _stuck(samples: Samples, channels: tuple[str, ...]) -> str:
    repeats = samples[1:] == samples[:-1]
    # Counting equal neighbours is cheap and rules nearly every window out.
    suspects = np.count_nonzero(repeats, axis=0) > _REPEATS_WORTH_A_LOOK * len(repeats)
    if not suspects.any():
        return ""
    limit = STUCK_SHARE * len(samples)
    stuck = np.array([suspect and _longest_run(repeats[:, i]) >= limit for i, suspect in enumerate(suspects)])
    return f"stuck: {_name(channels, stuck)}" if stuck.any() else ""


def _longest_run(repeats: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
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
