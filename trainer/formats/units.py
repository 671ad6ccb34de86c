"""Units as people and recorders write them: `m/s^2`, `(g)`, `[ms]`; one spelling of each."""

import re
from typing import Final

_SPELLINGS: Final = {
    "m/s2": "m/s2 m/s^2 m/s² m/s/s m/s**2 ms-2 ms^-2 m/sec2 m/sec^2 m.s-2 m*s-2 m·s⁻² ms⁻²",
    "g": "g gs g's grav gn",
    "mg": "mg milli-g",
    "mm/s2": "mm/s2 mm/s^2 mm/s²",
    "mm/s": "mm/s mm/sec",
    "m/s": "m/s m/sec",
    "in/s": "in/s ips in/sec",
    "um": "um µm μm micron microns",
    "mm": "mm",
    "V": "v volt volts",
    "mV": "mv millivolt millivolts",
    "uV": "uv µv μv",
    "Pa": "pa pascal",
    "rpm": "rpm r/min min-1 1/min u/min",
    "Hz": "hz hertz",
    "degC": "degc °c ºc deg_c celsius",
    "degF": "degf °f fahrenheit",
    "deg/s": "deg/s dps °/s",
    "rad/s": "rad/s",
    "A": "a amp ampere",
    "counts": "counts lsb raw adc",
}
_PLAIN: Final = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_TIMES: Final = {
    1.0: "s sec secs second seconds sek sekunde sekunden segundos secondes secondi",
    1e-3: "ms msec msecs millis milli millisecond milliseconds millisekunden",
    1e-6: "us µs μs usec usecs micros microsecond microseconds",
    1e-9: "ns nsec nanos nanosecond nanoseconds",
    60.0: "min minutes minuten",
}
TIME_UNITS: Final = {word: scale for scale, words in _TIMES.items() for word in words.split()}
"""Seconds in each unit of time."""
TIME_NAMES: Final = {1.0: "s", 1e-3: "ms", 1e-6: "us", 1e-9: "ns", 60.0: "min"}
_BRACKETED: Final = re.compile(r"(.*?)\s*(?:\[\s*([^\[\]]*?)\s*\]|\(\s*([^()]*?)\s*\))\s*")


def plain_unit(text: str) -> str:
    """Return the one spelling of a unit; a text that is none in the table as it is, without brackets."""
    bare = text.strip().strip("[]()").strip()
    return _PLAIN.get(bare.casefold().replace(" ", ""), bare)


def is_unit(text: str) -> bool:
    """Whether a text, with or without brackets, is a unit that the table knows, of time or of anything."""
    bare = text.strip().strip("[]()").strip().casefold().replace(" ", "")
    return bare in _PLAIN or bare in TIME_UNITS


def name_and_unit(text: str) -> tuple[str, str]:
    """Split `Accel x [g]` into name and unit; the unit is blank where the text ends in none.

    What stands in square brackets is taken for a unit, what stands in round ones where it is known.
    """
    found = _BRACKETED.fullmatch(text)
    if not found:
        return text, ""
    name, square, rounded = found.groups()
    if square:
        return name, square
    return (name, rounded) if rounded and is_unit(rounded) else (text, "")
