"""How the strength of a vibration comes and goes: the squared envelope's spectrum, after pre-whitening."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis.line_spectrum import LineSpectrum, median_around

_EDGE: Final = 0.02
"""Share of the recording at either end that is faded and left out: whitening makes a knock of a step."""
_LEAST: Final = 1e-12
"""Of the largest: what is below is rounding, not vibration, and is not lifted to the rest's level."""
_BACKGROUND_HZ: Final = 12.0
"""The background of a line is the median of what lies so far to either side. A judgement: wider than the
sidebands of a cage, narrower than the slope of the spectrum."""

_Values = NDArray[np.float64]


def envelope_spectrum(samples: _Values, rate_hz: float) -> LineSpectrum:
    """Compute it for one channel, [n].

    The signal is whitened by its whole real cepstrum, which leaves each frequency with the same amplitude:
    what shaft, gears and resonances add to the envelope is gone, and knocks remain. Source: P. Borghesani,
    P. Pennacchi, R. B. Randall, N. Sawalhi, R. Ricci, Application of cepstrum pre-whitening for the diagnosis
    of bearing faults under variable speed conditions, Mechanical Systems and Signal Processing 36 (2013).
    """
    count = len(samples)
    edge = max(1, int(_EDGE * count))
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    faded = samples - samples.mean()
    faded[:edge] *= fade
    faded[-edge:] *= fade[::-1]
    spectrum = np.fft.rfft(faded)
    magnitudes = np.abs(spectrum)
    whitened = spectrum / np.maximum(magnitudes, max(_LEAST * magnitudes.max(), np.finfo(np.float64).tiny))
    analytic = np.zeros(count, np.complex128)
    analytic[1 : len(whitened)] = 2 * whitened[1:]
    envelope = np.abs(np.fft.ifft(analytic)[edge:-edge]) ** 2
    envelope = (envelope - envelope.mean()) * np.hanning(len(envelope))
    step_hz = rate_hz / len(envelope)
    amplitudes = np.abs(np.fft.rfft(envelope))
    return LineSpectrum(amplitudes / median_around(amplitudes, step_hz, _BACKGROUND_HZ), step_hz)
