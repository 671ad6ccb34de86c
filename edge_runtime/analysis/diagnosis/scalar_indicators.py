"""Figures of a vibration that its trade reads: velocity, acceleration, peak, crest, kurtosis."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

ACCELERATIONS: Final[Mapping[str, float]] = {"g": 9.80665, "mg": 0.00980665, "m/s2": 1.0, "mm/s2": 0.001}
"""Units of acceleration in m/s2; g is the standard acceleration of free fall, ISO 80000-3."""
VELOCITY_BAND_HZ: Final = (10.0, 1000.0)
"""Of ISO 20816-3:2022 for shafts of more than 600 turns a minute."""
LOWEST_RATE_HZ: Final = 2560.0
"""Below it an anti-aliasing filter cuts off the band's upper end: 2.56 samples for each of its cycles, the
usual rule of analysers."""
_SECONDS: Final = 1.0
"""Ten cycles of the band's lower end. A judgement: fewer say little of their RMS."""
_SPREAD_BINS: Final = 2
"""The Hann window spreads a line over so many bins to either side: one at the band's end belongs to it
whole."""

_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Indicators:
    """Of one channel."""

    velocity_mm_s: float
    """RMS of the vibration velocity from 10 to 1000 Hz; NaN where rate or length do not give it."""
    rms: float
    """Of the acceleration about its mean, m/s2."""
    peak: float
    """Largest magnitude about the mean, m/s2."""
    crest: float
    """Peak over RMS; 3 to 4 of noise, 1.41 of a sine."""
    kurtosis: float
    """Fourth moment over the square of the second: 3 of noise, more of knocks, 1.5 of a sine."""


def indicators(acceleration: _Values, rate_hz: float) -> Indicators:
    """Compute them of one channel [n] in m/s2."""
    centred = acceleration - acceleration.mean()
    power = float(np.mean(centred**2))
    rms, peak = math.sqrt(power), float(np.abs(centred).max())
    known = rate_hz >= LOWEST_RATE_HZ and len(centred) >= _SECONDS * rate_hz
    return Indicators(
        velocity_mm_s=_velocity_mm_s(centred, rate_hz) if known else math.nan,
        rms=rms,
        peak=peak,
        crest=peak / rms if rms else math.nan,
        kurtosis=float(np.mean(centred**4)) / power**2 if power else math.nan,
    )


def _velocity_mm_s(acceleration: _Values, rate_hz: float) -> float:
    """Integrate in the frequency domain, and sum the power within the band (Parseval's theorem).

    A Hann window keeps a strong line from leaking to low frequencies, which integration lifts; its power is
    taken out again.
    """
    window = np.hanning(len(acceleration))
    spectrum = np.fft.rfft(acceleration * window)
    frequencies_hz = np.fft.rfftfreq(len(acceleration), 1 / rate_hz)
    low_hz, high_hz = VELOCITY_BAND_HZ
    spread_hz = _SPREAD_BINS * rate_hz / len(acceleration)
    within = (frequencies_hz >= low_hz - spread_hz) & (frequencies_hz <= high_hz + spread_hz)
    velocities = np.abs(spectrum[within]) / (2 * np.pi * frequencies_hz[within])
    power = 2 * float(np.sum(velocities**2)) / (len(acceleration) * float(np.sum(window**2)))
    return 1000 * math.sqrt(power)
