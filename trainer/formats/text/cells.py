"""Cells of a line of text, and of what kind each is: number, time stamp, empty, or any other text."""

import csv
import io
import re
from enum import Enum
from typing import Final

BLANKS: Final = ""
"""The separator of columns that any number of blanks or tabs divide."""
_NUMBERS: Final = {
    mark: re.compile(
        rf"[+-]?(?:\d+{sign}?\d*|{sign}\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE
    )
    for mark, sign in ((".", r"\."), (",", ","))
}
STAMP: Final = re.compile(
    r"(?:(\d{1,4}([-/.])\d{1,2}\2\d{1,4}|\d{8})(?:[T ]\s*|(?=Z?$)))?"
    r"(?:(\d{1,2}):(\d{2})(?::(\d{2}(?:[.,:]\d+)?))?\s*([AaPp][Mm])?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
"""Date, its separator, hour, minute, second, half of the day; date or time of day may be missing."""


class Kind(Enum):
    """Of a cell, or of most cells of a column."""

    NUMBER = "number"
    STAMP = "time stamp"
    DATE = "date"
    EMPTY = "empty"
    TEXT = "text"


def split(line: str, separator: str) -> list[str]:
    """Cut a line into cells without the blanks around them, quotes removed."""
    if separator == BLANKS:
        line, separator = " ".join(line.split()), " "
    if '"' in line:
        return [
            cell.strip()
            for row in csv.reader([line], delimiter=separator, skipinitialspace=True)
            for cell in row
        ]
    return [cell.strip() for cell in line.split(separator)]


def kind_of(cell: str, decimal: str) -> Kind:
    """Say what a cell is, where numbers have this decimal sign."""
    if not cell:
        return Kind.EMPTY
    if is_number(cell, decimal):
        return Kind.NUMBER
    stamp = STAMP.fullmatch(cell)
    if stamp is None:
        return Kind.TEXT
    return Kind.DATE if stamp[3] is None else Kind.STAMP


def is_number(cell: str, decimal: str) -> bool:
    """Whether a recorder would write a number so; what `float` takes beyond that, such as 1_000, is none."""
    return _NUMBERS[decimal].fullmatch(cell.replace("\u2212", "-")) is not None


def without_quotes(text: bytes, separator: str) -> bytes:
    """Return lines whose cells have no quotes and are separated by tabs."""
    if separator == BLANKS:
        return text.replace(b'"', b"").replace(b" ", b"\t")
    rows = csv.reader(io.StringIO(text.decode("latin-1")), delimiter=separator, skipinitialspace=True)
    lines = ("\t".join(cell.replace("\n", " ") for cell in row) + "\n" for row in rows)
    return "".join(lines).encode("latin-1")


def single_blanks(text: bytes) -> bytes:
    """Any blanks between cells as one, none at the ends of lines."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text.replace(b"\n ", b"\n").replace(b" \n", b"\n").lstrip(b" ")
