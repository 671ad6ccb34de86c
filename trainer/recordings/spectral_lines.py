"""Spectral lines as a machine's signature: do those of two recordings lie at the same frequencies?

A recording whose stated rate is wrong by a factor has its lines wrong by that factor. On a logarithmic
frequency axis the factor is a shift, found by correlation.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording

Floats = NDArray[np.float64]

RATIOS: Final = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0, 4.0)
"""Factors that rates are mistaken by: of decimation, of 48, 44.1 and 32 kHz families."""
_STEP: Final = 0.002
_AXIS: Final[Floats] = np.exp(np.arange(math.log(20.0), math.log(5000.0), _STEP))
_SLACK: Final = 8
"""Steps of shift that speeds may differ by: 1.6 %."""
_SPECTRUM_S: Final = 4.0
_BACKGROUND: Final = 101
_HIGHEST: Final = 4.0
_OTHERS: Final = 6
_CLEAR: Final = 0.2
_MARGIN: Final = 0.12
_LEAST_S: Final = 1.0


def misplaced(recordings: Sequence[Recording]) -> Iterator[tuple[Recording, float, int]]:
    """Find recordings whose lines lie at another place than those of others of their condition.

    Gives the recording, its lines' frequencies over those of the others, and how many others there were.
    Normal recordings are compared with faulty ones of the same condition, or with each other. Recordings
    shorter than a second have no lines to speak of.
    """
    usable = [item for item in recordings if item.duration_s >= _LEAST_S]
    spectra = {id(item): signature(item) for item in usable}
    for item in usable:
        others = _others(item, usable)
        if item.label != NORMAL or not others:
            continue
        agreement = np.mean([_agreement(spectra[id(item)], spectra[id(other)]) for other in others], axis=0)
        best, plain = int(np.argmax(agreement)), agreement[RATIOS.index(1.0)]
        if agreement[best] > max(_CLEAR, plain + _MARGIN):
            yield item, RATIOS[best], len(others)


def signature(recording: Recording) -> Floats:
    """Lines above their surroundings, in nepers, on a logarithmic frequency axis; NaN beyond the band."""
    values = recording.samples[:, 0].astype(np.float64)
    length = min(len(values), int(recording.rate_hz * _SPECTRUM_S))
    frequency, power = signal.welch(values, recording.rate_hz, nperseg=length)
    level = np.interp(_AXIS, frequency, np.log(power + 1e-30))
    above = np.clip(level - ndimage.median_filter(level, _BACKGROUND), 0.0, _HIGHEST)
    top_hz = min(0.45 * recording.rate_hz, recording.lowpass_hz or math.inf)
    return np.where(top_hz > _AXIS, above, np.nan)


def _others(item: Recording, usable: Sequence[Recording]) -> list[Recording]:
    others = [other for other in usable if other.label != item.label and other.condition == item.condition]
    if not others:
        others = [other for other in usable if other is not item and other.condition == item.condition]
    return others[:_OTHERS]


def _agreement(one: Floats, other: Floats) -> Floats:
    shifts = [round(math.log(ratio) / _STEP) for ratio in RATIOS]
    slack = range(-_SLACK, _SLACK + 1)
    return np.array([max(_correlation(one, other, shift + more) for more in slack) for shift in shifts])


def _correlation(one: Floats, other: Floats, shift: int) -> float:
    # Positive shift: the lines of `one` lie that many steps higher.
    a, b = (one[shift:], other[: len(other) - shift]) if shift >= 0 else (one[:shift], other[-shift:])
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < len(_AXIS) // 4:
        return 0.0
    a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
    return float(a @ b / math.sqrt(float(a @ a) * float(b @ b) + 1e-12))
