"""Spectral lines as a machine's signature: do those of two recordings lie at the same frequencies?

A recording whose stated rate is wrong by a factor has its lines wrong by that factor. On a logarithmic
frequency axis the factor is a shift, found by correlation.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording
from trainer.recordings.welch import welch

Floats = NDArray[np.float64]

RATIOS: Final = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0, 4.0)
"""Factors that rates are mistaken by: of decimation, and of the 48, 44.1 and 32 kHz families."""
_STEP: Final = 0.002
"""Of the logarithmic frequency, 0.2 %: finer than the lines of a spectrum of 4 s below 125 Hz."""
_AXIS: Final[Floats] = np.exp(np.arange(math.log(20.0), math.log(5000.0), _STEP))
"""Hz: a four-pole motor turns at 25 Hz on 50 Hz mains; gear and bearing lines are below 5 kHz."""
_SLACK: Final = 8
"""Steps of shift that speeds may differ by, 1.6 %: the slip of an induction motor under load."""
_SPECTRUM_S: Final = 4.0
"""Segment of a spectrum: lines are 0.25 Hz apart, and speed is steady for so long."""
_BACKGROUND: Final = 101
"""Steps of the running median, 20 % of the frequency: wider than a line, narrower than most resonances."""
_HIGHEST: Final = 4.0
"""Nepers: higher lines count as this, so that one strong line does not decide alone."""
_OTHERS: Final = 6
"""Recordings to compare with: more take longer and change the mean little."""
_CLEAR: Final = 0.2
_MARGIN: Final = 0.12
"""Correlation that another factor needs, and by how much it must exceed that of factor 1. With these all CWRU
baselines listed at a wrong rate are found, and no recording listed correctly, see the tests."""
_LEAST_S: Final = 1.0
"""Shorter recordings resolve too few lines."""
_COMMON_SHARE: Final = 1 / 4
"""Of the axis that two spectra must share for a correlation."""


def misplaced(recordings: Sequence[Recording]) -> Iterator[tuple[Recording, float, int]]:
    """Find recordings whose lines lie at other frequencies than those of others of their condition.

    Yields the recording, its lines' frequencies over those of the others, and the number of others. Normal
    recordings are compared with faulty ones of the same condition, or with each other. Recordings shorter
    than a second, or too slow for any line, are left out.
    """
    usable = [item for item in recordings if item.duration_s >= _LEAST_S and _top_hz(item) > _AXIS[0]]
    spectra = {id(item): signature(item) for item in usable}
    shifts = [round(math.log(ratio) / _STEP) for ratio in RATIOS]
    for item in usable:
        alike = [other for other in usable if other.condition == item.condition and other is not item]
        others = ([other for other in alike if other.label != item.label] or alike)[:_OTHERS]
        if item.label != NORMAL or not others:
            continue
        agreements = [
            [_best_correlation(spectra[id(item)], spectra[id(other)], shift) for shift in shifts]
            for other in others
        ]
        agreement = np.mean(agreements, axis=0)
        best, unshifted = int(np.argmax(agreement)), agreement[RATIOS.index(1.0)]
        if agreement[best] > max(_CLEAR, unshifted + _MARGIN):
            yield item, RATIOS[best], len(others)


def signature(recording: Recording) -> Floats:
    """Height of lines above their background, nepers, on a logarithmic frequency axis; NaN above the band."""
    values = recording.samples[:, 0].astype(np.float64)
    length = min(len(values), int(recording.rate_hz * _SPECTRUM_S))
    frequency, power = welch(values, recording.rate_hz, length)
    level = np.interp(_AXIS, frequency, np.log(power + 1e-30))
    above = np.clip(level - scipy.ndimage.median_filter(level, _BACKGROUND), 0.0, _HIGHEST)
    return np.where(_top_hz(recording) > _AXIS, above, np.nan)


def _top_hz(recording: Recording) -> float:
    """Frequency up to which lines are lines: slow sensors have none on the axis."""
    return min(0.45 * recording.rate_hz, recording.lowpass_hz or math.inf)


def _best_correlation(one: Floats, other: Floats, centre: int) -> float:
    """Largest correlation near a shift; at positive ones the lines of `one` lie that many steps higher."""
    found = []
    for shift in range(centre - _SLACK, centre + _SLACK + 1):
        a, b = (one[shift:], other[: len(other) - shift]) if shift >= 0 else (one[:shift], other[-shift:])
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() < len(_AXIS) * _COMMON_SHARE:
            found.append(0.0)
            continue
        a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
        found.append(float(a @ b / math.sqrt(float(a @ a) * float(b @ b) + 1e-12)))
    return max(found)
