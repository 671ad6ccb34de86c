"""Checks that a sensor works: one table of checks on a window, `CHECKS`.

A sensor fault must never reach a detector: a dead accelerometer is not a quiet machine.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import FaultReason, Samples, SensorFault

STUCK_SHARE: Final = 0.25
"""A channel that repeats one value for this share of a window is stuck. A judgement: the coarse
counts of a quiet machine repeat for less, and a sensor that hangs repeats for whole windows."""
SATURATED_SHARE: Final = 0.01
"""A channel at its range's end for this share of a window is saturated. A judgement: single shocks may reach
the end, but one sample in a hundred cut off already distorts the spectrum."""
FULL_SCALE: Final = 0.999
"""Share of the range that counts as its end: the largest positive count of an 11-bit converter is 1023/1024
of its range, that of a wider one is nearer."""
_MIN_WINDOW: Final = 16
"""Shorter windows are tables rather than signals: repeated values mean nothing there."""
_POINTS: Final = 2
"""Of a grid that a stuck channel's run passes at least. The fewest that tell of a run: of a coarse grid few
points are equal by chance, and only then the whole window has to be looked at."""
_LARGEST: Final = float(np.finfo(np.float32).max) / 2
"""The difference of two samples below it is finite in float32, so that neither is NaN nor infinite."""
_Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Channels:
    """A window by channel, with what several checks need."""

    rows: Samples
    """Shape [channels, samples], contiguous: reducing along memory is many times faster than across it."""
    low: Samples
    """Smallest sample of each channel; NaN where any is."""
    high: Samples
    """Largest sample of each channel; NaN where any is."""
    span: Samples
    """`high` less `low`: not finite where a sample is not, or the difference exceeds float32."""
    full_scale: float
    """Magnitude from which on a sample is at the end of the sensor's range."""


@dataclass(frozen=True, slots=True)
class SensorCheck:
    """One row of the table."""

    reason: FaultReason
    bound: str
    """What fails, in words: one line for the documentation."""
    remedy: str
    fails: Callable[[Channels], _Flags]
    """Which channels fail."""
    ruled_out: Callable[[Samples, float], bool] | None
    """Whether a window [samples, channels] cannot fail, from a cheap pass over all its channels together; the
    second argument is the full scale. Checks may share one. Without one the check runs on every window, which
    then costs reductions by channel."""
    min_samples: int = _MIN_WINDOW
    """Shorter windows are not checked."""


class SensorChecks:
    """A table of checks, applied in its order."""

    def __init__(self, checks: Iterable[SensorCheck]) -> None:
        """Take the rows; a healthy window costs one call of each different `ruled_out` among them."""
        self._checks = tuple(checks)
        self._always = tuple(check for check in self._checks if check.ruled_out is None)
        cheap = (check.ruled_out for check in self._checks if check.ruled_out is not None)
        self._exclusions = tuple(dict.fromkeys(cheap))

    def problem(
        self, samples: Samples, channels: tuple[str, ...], range_: float = math.inf
    ) -> SensorFault | None:
        """Name the first check that a window [samples, channels] fails, or return None.

        `range_` is the largest magnitude the sensor can report, in the window's unit.
        """
        full_scale = FULL_SCALE * range_
        suspected = self._always
        for ruled_out in self._exclusions:
            if not ruled_out(samples, full_scale):
                suspected = self._checks
                break
        if not suspected:
            return None
        rows = np.ascontiguousarray(samples.T)
        low, high = rows.min(axis=1), rows.max(axis=1)
        with np.errstate(all="ignore"):  # infinity less infinity, and what exceeds float32
            window = Channels(rows, low, high, high - low, full_scale)
        for check in suspected:
            if len(samples) >= check.min_samples and (wrong := check.fails(window)).any():
                names = (channel for channel, bad in zip(channels, wrong, strict=True) if bad)
                return SensorFault(check.reason, ", ".join(names))
        return None


def _within_range(samples: Samples, full_scale: float) -> bool:
    limit = full_scale if full_scale < _LARGEST else _LARGEST  # min() takes twice as long
    # Reducing 1024 x 3 along its first axis takes twenty times as long as reducing it whole. Any NaN comes
    # through all three reductions and compares false.
    if float(np.vdot(samples, samples)) < limit * limit:  # then so is each sample's square
        return True
    return bool(
        np.minimum.reduce(samples, axis=None) > -limit and np.maximum.reduce(samples, axis=None) < limit
    )


def _seldom_repeats(samples: Samples, _full_scale: float) -> bool:
    # A run as long as a stuck channel's has one repeat fewer than samples, and two fewer that follow another.
    run, channels = STUCK_SHARE * len(samples), samples.shape[1]
    if (step := int(run / _POINTS)) > 1:
        # It also passes two points of this grid, one after the other: to look at those takes half as long as
        # to look at all.
        points = samples[::step]
        if not np.count_nonzero(points[1:] == points[:-1]):
            return True
    # As one row: comparing it takes half as long as comparing [samples, channels].
    values = samples.reshape(-1)
    repeats = values[channels:] == values[:-channels]
    if np.count_nonzero(repeats) < run - 1:
        return True
    # Coarse counts repeat by chance, hardly ever twice running.
    return int(np.count_nonzero(repeats[channels:] & repeats[:-channels])) < run - 2


def _stuck(window: Channels) -> _Flags:
    run = STUCK_SHARE * window.rows.shape[1]
    repeats = window.rows[:, 1:] == window.rows[:, :-1]
    # Counting equal neighbours is cheap and rules nearly every channel out.
    suspects = np.asarray(np.count_nonzero(repeats, axis=1) >= run - 1)
    for channel in np.flatnonzero(suspects):
        run_ends = np.flatnonzero(np.concatenate(([True], ~repeats[channel], [True])))
        suspects[channel] = np.diff(run_ends).max() >= run  # the longest run, in samples
    return suspects


CHECKS: Final = (
    SensorCheck(
        FaultReason.NOT_A_NUMBER,
        "a sample is NaN, infinite, or too large for float32 arithmetic",
        "Check the sensor and its firmware",
        lambda window: ~np.isfinite(window.span),
        ruled_out=_within_range,
        min_samples=1,
    ),
    SensorCheck(
        FaultReason.FLAT,
        "all samples of a channel are equal",
        "The sensor is dead or not wired: check its supply and its SPI or I2C lines",
        lambda window: window.low == window.high,
        ruled_out=_seldom_repeats,
    ),
    SensorCheck(
        FaultReason.SATURATED,
        f"more than {SATURATED_SHARE:.0%} of a channel's samples are at the end of the sensor's range",
        "The vibration exceeds the sensor's range: choose a larger range or another place",
        lambda window: (np.abs(window.rows) >= window.full_scale).mean(axis=1) > SATURATED_SHARE,
        ruled_out=_within_range,
    ),
    SensorCheck(
        FaultReason.STUCK,
        f"a channel repeats one value for {STUCK_SHARE:.0%} of a window or longer",
        "The sensor repeats itself: restart it, check its SPI or I2C lines",
        _stuck,
        ruled_out=_seldom_repeats,
    ),
)
"""Every check of a window, the gravest first: the first that fails is what an alarm names."""
REMEDIES: Final[Mapping[FaultReason, str]] = {check.reason: check.remedy for check in CHECKS}

problem: Final = SensorChecks(CHECKS).problem
"""The check of a window in service, doctor and trainer: see `SensorChecks.problem`."""
