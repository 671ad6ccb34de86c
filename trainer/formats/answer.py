"""What the parser child answers, checked by the parent: a file may have taken the child over.

Nothing that the child says is used before `check_head` has seen its type and its range.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeGuard

from edge_runtime.core import printable
from trainer.formats.contract import MAX_VALUES, WHOLE, Refusal

LOWEST_RATE_HZ: Final = 1e-3
"""One sample in a quarter of an hour: slower than anything that is called vibration."""
HIGHEST_RATE_HZ: Final = 1e7
"""Ten times the fastest recorders of acoustic emission."""
_MESSAGE: Final = 2000
"""Characters of the child's own sentences: the longest lists twenty names."""
MOST_CHANNELS: Final = 1024
"""Columns of a file that is read with whatever it has: no recorder has as many channels."""
MOST_GAPS: Final = 1000
"""Places where samples are missing: of a file with more, hardly a stretch is a recording."""
_MOST_NOTES: Final = 20
_DAMAGED: Final = "The file is damaged; export or download it again"


@dataclass(frozen=True, slots=True)
class Head:
    """A checked line of an answer; as many float64 values follow as rows times columns."""

    rows: int
    columns: int
    last: bool = True
    """Whether nothing follows its values; what the file says stands in the last line."""
    stated: Mapping[str, float | str] = field(default_factory=dict)
    """`rate_hz` and `unit`, where the file states them."""
    names: tuple[str, ...] = ()
    """What the file calls the columns; empty, or one a column."""
    starts: tuple[int, ...] = ()
    """Rows, counted from the file's first, before which samples are missing; rising."""
    notes: tuple[str, ...] = ()
    """Sentences for people."""


def check_head(answer: object, channels: int, before: int = 0) -> Head:
    """Check a line of the child's JSON for a request of so many channels, 0 for any number.

    `before` is how many rows came earlier. Raises Refusal with what the child says is wrong with the file, or
    with what is wrong with its answer.
    """
    if not isinstance(answer, dict):
        raise Refusal(
            "the parser crashed or took too long",
            "The file is damaged or not what its name says; export or download it again",
        )
    if "error" in answer:
        raise Refusal(
            printable(answer["error"], _MESSAGE), printable(answer.get("remedy", "Check the file"), _MESSAGE)
        )
    rows, columns, last = answer.get("rows"), answer.get("columns"), "more" not in answer
    stated = answer.get("stated", None if last else {})
    # A bool is an int to Python, and no number of rows.
    if type(rows) is not int or type(columns) is not int or not isinstance(stated, dict):
        raise Refusal("the parser's answer makes no sense", _DAMAGED)
    if rows < 0 or not 0 < columns <= MOST_CHANNELS or columns != (channels or columns):
        raise Refusal(f"{rows:.6g} rows of {columns:.6g} values for {channels} channels", _DAMAGED)
    if (before + rows) * columns > MAX_VALUES:
        raise Refusal(
            f"has more than {MAX_VALUES} values", "Split the recording, or cut it by from_s and to_s"
        )
    names, notes = (
        _texts(answer.get("names", []), MOST_CHANNELS),
        _texts(answer.get("notes", []), _MOST_NOTES),
    )
    if names and len(names) != columns:
        raise Refusal("the parser's answer makes no sense", _DAMAGED)
    return Head(
        rows, columns, last, _stated(stated), names, _starts(answer.get("starts", []), before + rows), notes
    )


def _texts(found: object, most: int) -> tuple[str, ...]:
    if not isinstance(found, list) or len(found) > most or not all(isinstance(text, str) for text in found):
        raise Refusal("the parser's answer makes no sense", _DAMAGED)
    return tuple(printable(text, _MESSAGE) for text in found)


def _starts(found: object, rows: int) -> tuple[int, ...]:
    if not isinstance(found, list) or not all(type(start) is int for start in found):
        raise Refusal("the parser's answer makes no sense", _DAMAGED)
    if any(second <= first for first, second in pairwise([0, *found, max(rows, 1)])) and found:
        raise Refusal("the parser's answer makes no sense", _DAMAGED)
    if len(found) > MOST_GAPS:
        raise Refusal(
            f"samples are missing at {len(found)} places, the first before reading {found[0] + 1}",
            "Record again, or write none as time into the list where the time column is no clock to go by",
        )
    return tuple(found)


def is_rate(value: object) -> TypeGuard[float]:
    """Whether it is a number that can be a sampling rate in Hz."""
    # math.nan compares as False, so that it is none.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and LOWEST_RATE_HZ <= value <= HIGHEST_RATE_HZ
    )


def number_in(value: object, low: float, high: float, name: str) -> float:
    """A number of the child's within a range. Raises Refusal for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refusal(
            f"the parser says {name} is {printable(repr(value))}", "The file is damaged; record it again"
        )
    return float(value)


def _stated(found: Mapping[str, object]) -> dict[str, float | str]:
    checked: dict[str, float | str] = {}
    if (rate_hz := found.get("rate_hz")) is not None:
        if not is_rate(rate_hz):
            raise Refusal(
                f"states the rate {printable(repr(rate_hz))}, not a number of hertz within "
                f"{LOWEST_RATE_HZ:g} and {HIGHEST_RATE_HZ:g}",
                "Write rate_hz into the file as one number, or leave it out and give it in the list",
            )
        checked["rate_hz"] = float(rate_hz)
    if (unit := found.get("unit")) is not None:
        if not isinstance(unit, str) or printable(unit) != unit:
            raise Refusal(
                f"states the unit {printable(repr(unit))}, not a short text",
                "Write the unit into the file as text, such as g or m/s2, or leave it out",
            )
        checked["unit"] = unit
    if (begin_s := found.get("begin_s")) is not None:
        checked["begin_s"] = number_in(begin_s, 0.0, WHOLE[1], "begin_s")
    return checked
