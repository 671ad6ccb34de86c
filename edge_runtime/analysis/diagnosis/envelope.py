"""How the strength of a vibration comes and goes: the squared envelope's spectrum, after pre-whitening."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_EDGE: Final = 0.02
"""Share of the recording at either end that is faded and left out: whitening makes a knock of a step."""
_LEAST: Final = 1e-12
"""Of the largest: what is below is rounding, not vibration, and is not lifted to the rest's level."""
_BACKGROUND_HZ: Final = 12.0
"""The background of a line is the median of what lies so far to either side. A judgement: wider than the
sidebands of a cage, narrower than the slope of the spectrum."""
_LEAST_BINS: Final = 20
"""Of each side, where the recording is short."""

_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EnvelopeSpectrum:
    """Amplitudes of the squared envelope by frequency, and how far each stands out."""

    strengths: _Values
    """Each bin's amplitude over the median of its surroundings."""
    step_hz: float
    """From one bin to the next."""

    def line(self, hz: float, tolerance: float) -> tuple[float, float]:
        """Return frequency and strength of the strongest bin within `tolerance`, a share of `hz`."""
        first = max(1, int(np.floor(hz * (1 - tolerance) / self.step_hz)))
        last = int(np.ceil(hz * (1 + tolerance) / self.step_hz)) + 1
        part = self.strengths[first:last]
        if not part.size:  # beyond the spectrum's end
            return hz, 0.0
        at = int(np.argmax(part))
        return (first + at) * self.step_hz, float(part[at])


def envelope_spectrum(samples: _Values, rate_hz: float) -> EnvelopeSpectrum:
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
    return EnvelopeSpectrum(amplitudes / _background(amplitudes, step_hz), step_hz)


def _background(amplitudes: _Values, step_hz: float) -> _Values:
    """The median round each bin, from blocks that overlap by half: the same everywhere to some percent."""
    half = max(_LEAST_BINS, round(_BACKGROUND_HZ / step_hz))
    centres = np.arange(half, max(half + 1, len(amplitudes) - half), half)
    medians = [np.median(amplitudes[max(1, centre - half) : centre + half]) for centre in centres]
    return np.maximum(np.interp(np.arange(len(amplitudes)), centres, medians), np.finfo(np.float64).tiny)
