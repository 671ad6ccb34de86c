"""In which unit a time column counts: as it says, or as only one unit can be; never by a guess.

A factor of 1000 between milliseconds and seconds is a factor of 1000 in every frequency that is learnt.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trainer.formats.contract import Hints, Refusal
from trainer.formats.text.pace import Pace
from trainer.formats.units import TIME_NAMES, TIME_UNITS

RATE_TOLERANCE: Final = 0.0075
"""Share: the clocks of cheap recorders are off by less; a rate that is wrong by 1 % is told from it."""
_EPOCHS: Final = {1.0: (1e9, 4.2e9), 1e-3: (1e12, 2.2e12), 1e-6: (1e15, 2.2e15), 1e-9: (1e18, 2.2e18)}
"""Values since 1970 of the years 2001 to 2039 in each unit, seconds also since 1904 as LabVIEW counts."""
_SURELY_HZ: Final = 60.0
"""From here on numbers since 1970 are in that unit: in one that is a thousand times finer they would mean
60 kHz or more, which nobody stamps since a computer was switched on. Below, microseconds of a board that runs
for half an hour may look like seconds since 1970, and nanoseconds of a phone like milliseconds."""
_EDGE_IMPULSE_HZ: Final = 10.0
"""Of tables as Edge Impulse writes them: in microseconds it would be 10 kHz, beyond their sensors."""
_HIGHEST_HZ: Final = 1e6
"""No sensor of vibration is read faster; where milliseconds would mean that, seconds are meant. A
judgement."""
_PHONES_HZ: Final = 1000.0
"""No phone lets a program read its accelerometer faster."""
_PHYSICS_TOOLBOX: Final = re.compile(r"gF[xyz]|TgF|a[xyz]|aT")
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
    rates = {scale: 1 / (column.pace.step * scale) for scale in _EPOCHS}
    epochs = [scale for scale in since_epoch(column.first) if rates[scale] >= _SURELY_HZ]
    if stated and epochs and stated[0] != epochs[0]:
        raise Refusal(
            f"column {column.name} says {TIME_NAMES[stated[0]]}, and its numbers are {TIME_NAMES[epochs[0]]} "
            "since 1970",
            "Write time_unit into the list",
        )
    if stated or epochs:
        return Unit((stated or epochs)[0], "as its header says" if stated else "by numbers since 1970")
    return _by_rate(column, rates, hints.rate_hz)


def _by_rate(column: TimeColumn, rates: Mapping[float, float], known_hz: float | None) -> Unit:
    """The unit of a column that says none: by the rate that is known, or as only one can be."""
    for scale, rate in rates.items():
        alike = known_hz and abs(rate / known_hz - 1) <= RATE_TOLERANCE
        if alike and rate < _HIGHEST_HZ * (1 + RATE_TOLERANCE):
            return Unit(scale, f"by the rate of {known_hz:g} Hz")
    # A table of Edge Impulse's: its first column `timestamp`, whole ms from 0, then named axes.
    whole = column.first == 0 and column.pace.quantum >= 1 and rates[1e-3] >= _EDGE_IMPULSE_HZ
    named = column.beside[:1] == ("timestamp",) == (column.name,)
    if whole and named and all(map(_SENSORS.fullmatch, column.beside[1:])):
        return Unit(1e-3, "as Edge Impulse writes it")
    # A phone's: seconds with decimals, named axes, and their sum, which no other program calls so.
    if {"TgF", "aT"} & set(column.beside) and column.beside[0] == column.name == "time":
        axes, slow = all(map(_PHYSICS_TOOLBOX.fullmatch, column.beside[1:])), rates[1.0] <= _PHONES_HZ
        if axes and slow and column.pace.quantum < 1:
            return Unit(1.0, "as Physics Toolbox writes it")
    possible = " or ".join(
        f"{rate:.6g} Hz if in {TIME_NAMES[scale]}" for scale, rate in list(rates.items())[:3]
    )
    if known_hz:
        raise Refusal(
            f"column {column.name} goes on by {column.pace.step:.6g} a reading, {possible}; the list or the "
            f"file's first lines say {known_hz:g} Hz",
            "Correct rate_hz; where the column is no clock to go by, write none as time into the list",
        )
    if rates[1e-3] > _HIGHEST_HZ:
        return Unit(1.0, "as no sensor is read so fast in ms")
    raise Refusal(
        f"column {column.name} does not say its unit, and goes on by {column.pace.step:.6g} a reading: "
        f"{possible}",
        "Write rate_hz or time_unit into the list",
    )


def since_epoch(first: float) -> list[float]:
    """Units in which a number is a time of our days since 1970."""
    return [scale for scale, (low, high) in _EPOCHS.items() if low <= first <= high]
