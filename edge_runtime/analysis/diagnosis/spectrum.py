"""What a vibration is made of, with each line's velocity and how far it stands out: `Spectrum`."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis.line_spectrum import LOBE, LineSpectrum, median_around

_BACKGROUND_HZ: Final = 12.0
"""As of the envelope's lines."""

_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Of one channel."""

    lines: LineSpectrum
    amplitudes: _Values
    """RMS of the sine at each bin, m/s2 [bins]."""
    noise_bandwidth: float
    """Of the window, bins: by so much the squares of a line's bins exceed the line's own."""

    def velocity_mm_s(self, hz: float) -> float:
        """RMS velocity of the line at `hz`, whose power lies in several bins."""
        at = round(hz / self.lines.step_hz)
        lobe = self.amplitudes[max(0, at - LOBE) : at + LOBE + 1]
        return 1000 * math.sqrt(float(np.sum(lobe**2)) / self.noise_bandwidth) / (2 * math.pi * hz)


def spectrum_of(acceleration: _Values, rate_hz: float) -> Spectrum:
    """Compute it of one channel [n] in m/s2, with a Hann window over all of it."""
    count = len(acceleration)
    window = np.hanning(count)
    magnitudes = np.abs(np.fft.rfft((acceleration - acceleration.mean()) * window))
    step_hz = rate_hz / count
    strengths = magnitudes / median_around(magnitudes, step_hz, _BACKGROUND_HZ)
    total = float(window.sum())
    return Spectrum(
        LineSpectrum(strengths, step_hz),
        math.sqrt(2) * magnitudes / total,
        count * float(np.sum(window**2)) / total**2,
    )
