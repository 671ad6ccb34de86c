"""How fast a shaft turns, from its vibration alone: the comb of its harmonics, or one line of its own."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis.line_spectrum import LEAST_BINS, LineSpectrum, median_around
from edge_runtime.analysis.diagnosis.machine import SpeedRange
from edge_runtime.analysis.diagnosis.named_line import judge_line

_HARMONICS: Final = 12
"""Of the comb. A judgement: imbalance, misalignment and blades give the first dozen; the more, the finer."""
_STRONGEST: Final = 20.0
"""Times its surroundings that one line counts at most: a comb is many lines, not one of a motor's slots."""
_BACKGROUND_HZ: Final = 6.0
"""To either side, about a fifth of the lowest speeds: a line's surroundings hold no other one of the comb."""
_STEPS: Final = 2
"""Speeds tried for each bin of the highest harmonic."""
SAME: Final = 0.01
"""Speeds that differ by less are one: the comb's line is so wide at the ends of the range."""
_SURE: Final = 1.15
"""So many times the score of any other speed."""
_LEAST: Final = 0.8
"""Mean logarithm of the comb's lines over their surroundings, from which on it is one; noise comes to 0.65.
Both from the drive-end recordings of Case Western Reserve University, 131 of 5 s each: in 119 the speed is
sure, in 115 of them it is the stated one within 0.35 %, in all within 1.4 %; of 120 recordings of noise none
is."""
_GRIDS_HZ: Final = (50.0, 60.0)
"""A comb or a line at such a frequency, or its double, may be the mains'."""

_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShaftSpeed:
    """A speed that was looked for within a range."""

    hz: float
    """Where the comb fits best."""
    sure: bool
    """Whether it fits clearly better there than at any other speed of the range, or is the one line in it."""


def shaft_speed(samples: _Values, rate_hz: float, low_hz: float, high_hz: float) -> ShaftSpeed:
    """Find the speed between two of one channel [n]; they are to differ by less than the double."""
    spectrum = np.abs(np.fft.rfft((samples - samples.mean()) * np.hanning(len(samples))))
    step_hz = rate_hz / len(samples)
    half = max(LEAST_BINS, round(_BACKGROUND_HZ / step_hz))
    harmonics = min(_HARMONICS, int((rate_hz / 2 / step_hz - half) * step_hz / high_hz))
    if harmonics < 1:
        return ShaftSpeed((low_hz + high_hz) / 2, False)
    spectrum = spectrum[: int(harmonics * high_hz / step_hz) + 2 * half]
    background = median_around(spectrum, step_hz, _BACKGROUND_HZ)
    heights = np.log(np.clip(spectrum / background, 1, _STRONGEST))
    speeds = np.arange(low_hz, high_hz, step_hz / harmonics / _STEPS)
    scores = np.zeros(len(speeds))
    for order in range(1, harmonics + 1):
        below = (order * speeds / step_hz).astype(np.intp)
        scores += np.maximum(heights[below], heights[below + 1])
    best = int(np.argmax(scores))
    others = scores[np.abs(speeds / speeds[best] - 1) > SAME]
    least = max(_LEAST * harmonics, _SURE * others.max(initial=0))
    return ShaftSpeed(float(speeds[best]), bool(others.size and scores[best] > least))


def turning(
    samples: _Values, rate_hz: float, vibration: LineSpectrum, within: SpeedRange, mains_hz: float | None
) -> ShaftSpeed:
    """Find the speed of a shaft that turns within a range, from its samples [n] and their spectrum.

    Where a speed is stated that is known within 5 %, the one line there that counts will do, or else the
    stated one is returned as not sure. In a wider range the comb has to have lines that count at 1x and at 2x
    or 3x: that of a bearing's cage has been taken for one.
    """
    found = shaft_speed(samples, rate_hz, within.low_hz, within.high_hz)
    stated_hz = within.stated_hz
    if found.sure and not _of_the_mains(vibration, found.hz, mains_hz):
        doubts = [judge_line(vibration, order * found.hz, found.hz)[2] for order in (1, 2, 3)]
        if stated_hz is not None or (not doubts[0] and not all(doubts[1:])):
            return found
    if stated_hz is None:
        return ShaftSpeed((within.low_hz + within.high_hz) / 2, False)
    hz, _, doubt = judge_line(vibration, stated_hz, stated_hz, within.high_hz / stated_hz - 1)
    if doubt or _of_the_mains(vibration, hz, mains_hz):
        return ShaftSpeed(stated_hz, False)
    return ShaftSpeed(hz, True)


def _of_the_mains(vibration: LineSpectrum, hz: float, mains_hz: float | None) -> bool:
    grids = _GRIDS_HZ if mains_hz is None else (mains_hz,)
    return any(abs(hz - times * grid) <= 2 * vibration.step_hz for grid in grids for times in (1, 2))
