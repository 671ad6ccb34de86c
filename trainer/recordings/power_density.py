"""Power density by averaged spectra of segments: P. D. Welch, "The use of fast Fourier transform for the
estimation of power spectra", IEEE Trans. Audio Electroacoust. 15 (1967).

What `scipy.signal.welch` gives. To import that package loads all of scipy.stats: a second of computing on a
workstation and several at a gateway, which learns from recordings that need nothing else of it.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def welch(values: Floats, rate_hz: float, length: int) -> tuple[Floats, Floats]:
    """Frequencies in Hz and one-sided power density, in the square of the unit per Hz.

    `values` are [samples], at least `length` of them. Segments of `length` overlap by half, have their mean
    removed and a Hann window put over them.
    """
    segments = np.lib.stride_tricks.sliding_window_view(values, length)[:: length - length // 2]
    window = np.hanning(length + 1)[:-1] if length > 1 else np.ones(1)
    lines = np.fft.rfft((segments - segments.mean(axis=1, keepdims=True)) * window, axis=1)
    power: Floats = np.square(np.abs(lines)).mean(axis=0) / (rate_hz * np.square(window).sum())
    # All but the mean, and half the rate where there is such a line, stand for a negative frequency, too.
    power[1 : (length + 1) // 2] *= 2
    return np.fft.rfftfreq(length, 1 / rate_hz).astype(np.float64), power
