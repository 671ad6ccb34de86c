"""From the recorder's rate and bandwidth to the detector's: zero phase, in float64.

Lengths of filters are set by Kaiser's formula for 80 dB (Kaiser 1974, "Nonrecursive digital filter design
using the I0-sinh window function"). Where a filter reaches past the recording's ends nothing is computed: the
samples there are dropped, never invented.
"""

from fractions import Fraction
from typing import Final

import numpy as np
import scipy

from trainer.formats import ParsedSamples

_ATTENUATION_DB: Final = 80.0
"""Of the stop band: aliases lie below the noise of 12-bit converters (74 dB) and of most sensors."""
_TRANSITION: Final = 0.1
"""Width of a filter's edge as a share of its frequency: narrower costs longer filters, wider costs band."""
_MAX_DENOMINATOR: Final = 1000
"""Of a ratio of rates: 44.1 to 48 kHz is 147 to 160; the filter's length grows with it."""
_RATIO_TOLERANCE: Final = 1e-6
"""Share that a ratio may be off: rates written with six digits still match."""


def ratio(rate_hz: float, target_hz: float) -> Fraction:
    """Target over recorded rate as a fraction of small whole numbers; rates in Hz.

    Raises ValueError where there is none within one part in a million, or where it would raise the rate.
    """
    wanted = Fraction(target_hz) / Fraction(rate_hz)
    found = wanted.limit_denominator(_MAX_DENOMINATOR)
    if found > 1:
        raise ValueError(f"cannot raise {rate_hz:g} Hz to {target_hz:g} Hz")
    if not found or abs(found / wanted - 1) > _RATIO_TOLERANCE:
        raise ValueError(
            f"cannot get from {rate_hz:g} Hz to {target_hz:g} Hz by a ratio of small whole numbers"
        )
    return found


def convert(
    values: ParsedSamples, rate_hz: float, target_hz: float, lowpass_hz: float | None
) -> ParsedSamples:
    """Resample [samples, channels] to `target_hz`, then limit the band to `lowpass_hz` (its -6 dB point).

    The anti-aliasing filter ends at half the target rate; nothing else is removed, and the mean is kept. The
    result is empty for a recording shorter than the filters. Raises ValueError as `ratio` does.
    """
    share = ratio(rate_hz, target_hz)
    if share != 1:
        values = stretch(values, share)
    return values if lowpass_hz is None else limit(values, target_hz, lowpass_hz)


def stretch(values: ParsedSamples, share: Fraction) -> ParsedSamples:
    """Resample [samples, channels] to `share` times as many samples of the same waveform, without aliases."""
    up, down = share.numerator, share.denominator
    # As a share of half the rate that the filter works at, which is `up` times the recorded one.
    edge = 1.0 / max(up, down)
    taps = _kaiser(edge * (1 - _TRANSITION / 2), edge * _TRANSITION)
    made = scipy.signal.upfirdn(up * taps, values, up, down, axis=0)
    whole = slice(-(-(len(taps) - 1) // down), (len(values) - 1) * up // down + 1)
    return np.asarray(made[whole], dtype=np.float64)


def limit(values: ParsedSamples, rate_hz: float, lowpass_hz: float) -> ParsedSamples:
    """Limit the band of [samples, channels] to `lowpass_hz`, its -6 dB point; empty when too short."""
    edge = 2 * lowpass_hz / rate_hz
    # Of 80 dB a filter has some ten over its width as taps: one of a very low edge would fill memory.
    if len(values) * _TRANSITION * edge < 1:
        return values[:0]
    taps = _kaiser(edge, _TRANSITION * edge)
    if len(values) < len(taps):
        return values[:0]
    return np.asarray(scipy.signal.oaconvolve(values, taps[:, np.newaxis], mode="valid", axes=0))


def _kaiser(edge: float, width: float) -> ParsedSamples:
    # `edge` and `width` as shares of half the rate. An odd length has a whole delay, so zero phase.
    length, beta = scipy.signal.kaiserord(_ATTENUATION_DB, min(width, 2 * (1 - edge)))
    return np.asarray(scipy.signal.firwin(length | 1, edge, window=("kaiser", beta)), dtype=np.float64)
