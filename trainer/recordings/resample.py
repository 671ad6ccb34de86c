"""From the recorder's rate and bandwidth to the detector's: zero phase, in float64.

Lengths of filters are set by Kaiser's formula for 80 dB (Kaiser 1974, "Nonrecursive digital filter design
using the I0-sinh window function"). Where a filter reaches past the recording's ends nothing is computed: the
samples there are dropped, never invented.
"""

from collections.abc import Iterable, Iterator
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
    blocks: Iterable[ParsedSamples], rate_hz: float, target_hz: float, lowpass_hz: float | None
) -> Iterator[ParsedSamples]:
    """Resample blocks [samples, channels] of one recording, then limit the band to `lowpass_hz` (-6 dB
    point).

    The anti-aliasing filter ends at half the target rate; nothing else is removed, and the mean is kept.
    Nothing is yielded of a recording shorter than the filters. Raises ValueError as `ratio` does.
    """
    share = ratio(rate_hz, target_hz)
    made = iter(blocks) if share == 1 else stretched(blocks, share)
    return made if lowpass_hz is None else limited(made, target_hz, lowpass_hz)


def stretched(blocks: Iterable[ParsedSamples], share: Fraction) -> Iterator[ParsedSamples]:
    """Resample blocks of one recording, as `stretch` does of one block."""
    up, down = share.numerator, share.denominator
    overlap = -(-(len(_anti_aliasing(share)) + down) // up) + down
    held: ParsedSamples | None = None
    for block in blocks:
        held = block if held is None else np.concatenate([held, block])
        # Whole periods of the two rates, so that the next block goes on in phase.
        done = (len(held) - overlap) // down * down
        if done > overlap:
            yield stretch(held[: done + overlap], share)[: done * up // down]
            held = held[done:]
    if held is not None:
        yield stretch(held, share)


def limited(blocks: Iterable[ParsedSamples], rate_hz: float, lowpass_hz: float) -> Iterator[ParsedSamples]:
    """Limit the band of blocks of one recording, as `limit` does of one block."""
    held: ParsedSamples | None = None
    for block in blocks:
        held = block if held is None else np.concatenate([held, block])
        made = limit(held, rate_hz, lowpass_hz)
        if len(made):
            yield made
            held = held[len(made) :]


def stretch(values: ParsedSamples, share: Fraction) -> ParsedSamples:
    """Resample [samples, channels] to `share` times as many samples of the same waveform, without aliases."""
    up, down = share.numerator, share.denominator
    taps = _anti_aliasing(share)
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


def _anti_aliasing(share: Fraction) -> ParsedSamples:
    # As a share of half the rate that the filter works at, which is `numerator` times the recorded one.
    edge = 1.0 / max(share.numerator, share.denominator)
    return _kaiser(edge * (1 - _TRANSITION / 2), edge * _TRANSITION)


def _kaiser(edge: float, width: float) -> ParsedSamples:
    # `edge` and `width` as shares of half the rate. An odd length has a whole delay, so zero phase.
    length, beta = scipy.signal.kaiserord(_ATTENUATION_DB, min(width, 2 * (1 - edge)))
    return np.asarray(scipy.signal.firwin(length | 1, edge, window=("kaiser", beta)), dtype=np.float64)
