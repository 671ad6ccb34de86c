"""Frequency bands: which coefficients of a spectrum belong together, and their names."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Feature
from trainer.core import FitError
from trainer.graphs import fourier

COUNT: Final = 24
"""Bands at most. A judgement: enough to separate a machine's lines, few enough that a covariance of three
channels' bands needs some hundred windows only."""
_LEAST_NAME_STEPS: Final = 2
"""Steps of a band's width in its name, so that rounded edges of neighbours differ."""
_THIRDS: Final = 80
"""Third octaves below and above 1000 Hz: from 0.01 mHz to 100 GHz, more than any sensor."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands side by side; each frequency belongs to the one whose half-open range holds it."""

    edges_hz: tuple[float, ...]
    """Lower edge of each band, then the upper edge of the last."""
    rate_hz: float

    def matrix(self, samples: int) -> Floats:
        """Weights from squared DFT magnitudes to mean squares: float64 [coefficients, bands].

        Coefficients are in the order of `fourier_plan(samples).bins`; those outside all bands have weight 0.
        """
        plan = fourier.fourier_plan(samples)
        index = np.searchsorted(self.edges_hz, plan.bins * self.rate_hz / samples, side="right") - 1
        inside = index[:, np.newaxis] == np.arange(len(self.edges_hz) - 1)
        return np.asarray(inside * plan.weights[:, np.newaxis] / samples**2)

    def features(self, channels: tuple[str, ...], unit: str) -> tuple[Feature, ...]:
        """Name each band of each channel, in Hz; `unit` is that of the values."""
        spans = list(zip(self.edges_hz, self.edges_hz[1:], strict=False))
        # Slow machines have bands narrower than 2 Hz: whole numbers would name two of them alike.
        digits = max(0, math.ceil(math.log10(_LEAST_NAME_STEPS / min(high - low for low, high in spans))))
        return tuple(
            Feature(f"{channel} {low:.{digits}f}-{high:.{digits}f} Hz", unit, low, high)
            for channel in channels
            for low, high in spans
        )


def below(samples: int, rate_hz: float, limit_hz: float | None, most: int = COUNT) -> Bands:
    """Cut 0 to `limit_hz`, or to half the rate, into `most` bands of equal width, each at least one line
    wide."""
    nyquist_hz = rate_hz / 2
    top_hz = min(limit_hz or nyquist_hz, nyquist_hz)
    lines = max(int(top_hz * samples / rate_hz), 1)
    line_hz = rate_hz / samples
    # Edges lie between lines, so that rounding cannot move a line into the next band.
    cuts = np.unique(np.linspace(0, lines, min(most, lines) + 1).round()) + 0.5
    return Bands((0.0, *(float(cut) * line_hz for cut in cuts[1:])), rate_hz)


def thirds(samples: int, rate_hz: float, limit_hz: float | None) -> Bands:
    """Cut 0 to `limit_hz`, or to half the rate, into third octaves (IEC 61260-1, base 10), lowest first.

    Mid frequencies are 1000 x 10^(k / 10) Hz, edges a twentieth of a decade to either side. Everything below
    the lowest third that is a line wide is one band; the last one is cut at the limit.
    """
    line_hz = rate_hz / samples
    count = max(1, int(min(limit_hz or rate_hz / 2, rate_hz / 2) * samples / rate_hz))
    top_hz = (count + 0.5) * line_hz
    steps = np.arange(-_THIRDS, _THIRDS + 1)
    edges = 1000.0 * 10 ** ((steps - 0.5) / 10)
    inside = edges[(edges < top_hz) & (edges * (10**0.1 - 1) >= line_hz)]
    # An edge without a line above it before the next would make a band of nothing.
    lines = [np.ceil(edge / line_hz) for edge in (*inside, top_hz)]
    kept = [edge for edge, own, following in zip(inside, lines, lines[1:], strict=False) if own < following]
    return Bands((0.0, *(float(edge) for edge in kept if edge > line_hz), float(top_hz)), rate_hz)


def lowest_lines(samples: int, rate_hz: float, limit_hz: float | None) -> Bands:
    """One band for each of the lowest lines of the spectrum, the mean left out, as many as `COUNT`."""
    line_hz = rate_hz / samples
    count = max(1, min(COUNT, int(min(limit_hz or rate_hz / 2, rate_hz / 2) / line_hz)))
    return Bands(tuple(float(cut) * line_hz for cut in np.arange(count + 1) + 0.5), rate_hz)


def whole_band(samples: int, rate_hz: float, limit_hz: float | None) -> Bands:
    """Bands as of `below`, and one more for all above the limit: nothing is left out."""
    inner = below(samples, rate_hz, limit_hz)
    last_hz = samples // 2 * rate_hz / samples
    more = (last_hz + rate_hz / samples / 2,) if inner.edges_hz[-1] <= last_hz else ()
    return Bands(inner.edges_hz + more, rate_hz)


def between(samples: int, rate_hz: float, low_hz: float, high_hz: float) -> Bands:
    """Cut `low_hz` to `high_hz`, or to half the rate, into bands of equal width, each at least one line wide.

    Raises FitError where no line of the spectrum lies there.
    """
    line_hz = rate_hz / samples
    # A line on an edge belongs inside; six decimals hide the rounding of the quotient.
    first = max(math.ceil(round(low_hz * samples / rate_hz, 6)), 1)
    last = math.floor(min(round(high_hz * samples / rate_hz, 6), samples / 2))
    if last < first:
        raise FitError(
            f"{samples} samples at {rate_hz:g} Hz have no line between {low_hz:g} and {high_hz:g} Hz",
            remedy=f"Give windows of at least {math.ceil(rate_hz / high_hz)} samples and a rate above "
            f"{2 * low_hz:g} Hz, or leave the envelope out",
        )
    count = min(COUNT, last - first + 1)
    cuts = np.unique(np.linspace(first - 1, last, count + 1).round()) + 0.5
    return Bands(tuple(float(cut) * line_hz for cut in cuts), rate_hz)


def carrier(samples: int, rate_hz: float, limit_hz: float | None, low_hz: float) -> Floats:
    """Gains of the DFT's frequencies for the analytic signal of `low_hz` to `limit_hz`: float64 [samples].

    Negative frequencies have gain 0, positive ones 2; where less than an octave is left above `low_hz`,
    everything but the mean is kept.
    """
    top_hz = min(limit_hz or rate_hz, rate_hz / 2)
    lines_hz = np.arange(samples) * rate_hz / samples
    bottom_hz = low_hz if top_hz >= 2 * low_hz else rate_hz / samples / 2
    inside = (lines_hz >= bottom_hz) & (lines_hz <= top_hz)
    return np.where(inside, np.where(lines_hz < rate_hz / 2, 2.0, 1.0), 0.0)
