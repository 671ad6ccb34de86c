"""Spectral lines as a machine's signature: do those of two recordings lie at the same frequencies?

A recording whose stated rate is wrong by a factor has its lines wrong by that factor. On a logarithmic
frequency axis the factor is a shift, found by correlation.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from trainer.recordings.folds import parts
from trainer.recordings.labels import NORMAL
from trainer.recordings.power_density import welch
from trainer.recordings.recording import Recording

Floats = NDArray[np.float64]
Spectrum = NDArray[np.complex128]

RATIOS: Final = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0, 4.0)
"""Factors that rates are mistaken by: of decimation, and of the 48, 44.1 and 32 kHz families."""
STEP: Final = 0.002
"""Of the logarithmic frequency, 0.2 %: finer than the lines of a spectrum of 4 s below 125 Hz."""
AXIS: Final[Floats] = np.exp(np.arange(math.log(20.0), math.log(5000.0), STEP))
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
_PADDED: Final = 8192
"""Points of a transform: more than two axes."""
_COMMON_SHARE: Final = 1 / 4
"""Of the axis that two spectra must share for a correlation."""


def misplaced(recordings: Sequence[Recording]) -> Iterator[tuple[Recording, float, int]]:
    """Find recordings whose lines lie at other frequencies than those of others of their condition.

    Yields the recording, its lines' frequencies over those of the others, and the number of others. Normal
    recordings are compared with faulty ones of the same condition, or with each other. Recordings shorter
    than a second, or too slow for any line, are left out.
    """
    usable = [item for item in recordings if item.duration_s >= _LEAST_S and _top_hz(item) > AXIS[0]]
    spectra = {id(item): signature(item) for item in usable}
    shifts = [round(math.log(ratio) / STEP) for ratio in RATIOS]
    compared: dict[int, TransformedSignature] = {}  # of the few that others are compared with
    groups: dict[str, list[Recording]] = {}
    for item in usable:
        groups.setdefault(item.condition, []).append(item)
    for item in usable:
        alike = [other for other in groups[item.condition] if other is not item]
        others = ([other for other in alike if other.label != item.label] or alike)[:_OTHERS]
        if item.label != NORMAL or not others:
            continue
        compared |= {
            id(each): TransformedSignature.of(spectra[id(each)])
            for each in others
            if id(each) not in compared
        }
        line = TransformedSignature.of(spectra[id(item)])
        agreements = [best_correlations(line, compared[id(other)], shifts) for other in others]
        agreement = np.mean(agreements, axis=0)
        best, unshifted = int(np.argmax(agreement)), agreement[RATIOS.index(1.0)]
        if agreement[best] > max(_CLEAR, unshifted + _MARGIN):
            yield item, RATIOS[best], len(others)


def signature(recording: Recording) -> Floats:
    """Height of lines above their background, nepers, on a logarithmic frequency axis; NaN above the band."""
    frequency, power = spectrum(recording, min(len(recording.stored), int(recording.rate_hz * _SPECTRUM_S)))
    level = np.interp(AXIS, frequency, np.log(power + 1e-30))
    above = np.clip(level - scipy.ndimage.median_filter(level, _BACKGROUND), 0.0, _HIGHEST)
    return np.where(_top_hz(recording) > AXIS, above, np.nan)


def spectrum(recording: Recording, length: int) -> tuple[Floats, Floats]:
    """Frequencies in Hz and power density of the first channel, of segments of `length` with half overlap.

    By Welch, "The use of fast Fourier transform for the estimation of power spectra", 1967.
    """
    frequency, power, count = np.empty(0), np.zeros(length // 2 + 1), 0
    for part in parts(recording, length, max(1, length - length // 2)):
        values = part.samples[:, 0].astype(np.float64)
        segments = max(1, (len(values) - length // 2) // max(1, length - length // 2))
        frequency, found = welch(values, recording.rate_hz, length)
        power, count = power + segments * found, count + segments
    return frequency, power / count


def _top_hz(recording: Recording) -> float:
    """Frequency up to which lines are lines: slow sensors have none on the axis."""
    return min(0.45 * recording.rate_hz, recording.lowpass_hz or math.inf)


@dataclass(frozen=True, slots=True)
class TransformedSignature:
    """Transforms by which two signatures are compared at all shifts at once."""

    mask: Spectrum
    """Of where the signature is known."""
    values: Spectrum
    """0 where it is not."""
    squares: Spectrum

    @classmethod
    def of(cls, found: Floats) -> "TransformedSignature":
        """Transform a signature, padded so that no shift comes round."""
        known = np.isfinite(found)
        values = np.where(known, found, 0.0)
        return cls(*(scipy.fft.rfft(part, _PADDED) for part in (known.astype(np.float64), values, values**2)))


def best_correlations(
    one: TransformedSignature, other: TransformedSignature, shifts: Sequence[int]
) -> list[float]:
    """Largest correlation near each shift; at positive ones the lines of `one` lie that many steps higher.

    Means are those of what two spectra share, and so differ from shift to shift.
    """

    def at_shifts(a: Spectrum, b: Spectrum) -> Floats:
        return np.asarray(scipy.fft.irfft(a * b.conj(), _PADDED))

    count = np.maximum(at_shifts(one.mask, other.mask), 1.0)
    a, b = at_shifts(one.values, other.mask), at_shifts(one.mask, other.values)
    both = at_shifts(one.values, other.values) - a * b / count
    power = at_shifts(one.squares, other.mask) - a * a / count
    power *= at_shifts(one.mask, other.squares) - b * b / count
    found = np.where(
        count < len(AXIS) * _COMMON_SHARE - 0.5, 0.0, both / np.sqrt(np.maximum(power, 0.0) + 1e-12)
    )
    # A shift below 0 stands at the end.
    return [float(found[np.arange(centre - _SLACK, centre + _SLACK + 1)].max()) for centre in shifts]
