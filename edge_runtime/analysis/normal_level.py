"""How loud the machine is when all is well, from a model's own golden windows; and what is too quiet for it.

A machine that stands still and a sensor that has come off give the same signal: vibration far below any that
the model learnt from. What a detector makes of that differs from one to the next, and says nothing about the
machine. So it is found here, before the detector, and for every one of them in the same way.

The level of a window is the geometric mean of its channels' RMS about their means: a loose sensor is quieter
on every channel, while a machine at a lower speed keeps some of it on one or the other.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import FaultReason, Samples, SensorFault

QUIET_SHARE: Final = 0.44
"""A window below this share of the lowest normal level is too quiet. From data: the ceiling fan of
Shawn Hymel's recordings (CC0) at its lowest speed, where only the two higher ones were learnt, comes down to
0.454 of the lowest level learnt; drive-end bearings of Case Western Reserve University at 0.3 of the level of
their loudest load come up to 0.422 of the lowest level of all four."""
DEAD_SHARE: Final = 0.1
"""A channel below this share of its own lowest normal RMS is dead, however loud the others are. A judgement:
20 dB, which no change of speed takes from one axis alone; 0.2 is the least that the fan above came to."""
_QUIETER, _LOUDER = 0.25, 4.0
"""The trainer adds one normal window so much quieter and louder, for the file's own test. Both are powers of
two: one is exactly sixteen times the other, and so both are known among the golden windows."""
_MIN_WINDOW: Final = 16
"""Shorter windows are tables rather than signals."""
_TOP_SHARE: Final = 0.01
"""Share of a window's samples that lie above its peak, as of one that counts as saturated."""

_Values = NDArray[np.float64]


class NormalLevel:
    """The level below which a window says nothing about the machine, and the peak of the loudest normal
    one."""

    def __init__(self, golden: Iterable[Samples], channels: tuple[str, ...]) -> None:
        """Take a model's golden windows [samples, channels], of normal vibration but for two of them."""
        given = [np.asarray(window, dtype=np.float64) for window in golden]
        # Two of them were made from a recorded one, quieter and louder: they are left out.
        made = {
            index
            for quieter, first in enumerate(given)
            for louder, second in enumerate(given)
            if first.any() and np.array_equal(_LOUDER / _QUIETER * first, second)
            for index in (quieter, louder)
        }
        windows = [window for index, window in enumerate(given) if index not in made] or given
        rms = np.array([window.std(axis=0) for window in windows])
        levels = _levels(rms)
        quietest = int(np.argmin(levels))
        self.lowest = float(levels[quietest]) if len(windows[0]) >= _MIN_WINDOW else 0.0
        """The lowest normal level, in the window's unit; 0 where nothing is too quiet."""
        self.peak = float(
            max(np.quantile(np.abs(window), 1 - _TOP_SHARE, axis=0).max() for window in windows)
        )
        """Magnitude that no more than a hundredth of the samples of any normal window exceed."""
        self._channels, self._rms = channels, rms.min(axis=0)
        self._half = len(windows[0]) // 2
        # Twice the sum of squares about the mean while each channel is at its limit.
        each = QUIET_SHARE * rms[quietest]
        self._limits = [float(2 * len(windows[0]) * limit**2) for limit in each]

    def share(self, samples: Samples) -> float:
        """Level of a window [samples, channels] over the lowest normal one; 1 where no level is known."""
        rms = samples.std(axis=0, dtype=np.float64)
        return float(_levels(rms[np.newaxis])[0]) / self.lowest if self.lowest else 1.0

    def too_quiet(self, samples: Samples) -> SensorFault | None:
        """Say so where a window [samples, channels] is too quiet for this machine in operation."""
        half = self._half
        # Half of what the halves differ by, squared, is at most the sum of squares about the mean, and for
        # vibration half of it: that clears nearly every window, whatever its offset, in two passes. It goes
        # by channel, as a product of matrices takes three times as long.
        apart = samples[:half] - samples[half : 2 * half]
        for channel, limit in enumerate(self._limits):
            differences = apart[:, channel]
            if not differences.dot(differences) > limit:
                break
        else:
            return None
        if not self.lowest:
            return None
        rms = samples.std(axis=0, dtype=np.float64)
        level = float(_levels(rms[np.newaxis])[0])
        if level < QUIET_SHARE * self.lowest:
            detail = (
                f"RMS {level:.3g}, normal from {self.lowest:.3g}: "
                "the machine stands still, or the sensor has come off"
            )
            return SensorFault(FaultReason.TOO_QUIET, detail)
        dead = np.flatnonzero(rms < DEAD_SHARE * self._rms)
        if not dead.size:
            return None
        names = ", ".join(self._channels[index] for index in dead)
        return SensorFault(
            FaultReason.TOO_QUIET, f"{names} alone: the sensor's element or its wire is broken"
        )


def _levels(rms: _Values) -> _Values:
    """Geometric means over channels, [n, channels] to [n]; 0 where a channel is."""
    with np.errstate(divide="ignore"):
        levels: _Values = np.exp(np.log(rms).mean(axis=1))
    return levels
