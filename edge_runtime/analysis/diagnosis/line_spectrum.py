"""Where lines stand out of a spectrum, and by how much: `LineSpectrum`."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_BINS: Final = 20
"""Of each side of a line's surroundings, where the recording is short."""
_WIDTH: Final = 0.75
"""Bins by which a line may be off at least: half of one because it lies between two, and what a speed that
was found in such bins is uncertain by."""
LOBE: Final = 2
"""Bins to either side that a line itself fills, with the Hann window."""
_SMEAR: Final = 0.002
"""Share of its frequency that it fills to either side where the speed moves a little while it is recorded."""

_Values = NDArray[np.float64]


def median_around(amplitudes: _Values, step_hz: float, to_either_side_hz: float) -> _Values:
    """The median round each bin, from blocks that overlap by half: the same everywhere to some percent."""
    half = max(LEAST_BINS, round(to_either_side_hz / step_hz))
    centres = np.arange(half, max(half + 1, len(amplitudes) - half), half)
    medians = [np.median(amplitudes[max(1, centre - half) : centre + half]) for centre in centres]
    return np.maximum(np.interp(np.arange(len(amplitudes)), centres, medians), np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class LineSpectrum:
    """How far each frequency stands out."""

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

    def near(self, hz: float, tolerance: float) -> tuple[float, float]:
        """As `line`, of the bins that lie within `tolerance` or, where that is finer, are next to `hz`.

        The frequency is that between two bins which the Hann window's shape gives.
        """
        off_hz = max(tolerance * hz, _WIDTH * self.step_hz)
        first = max(1, math.ceil((hz - off_hz) / self.step_hz))
        part = self.strengths[first : math.floor((hz + off_hz) / self.step_hz) + 1]
        if not part.size:
            return hz, 0.0
        at = int(np.argmax(part))
        return self._between(first + at) * self.step_hz, float(part[at])

    def _between(self, at: int) -> float:
        """Where a line is that is strongest in this bin: d bins off it is in both as (1 + d) to (2 - d)."""
        if at + 1 >= len(self.strengths):
            return at
        side = 1 if self.strengths[at + 1] >= self.strengths[at - 1] else -1
        ratio = float(self.strengths[at + side] / self.strengths[at]) if self.strengths[at] else 0.0
        return at + side * float(np.clip((2 * ratio - 1) / (ratio + 1), 0.0, 0.5))

    def over_others(self, hz: float, apart_hz: float) -> float:
        """How many times the strongest other bin within `apart_hz` to either side the line at `hz` is."""
        at, own = round(hz / self.step_hz), max(LOBE, round(_SMEAR * hz / self.step_hz))
        apart = max(2 * own, int(apart_hz / self.step_hz))
        below = self.strengths[max(1, at - apart) : max(1, at - own)]
        above = self.strengths[at + own + 1 : at + apart + 1]
        other = max(below.max(initial=0.0), above.max(initial=0.0), float(np.finfo(np.float64).tiny))
        return float(self.strengths[at] / other)
