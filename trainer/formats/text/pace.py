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
_LEAST_SPAN: Final = 4
_CLEAR: Final = 8
"""Quanta in a span, so that coarse writing moves the pace by an eighth; shorter spans leave more of them free
of gaps."""
_EVEN: Final = 0.25
_STRICTLY: Final = 0.05
_MOSTLY: Final = 0.75
"""Three quarters of all spans of a clock are within a quarter of the usual one, or within a twentieth where
it
does not say that it is one; the others may hold gaps."""
_BACKWARDS: Final = 0.1
"""Share of steps back that jitter makes at most."""
_COUNTING: Final = 0.9
"""Share of steps of one in a counter; the others are gaps."""
_DECIMALS: Final = 9
"""Digits after the point: nanoseconds in seconds."""
_WHOLE: Final = 1e-6
"""Off a whole number by less, a value is one."""
_BLURRED: Final = 0.1
"""Where float64 is off by more, it does not tell whole numbers from others."""
_GAP_STEPS: Final = 1.5
"""One missing sample makes two steps."""
_COARSE: Final = 0.25
"""Share of rows at which a coarse clock goes on, at most: one that goes on more often tells the rate."""
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
    error: float = 0.0
    """Of the step at most: what the writing leaves open over all rows that were looked at."""


def find_pace(column: ParsedSamples, strict: bool) -> Pace | None:
    """Return the pace of a column [rows]; None where it does not go on like a clock or counter.

    `strict` is for columns that do not say they are time: a slow signal that rises for a while is none.
    """
    values = column[:_LOOKED_AT]
    if len(values) < FEWEST or not np.isfinite(values).all():
        return None
    steps = np.diff(values)
    if values[-1] <= values[0] or (steps < 0).mean() > (0 if strict else _BACKWARDS):
        return None
    quantum = _quantum(values)
    span, longest = max(_LEAST_SPAN, min(_SPAN, len(values) // 16)), len(values) // 4
    rough = float(np.median(values[span:] - values[:-span])) / span
    if rough * longest < _QUANTA * quantum:
        return None  # too coarse to tell
    while rough * span < _CLEAR * quantum and span < longest:
        span = min(2 * span, longest)
    advances = values[span:] - values[:-span]
    step = float(np.median(advances)) / span
    uneven = np.abs(advances - step * span) > (_STRICTLY if strict else _EVEN) * step * span + quantum
    if step <= 0 or uneven.mean() > 1 - _MOSTLY:
        return None
    usual = steps[steps <= _limit(step, quantum)]
    step = float(usual.mean()) if len(usual) else step  # it is known to a quantum over all rows
    limit = _limit(step, quantum)
    return Pace(
        step=step,
        quantum=quantum,
        limit=limit,
        even=len(usual) >= (1 - _IRREGULAR) * len(steps),
        counts=bool((usual == 1).mean() > _COUNTING) if len(usual) else False,
        jitter=float(np.std(usual)) if len(usual) else 0.0,
        error=2 * quantum / len(steps),
    )


def _limit(step: float, quantum: float) -> float:
    """The longest step without a missing sample, and half of what one would add.

    Stamps in whole milliseconds at 1600 Hz stay or go on by one: two is the first step too many.
    """
    return max(_GAP_STEPS * step, (float(np.ceil(step / quantum - _SLACK)) + 0.5) * quantum)


def coarse_pace(column: ParsedSamples) -> Pace | None:
    """Return the pace of a clock that is too coarse to tell the rate by, such as whole seconds; None for no
    clock.

    Only jumps show in it: steps above its usual one.
    """
    steps = np.diff(column)
    if not np.isfinite(column).all() or (steps < 0).any() or (steps > 0).mean() > _COARSE:
        return None
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else np.inf
    return Pace(0.0, usual, _GAP_STEPS * usual, even=True, counts=False, jitter=0.0)


def _quantum(values: ParsedSamples) -> float:
    """The finest power of ten that all values are multiples of, as far as float64 tells."""
    origin = values - np.floor(values[0])
    finest = 4 * float(np.spacing(np.abs(values).max()))
    for decimals in range(_DECIMALS):
        scaled, slack = origin * 10.0**decimals, max(_WHOLE, finest * 10**decimals)
        if slack > _BLURRED:
            return finest
        if np.abs(scaled - np.round(scaled)).max() <= slack:
            # What all whole numbers are multiples of: counts of microseconds may all be thousands.
            differences = np.diff(np.round(scaled)).astype(np.int64)
            common = float(np.gcd.reduce(differences[differences != 0])) if differences.any() else 1.0
            return common / 10.0**decimals
    return 10.0**-_DECIMALS
