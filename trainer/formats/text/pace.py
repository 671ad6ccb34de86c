"""Whether a column goes on evenly, as time and counters do, by its first numbers: its pace.

Stamps may be coarser than the samples, such as whole milliseconds at 1600 Hz, and jitter; some samples may be
missing. Found are the step, how finely the column is written, and from which step on samples are missing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from trainer.formats.contract import ParsedSamples

FEWEST: Final = 16
"""Rows: in fewer a signal may rise by chance, 1 in 2^15."""
_LOOKED_AT: Final = 100_000
"""Rows: seconds of the fastest recorders, hours of the slowest."""
_SPAN: Final = 64
"""Rows over which the pace is taken: jitter and coarse writing are averaged over them."""
_EVEN: Final = 0.25
_MOSTLY: Final = 0.9
"""Nine tenths of all spans of a clock are within a quarter of the usual one; the others may hold gaps."""
_DECIMALS: Final = 9
"""Digits after the point: nanoseconds in seconds."""
_GAP_STEPS: Final = 1.5
"""One missing sample makes two steps."""
_IRREGULAR: Final = 0.05
"""Share of steps beyond the limit of a gap: more are no gaps but uneven sampling."""
_SLACK: Final = 1e-3
"""Of a quantum: what rounding makes of a ratio that is whole."""
_QUANTA: Final = 2.0
"""Least quanta of the writing in a quarter of the rows: of fewer no rate can be told."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a column goes on, in its own units."""

    step: float
    quantum: float
    """The finest difference that it is written with."""
    limit: float
    """Steps above it are gaps."""
    even: bool
    """Whether few enough steps are above the limit."""
    counts: bool
    """Whether most steps are exactly one."""
    jitter: float
    """Standard deviation of the steps."""


def find_pace(column: ParsedSamples) -> Pace | None:
    """Return the pace of a column [rows]; None where it does not go on like a clock or counter."""
    values = column[:_LOOKED_AT]
    if len(values) < FEWEST or not np.isfinite(values).all():
        return None
    steps = np.diff(values)
    if values[-1] <= values[0] or (steps < 0).mean() > 1 - _MOSTLY:
        return None
    quantum = _quantum(values)
    span = min(_SPAN, len(values) // 4)
    rough = float(np.median(values[span:] - values[:-span])) / span
    if rough * (len(values) // 4) < _QUANTA * quantum:
        return None  # too coarse to tell
    while rough * span < 8 * quantum and span < len(values) // 4:
        span = min(2 * span, len(values) // 4)
    advances = values[span:] - values[:-span]
    step = float(np.median(advances)) / span
    slack = _EVEN * step * span + quantum
    if step <= 0 or (np.abs(advances - step * span) <= slack).mean() < _MOSTLY:
        return None
    # Stamps in whole milliseconds at 1600 Hz stay or go on by one: two is the first step too many.
    limit = max(_GAP_STEPS * step, (np.ceil(step / quantum - _SLACK) + 0.5) * quantum)
    usual = steps[steps <= limit]
    return Pace(
        step=step,
        quantum=quantum,
        limit=float(limit),
        even=len(usual) >= (1 - _IRREGULAR) * len(steps),
        counts=bool(np.median(np.abs(steps - 1)) == 0),
        jitter=float(np.std(usual)) if len(usual) else 0.0,
    )


def is_stuck(column: ParsedSamples) -> bool:
    """Whether a column only ever stays or rises: perhaps a clock too coarse to be one."""
    return bool(np.isfinite(column).all() and (np.diff(column) >= 0).all())


def _quantum(values: ParsedSamples) -> float:
    """The finest power of ten that all values are multiples of, as far as float64 tells."""
    origin = values - np.floor(values[0])
    # Of large numbers fewer decimals are exact.
    slack = max(1e-6, 4 * float(np.spacing(np.abs(values).max())) * 10**3)
    for decimals in range(_DECIMALS):
        scaled = origin * 10.0**decimals
        if np.abs(scaled - np.round(scaled)).max() <= slack:
            return _common(np.round(scaled)) / 10.0**decimals
    return 10.0**-_DECIMALS


def _common(scaled: ParsedSamples) -> float:
    """What all whole numbers are multiples of: counts of microseconds may all be thousands."""
    differences = np.diff(scaled).astype(np.int64)
    return float(np.gcd.reduce(differences[differences != 0])) if differences.any() else 1.0
