"""In which unit a time column counts: as it says, or as only one unit can be; never by a guess.

A factor of 1000 between milliseconds and seconds is a factor of 1000 in every frequency that is learnt.
"""

import re
from dataclasses import dataclass
from typing import Final

from trainer.formats.contract import Hints, Refusal
from trainer.formats.text.pace import Pace
from trainer.formats.units import TIME_NAMES, TIME_UNITS

RATE_TOLERANCE: Final = 0.0075
"""Share: the clocks of cheap recorders are off by less; a rate that is wrong by 1 % is told from it."""
_EPOCHS: Final = {1.0: (1e9, 4.2e9), 1e-3: (1e12, 2.2e12), 1e-6: (1e15, 2.2e15), 1e-9: (1e18, 2.2e18)}
"""Values since 1970 of the years 2001 to 2039 in each unit, seconds also since 1904 as LabVIEW counts."""
_HIGHEST_HZ: Final = 1e6
"""No sensor of vibration is read faster; where milliseconds would mean that, seconds are meant. A
judgement."""
_TOKENS: Final = re.compile(r"[^A-Za-z\u00b5\u03bc]+|(?<=[a-z])(?=[A-Z])")
_SENSORS: Final = re.compile(r"(?:acc|accel|gyr|gyro|mag)[_ ]?[XYZxyz]")
"""Names of axes as Edge Impulse's tools write them."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a time column."""

    scale_s: float
    """Seconds in one of it."""
    why: str
    """How it is known."""


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A column of time whose unit is looked for."""

    name: str
    unit: str
    """What the header states; blank for nothing."""
    pace: Pace
    first: float
    """Its first value."""
    beside: tuple[str, ...]
    """Names of all columns of the table."""


def find_unit(column: TimeColumn, hints: Hints) -> Unit:
    """Find the unit of a column by the list, its header, the size of its numbers or the known rate.

    Raises Refusal where several units are possible, or none gives the rate.
    """
    if hints.time_unit:
        return Unit(TIME_UNITS[hints.time_unit], "as the list says")
    words = [word.casefold() for word in (column.unit, *_TOKENS.split(column.name))]
    stated = [TIME_UNITS[word] for word in words if word in TIME_UNITS]
    epochs = since_epoch(column.first)
    if stated and epochs and stated[0] != epochs[0]:
        raise Refusal(
            f"column {column.name} says {TIME_NAMES[stated[0]]}, and its numbers are {TIME_NAMES[epochs[0]]} "
            "since 1970",
            "Write time_unit into the list",
        )
    if stated or epochs:
        return Unit((stated or epochs)[0], "as its header says" if stated else "by numbers since 1970")
    return _by_rate(column, hints)


def _by_rate(column: TimeColumn, hints: Hints) -> Unit:
    """The unit of a column that says none: by the rate that is known, or as only one can be."""
    pace = column.pace
    rates = {scale: 1 / (pace.step * scale) for scale in _EPOCHS}
    if hints.rate_hz:
        near = [
            scale
            for scale, rate in rates.items()
            if abs(rate / hints.rate_hz - 1) <= RATE_TOLERANCE and rate < _HIGHEST_HZ * (1 + RATE_TOLERANCE)
        ]
        if near:
            return Unit(near[0], f"by the rate of {hints.rate_hz:g} Hz")
    if _is_edge_impulse(column):
        return Unit(1e-3, "as Edge Impulse writes it")
    if hints.rate_hz:
        raise Refusal(
            f"column {column.name} goes on by {pace.step:.6g} a reading, {_readings(rates)}; the list or the "
            f"file's first lines say {hints.rate_hz:g} Hz",
            "Correct rate_hz; where the column is no clock to go by, write none as time into the list",
        )
    if rates[1e-3] > _HIGHEST_HZ:
        return Unit(1.0, "as no sensor is read so fast in ms")
    raise Refusal(
        f"column {column.name} does not say its unit, and goes on by {pace.step:.6g} a reading: "
        f"{_readings(rates)}",
        "Write rate_hz or time_unit into the list",
    )


def since_epoch(first: float) -> list[float]:
    """Units in which a number is a time of our days since 1970."""
    return [scale for scale, (low, high) in _EPOCHS.items() if low <= first <= high]


def _readings(rates: dict[float, float]) -> str:
    return " or ".join(f"{rate:.6g} Hz if in {TIME_NAMES[scale]}" for scale, rate in list(rates.items())[:3])


def _is_edge_impulse(column: TimeColumn) -> bool:
    """Whether it is a table of Edge Impulse's: its first column `timestamp`, whole ms from 0, then named
    axes."""
    whole = column.first == 0 and column.pace.quantum >= 1
    named = column.name == "timestamp" == column.beside[0]
    return named and whole and all(map(_SENSORS.fullmatch, column.beside[1:]))
