"""Front ends in the frequency domain: spectrum, shares of it, and the spectrum of the envelope.

All in double precision: a band may hold a millionth of the loudest one's energy, little more than what the
loudest one loses in single precision. Then the logarithm, in standard deviations of training, changed with
the batch size by up to 1e-3.
"""

from typing import Final

import numpy as np

from edge_runtime.core import Feature
from trainer.core import FitContext, FitError
from trainer.graphs import bands, fourier
from trainer.graphs.base import FLOOR, FrontEnd, centred
from trainer.graphs.builder import GraphBuilder, GraphValue

ENVELOPE_HZ: Final = (10.0, 1000.0)
"""Where impacts of bearings and gears repeat: shaft and ball-pass frequencies, and their multiples."""
COARSE: Final = 16
"""Bands that tell operating states apart. Measured on halves of the ceiling fan's and the CWRU loads'
recordings: with 8 bands 1 to 2 % of a load that was left out pass for another, with 24 up to 7 %, with 16
none."""
PARTS: Final = 8
"""Of a window, for `welch`: an eighth of the lines, and of the variance of a band's energy."""
LEAST_PART: Final = 32
"""Samples of a part: fewer have too few lines for bands."""


class Spectrum(FrontEnd):
    """Log of the energy in frequency bands up to the band limit, Hann window."""

    name = "spectrum"

    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write [batch, channels x bands]: all bands of the first channel, then of the next."""
        return self._energies(builder).log().reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each band of each channel."""
        return self._bands().features(self.context.channels, f"ln {self.context.unit}^2")

    def _energies(self, builder: GraphBuilder) -> GraphValue:
        """Write [batch, channels, bands]."""
        return _energies(centred(builder).transpose(0, 2, 1), self.samples, self._bands())

    def _bands(self) -> bands.Bands:
        return bands.below(self.samples, self.context.rate_hz, self.context.lowpass_hz)


class CoarseSpectrum(Spectrum):
    """The same in fewer bands: what tells the states of a machine apart, from few windows of each."""

    name = "coarse_spectrum"

    def _bands(self) -> bands.Bands:
        return bands.below(self.samples, self.context.rate_hz, self.context.lowpass_hz, COARSE)


class Ratios(Spectrum):
    """Log of each band's share in the energy of all bands: the shape of a spectrum, whatever its level.

    A machine that only becomes louder keeps its ratios; a fault that only raises the level is not seen.
    """

    name = "ratios"

    def __init__(self, samples: int, context: FitContext) -> None:
        """Prepare for windows of `samples` rows. Raises FitError where there is one band only."""
        super().__init__(samples, context)
        if len(self._bands().edges_hz) < 3:
            raise FitError(
                f"windows of {samples} samples have a single band, and no ratios",
                remedy="Give longer windows, or leave the ratios out",
            )

    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write [batch, channels x bands]: all bands of the first channel, then of the next."""
        energies = self._energies(builder)
        return (energies.log() - energies.sum(keep=True).log()).reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each band of each channel, as a share."""
        named = tuple(f"{channel} share of" for channel in self.context.channels)
        return self._bands().features(named, "ln 1")


class Thirds(Spectrum):
    """Log of the energy in third octaves: a fine low end, for shafts whose harmonics are the lowest lines.

    Lines of the spectrum are counted into the bands of IEC 61260-1; its filters are not imitated.
    """

    name = "thirds"

    def _bands(self) -> bands.Bands:
        return bands.thirds(self.samples, self.context.rate_hz, self.context.lowpass_hz)


class Lines(Spectrum):
    """Log of the energy of each of the lowest lines of the spectrum."""

    name = "lines"

    def _bands(self) -> bands.Bands:
        return bands.lowest_lines(self.samples, self.context.rate_hz, self.context.lowpass_hz)


class Welch(Spectrum):
    """Log of the mean energy in frequency bands of a window's eighths.

    Beside a front end that looks at the whole window: what is far above the shaft needs no fine lines, and a
    mean over parts is less noisy. Source: P. Welch, "The use of fast Fourier transform for the estimation of
    power spectra", IEEE Trans. Audio and Electroacoustics 15 (1967); parts that do not overlap.
    """

    name = "welch"

    def __init__(self, samples: int, context: FitContext) -> None:
        """Prepare for windows of `samples` rows. Raises FitError where they have no eighths to speak of."""
        super().__init__(samples, context)
        self._part = samples // PARTS
        if samples % PARTS or self._part < LEAST_PART:
            raise FitError(
                f"windows of {samples} samples have no {PARTS} parts of {LEAST_PART} samples or more",
                remedy=f"Give a multiple of {PARTS}, {PARTS * LEAST_PART} at least, or choose spectrum",
            )

    def _energies(self, builder: GraphBuilder) -> GraphValue:
        channels = len(self.context.channels)
        parts = centred(builder).transpose(0, 2, 1).reshape(0, channels * PARTS, self._part)
        energies = _energies(parts, self._part, self._bands())
        return energies.reshape(0, channels, PARTS, -1).mean((2,))

    def _bands(self) -> bands.Bands:
        return bands.below(self._part, self.context.rate_hz, self.context.lowpass_hz)


class Envelope(FrontEnd):
    """Log energies of the envelope's spectrum, 10 to 1000 Hz, Hann window: how often impacts repeat.

    An impact excites the structure's resonances and repeats at the frequency of the fault. The signal from
    1000 Hz up to the band limit is kept, or all of it where that is less than an octave; the magnitude of
    its analytic signal (Hilbert transform) is the envelope. Source: McFadden and Smith, "Vibration monitoring
    of rolling element bearings by the high-frequency resonance technique", Tribology International 17 (1984).
    """

    name = "envelope"

    def __init__(self, samples: int, context: FitContext) -> None:
        """Prepare for windows of `samples` rows. Raises FitError where they hold no line of 10 to 1000 Hz."""
        super().__init__(samples, context)
        self._bands = bands.between(samples, context.rate_hz, *ENVELOPE_HZ)

    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write [batch, channels x bands]: all bands of the first channel, then of the next."""
        signals = centred(builder).transpose(0, 2, 1)
        rate_hz, limit_hz = self.context.rate_hz, self.context.lowpass_hz
        gains = bands.carrier(self.samples, rate_hz, limit_hz, ENVELOPE_HZ[1])
        envelope = fourier.magnitude(signals, self.samples, gains)
        centre = envelope.mean(keep=True)
        return _energies(envelope - centre, self.samples, self._bands).log().reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each band of each channel's envelope."""
        named = tuple(f"{channel} envelope" for channel in self.context.channels)
        return self._bands.features(named, f"ln {self.context.unit}^2")


def _energies(signals: GraphValue, samples: int, within: bands.Bands) -> GraphValue:
    """Write the mean square in each band of signals [batch, channels, samples]: [batch, channels, bands]."""
    taper = np.hanning(samples + 1)[:-1]
    shares = within.matrix(samples) / float(np.square(taper).mean())
    power = fourier.power_spectrum(signals, samples, taper)
    return power @ power.builder.compact(shares, like=power) + FLOOR**2
