"""What a recording was before filters and resampling, where a sensor's faults show; later they are smooth.

A signal that was cut off at the sensor's range overshoots once it is filtered, a value that was held is
interpolated, and nothing of either can be seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.formats import ParsedSamples

_SAME: Final = 1e-6
"""Of the largest value: float32 rounds at 6e-8, converters step at 1e-5 or more."""
_RUN: Final = 16
"""Equal values in a row that are kept: shorter runs are the counts of a coarse converter."""
_RUNS: Final = 1000
"""Runs kept of a channel, the longest: enough to name, few enough to hold."""
_HASHED: Final = 16
"""Readings of a hash: 16 of a few significant bits each make equal runs of different recordings unlikely."""
_ONE_IN: Final = 6
"""Bits of a hash that must be zero for it to be kept: one in 64, by what was recorded and not by where."""
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio (Knuth, "The Art of Computer Programming" 3, 6.4: multiplicative hashing)."""


_CLEARLY: Final = 4
"""Times as frequent as the next level: the top level of a sine in coarse steps is 2.4 times."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel, in the list's unit."""

    mean: float
    repeats: float
    """Share of values that are equal to the one before."""
    at_top: int
    """Values at the largest; 0 where the next lower ones are as frequent, as those of a coarse converter."""
    at_bottom: int
    """Values at the smallest, likewise."""
    runs: tuple[tuple[float, float], ...]
    """First and last second of the longest runs of one value."""
    whole: bool
    """Whether all values are whole numbers."""
    bottom: float
    top: float
    """The smallest and the largest value."""


@dataclass(frozen=True, slots=True, eq=False)
class AsRecorded:
    """What is kept of a recording as it was."""

    rate_hz: float
    duration_s: float
    channels: tuple[Channel, ...]
    prints: NDArray[np.uint64]
    """Hashes of runs of readings of the first channel, one in 64, sorted: equal ones are of equal samples."""


def look(values: ParsedSamples, rate_hz: float) -> AsRecorded:
    """Look at a recording [samples, channels] in the list's unit, at the rate it was recorded at."""
    channels = tuple(_channel(column, rate_hz) for column in np.ascontiguousarray(values.T))
    return AsRecorded(rate_hz, len(values) / rate_hz, channels, _prints(values[:, 0]))


def look_at_blocks(blocks: Iterable[ParsedSamples], rate_hz: float) -> AsRecorded:
    """Look at a recording that comes in blocks [samples, channels]; a run over two of them counts as two."""
    parts = [look(block, rate_hz) for block in blocks]
    if len(parts) == 1:
        return parts[0]
    begins_s = [0.0, *accumulate(part.duration_s for part in parts)]
    return AsRecorded(
        rate_hz,
        begins_s[-1],
        tuple(
            _joined(each, parts, begins_s) for each in zip(*(part.channels for part in parts), strict=True)
        ),
        np.unique(np.concatenate([part.prints for part in parts])),
    )


def _joined(parts: Sequence[Channel], of: Sequence[AsRecorded], begins_s: Sequence[float]) -> Channel:
    lengths = np.array([part.duration_s for part in of])
    bottom, top = min(part.bottom for part in parts), max(part.top for part in parts)
    slack = _SAME * max(abs(bottom), abs(top))
    runs = [
        (first + begin, last + begin)
        for part, begin in zip(parts, begins_s, strict=False)
        for first, last in part.runs
    ]
    longest = sorted(runs, key=lambda run: run[0] - run[1])[:_RUNS]
    return Channel(
        mean=float(np.average([part.mean for part in parts], weights=lengths)),
        repeats=float(np.average([part.repeats for part in parts], weights=lengths)),
        at_top=sum(part.at_top for part in parts if part.top >= top - slack),
        at_bottom=sum(part.at_bottom for part in parts if part.bottom <= bottom + slack),
        runs=tuple(sorted(longest)),
        whole=all(part.whole for part in parts),
        bottom=bottom,
        top=top,
    )


def _channel(column: ParsedSamples, rate_hz: float) -> Channel:
    same = column[1:] == column[:-1]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    runs = edges.reshape(-1, 2)  # places of the first and of the last value
    lengths = runs[:, 1] - runs[:, 0] + 1
    longest = np.argsort(-lengths, kind="stable")[:_RUNS]
    kept = np.sort(longest[lengths[longest] >= _RUN])
    slack = _SAME * float(np.abs(column).max())
    return Channel(
        mean=float(column.mean()),
        repeats=float(same.mean()) if len(same) else 0.0,
        at_top=_at_end(column, slack),
        at_bottom=_at_end(-column, slack),
        runs=tuple((float(first / rate_hz), float((last + 1) / rate_hz)) for first, last in runs[kept]),
        whole=bool((column == np.round(column)).all()),
        bottom=float(column.min()),
        top=float(column.max()),
    )


def _at_end(column: ParsedSamples, slack: float) -> int:
    """Count values at the largest, unless the next lower value is nearly as frequent."""
    top = float(column.max())
    there = int((column >= top - slack).sum())
    below = column[column < top - slack]
    if not len(below):
        return there
    second = float(below.max())
    return there if there > _CLEARLY * int((below >= second - slack).sum()) else 0


def _prints(column: ParsedSamples) -> NDArray[np.uint64]:
    bits = np.ascontiguousarray(column, dtype=np.float32).view(np.uint32).astype(np.uint64)
    count = max(0, len(bits) - _HASHED + 1)
    hashes = np.zeros(count, np.uint64)
    for offset in range(_HASHED):
        hashes = hashes * _MULTIPLIER + bits[offset : offset + count]
    chosen = hashes[(hashes * _MULTIPLIER) >> np.uint64(64 - _ONE_IN) == 0]
    return np.unique(chosen)
