"""Knocks: what a damaged bearing or tooth does to vibration, seen without knowing the machine when healthy.

Two signs. Kurtosis: healthy vibration is nearly Gaussian, 3, and single knocks stand out of it. And the
envelope of knocks has lines at the rate of the knocks and its harmonics with sidebands a turn apart, at
multiples of the speed that are no whole numbers (Randall and Antoni, "Rolling element bearing diagnostics: a
tutorial", Mech. Syst. Signal Process. 25, 2011); what turns with the shaft has whole ones. The speed is found
in the vibration itself.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import scipy

from trainer.recordings.folds import condition_names
from trainer.recordings.labels import NORMAL
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import Recording
from trainer.recordings.spectral_lines import Floats

_KURTOSIS: Final = 3.7
"""Measured: the healthy recordings of CWRU have at most 3.1, 50 of 65 faulty ones more than 3.7. Handbooks
call 4 and more damage. A machine may knock and be well: the bearings of IMS have up to 6 when new, in
snapshots of a second, which are not judged. A person may accept it."""
_BLOCK_S: Final = 1.0
"""The median block of so many seconds counts: one blow beside the machine is not the machine."""
_FAMILY: Final = 2.5
"""Measured: healthy recordings of CWRU reach 1.7 at the drive end and 2.4 at the fan end, and nine of the 15
faulty ones that do not knock exceed 2.5."""
_LEAST_RATE_HZ: Final = 5000.0
"""Housings ring from 1 kHz on: at lower rates neither knocks nor their envelope are in the band."""
_LEAST_S: Final = 4.0
_MOST_S: Final = 10.0
"""Seconds that are looked at: a segment at least, and no more than the speed stays the same."""
_SEGMENT_S: Final = 4.0
"""Lines of a quarter of a hertz: knocks slip by 1 %, so that finer ones would not gather more of them."""
_ENVELOPE_FROM_HZ: Final = 500.0
"""Below it are the lines of the shaft and the mains themselves."""
_BAND_END: Final = 0.8
"""Of half the rate, or 0.96 of the low pass: beyond it is the filter."""
_LOWPASS_END: Final = 0.96
_LINES_TO_HZ: Final = (800.0, 420.0)
"""How far lines are looked for, in vibration and in its envelope: 12 turns of a fast motor's shaft."""
_FLOOR_HZ: Final = 20.0
"""Width over which the median is taken that a line stands out of."""
_SPEEDS_HZ: Final = np.arange(10.0, 65.0, 0.02)
"""Speeds that are tried: from 600 to 3900 turns a minute, as motors on mains and converters have them."""
_HARMONICS: Final = (12, 8)
"""Of the speed that count, in vibration and in its envelope."""
_MAINS_HZ: Final = (50.0, 60.0)
_MAINS_WIDTH_HZ: Final = 0.6
_WHOLE: Final = (0.5, 0.011)
"""Hertz, and share of the frequency, by which a line may be off a multiple of the speed: what the speed
itself is uncertain by."""
_TALLEST: Final = 2.5
"""Of the logarithm of a line over its floor: one line alone makes no family."""
_KNOCKS: Final = np.arange(2.0, 7.0, 0.0007)
"""Knocks a turn that are tried: of the bearings in use the races give 2.5 to 7."""


def knocking(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Conditions in which a channel knocks, or its envelope has a family of lines that no shaft makes."""
    normal = [item for item in recordings if item.label == NORMAL and item.rate_hz >= _LEAST_RATE_HZ]
    for name in condition_names(normal):
        item = max((item for item in normal if item.condition == name), key=lambda item: len(item.stored))
        if item.duration_s < _LEAST_S:
            continue
        middle = int(min(item.duration_s, _MOST_S) * item.rate_hz)
        start = (len(item.stored) - middle) // 2
        samples = item.samples[start : start + middle].astype(np.float64)
        for channel, column in zip(item.channels, samples.T, strict=True):
            if (found := median_kurtosis(column, item.rate_hz)) > _KURTOSIS:
                yield _problem(name, f"channel {channel} knocks: its kurtosis is {found:.1f}, healthy is 3")
                break
            height, order, speed_hz = knock_family(column, item.rate_hz, item.lowpass_hz)
            if height > _FAMILY:
                yield _problem(
                    name,
                    f"the envelope of channel {channel} has a family of lines {order:.2f} times a turn "
                    f"({order * speed_hz:.1f} Hz at {60 * speed_hz:.0f} turns a minute), as a damaged "
                    "bearing has",
                )
                break


def median_kurtosis(values: Floats, rate_hz: float) -> float:
    """Kurtosis (3: Gaussian) of the median second of [samples]; 3 where there is less than a second."""
    length = int(_BLOCK_S * rate_hz)
    blocks = values[: len(values) // length * length].reshape(-1, length)
    if not len(blocks):
        return 3.0
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    power = np.maximum(np.square(centred).mean(axis=1), 1e-30)
    return float(np.median((centred**4).mean(axis=1) / np.square(power)))


def knock_family(values: Floats, rate_hz: float, lowpass_hz: float | None) -> tuple[float, float, float]:
    """How far a family of lines that are no multiples of the speed stands out of the envelope of [samples].

    Returns its mean height, of logarithms, the knocks a turn, and the speed in Hz. It takes four seconds at
    5 kHz.
    """
    end_hz = _LOWPASS_END * lowpass_hz if lowpass_hz else _BAND_END * rate_hz / 2
    envelope = _envelope(values - values.mean(), rate_hz, end_hz)
    lines = [
        _lines(signal, rate_hz, to_hz)
        for signal, to_hz in zip((values - values.mean(), envelope), _LINES_TO_HZ, strict=True)
    ]
    speed_hz = _speed(lines)
    height, order = _family(*lines[1], speed_hz)
    return height, order, speed_hz


def _envelope(values: Floats, rate_hz: float, end_hz: float) -> Floats:
    """Squared envelope of a band, by the analytic signal, less its mean and relative to it."""
    hz = np.fft.fftfreq(len(values), 1 / rate_hz)
    spectrum = np.where((hz > _ENVELOPE_FROM_HZ) & (hz < end_hz), 2 * np.fft.fft(values), 0)
    power = np.square(np.abs(np.fft.ifft(spectrum)))
    return np.asarray(power / max(float(power.mean()), 1e-30) - 1)


def _lines(values: Floats, rate_hz: float, to_hz: float) -> tuple[Floats, Floats]:
    """Frequencies, and how far each stands out of its surroundings: logarithms, at least 0."""
    length = int(_SEGMENT_S * rate_hz)
    taper = np.hanning(length)
    starts = range(0, len(values) - length + 1, length // 2)
    parts = [np.square(np.abs(np.fft.rfft(values[at : at + length] * taper))) for at in starts]
    hz: Floats = np.fft.rfftfreq(length, 1 / rate_hz).astype(np.float64)
    height: Floats = np.sqrt(np.sum(parts, axis=0))[hz <= to_hz]
    floor = scipy.ndimage.median_filter(height, size=int(_FLOOR_HZ * _SEGMENT_S) | 1, mode="reflect")
    return hz[hz <= to_hz], np.log(np.maximum(height / np.maximum(floor, 1e-30), 1.0))


def _speed(lines: Sequence[tuple[Floats, Floats]]) -> float:
    """The speed in Hz whose multiples stand out most, in vibration and envelope."""
    score = np.zeros(len(_SPEEDS_HZ))
    for (hz, height), harmonics in zip(lines, _HARMONICS, strict=True):
        for order in range(1, harmonics + 1):
            score += np.interp(order * _SPEEDS_HZ, hz, np.minimum(height, 3.0), right=0.0) / harmonics
    return float(_SPEEDS_HZ[score.argmax()])


def _family(hz: Floats, height: Floats, speed_hz: float) -> tuple[float, float]:
    """Mean height of three harmonics, and of their sidebands a turn apart; and how many knocks a turn."""
    width, share = _WHOLE
    whole = np.abs(hz - speed_hz * np.round(hz / speed_hz)) < width + share * hz
    for mains_hz in _MAINS_HZ:
        whole |= np.abs(hz - mains_hz * np.round(hz / mains_hz)) < _MAINS_WIDTH_HZ
    left = np.minimum(scipy.ndimage.maximum_filter1d(np.where(whole, 0, height), 3), _TALLEST)

    def at(orders: Floats) -> Floats:
        return np.asarray(np.interp(orders * speed_hz, hz, left, right=0.0))

    found = np.mean([at(harmonic * _KNOCKS) for harmonic in (1, 2, 3)], axis=0)
    found += np.mean([at(harmonic * _KNOCKS + side) for harmonic in (1, 2) for side in (-1, 1)], axis=0)
    place = int(np.argmax(found))
    return float(found[place]), float(_KNOCKS[place])


def _problem(condition: str, what: str) -> RecordingProblem:
    return RecordingProblem(
        "knocking",
        True,
        what,
        condition,
        "A damaged bearing or tooth looks like this: have it looked at before this counts as normal",
    )
