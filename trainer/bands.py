"""Frequency bands: which coefficients of a spectrum belong together, and what they are called."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.artefact import Feature
from trainer import fourier

COUNT: Final = 24
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands side by side; each frequency belongs to the one whose half-open range holds it."""

    edges_hz: tuple[float, ...]
    """Lower edge of each band, then the upper edge of the last."""
    rate_hz: float

    def matrix(self, samples: int) -> Floats:
        """Weights from squared DFT magnitudes to mean squares: [coefficients, bands].

        Coefficients are in the order of `fourier.power`; the rows of those outside all bands are zero.
        """
        cut = fourier.plan(samples)
        index = np.searchsorted(self.edges_hz, cut.bins * self.rate_hz / samples, side="right") - 1
        inside = index[:, np.newaxis] == np.arange(len(self.edges_hz) - 1)
        return np.asarray(inside * cut.weights[:, np.newaxis] / samples**2)

    def features(self, channels: tuple[str, ...], unit: str) -> tuple[Feature, ...]:
        """Name each band of each channel."""
        spans = list(zip(self.edges_hz, self.edges_hz[1:], strict=False))
        return tuple(
            Feature(f"{channel} {low:.0f}-{high:.0f} Hz", unit, low, high)
            for channel in channels
            for low, high in spans
        )


def below(samples: int, rate_hz: float, limit_hz: float | None) -> Bands:
    """Cut 0 to `limit_hz`, or to half the rate, into bands of equal width, each at least one line wide."""
    nyquist_hz = rate_hz / 2
    top_hz = min(limit_hz or nyquist_hz, nyquist_hz)
    lines = max(int(top_hz * samples / rate_hz), 1)
    line_hz = rate_hz / samples
    # Edges lie between lines, so that rounding cannot move a line into the next band.
    cuts = np.unique(np.linspace(0, lines, min(COUNT, lines) + 1).round()) + 0.5
    return Bands((0.0, *(float(cut) * line_hz for cut in cuts[1:])), rate_hz)


def everything(samples: int, rate_hz: float, limit_hz: float | None) -> Bands:
    """Cut as `below`, and put what lies above the limit into one more band: nothing is left out."""
    inner = below(samples, rate_hz, limit_hz)
    last_hz = samples // 2 * rate_hz / samples
    more = (last_hz + rate_hz / samples / 2,) if inner.edges_hz[-1] <= last_hz else ()
    return Bands(inner.edges_hz + more, rate_hz)
