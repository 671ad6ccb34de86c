"""Lines of text to numbers, a block at a time, by NumPy's own reader, which refuses what is no number."""

import csv
import io
from collections.abc import Sequence
from typing import Final

import numpy as np

from trainer.formats.contract import ParsedSamples, Refusal
from trainer.formats.text.cells import BLANKS, Kind, kind_of, split
from trainer.formats.text.layout import COMMENTS, Layout

_REPAIR: Final = "Repair the line, or cut the recording there: without it what is apart would be joined"
_POINTS: Final = bytes.maketrans(b",", b".")
_MINUS: Final = "\u2212".encode()
"""The sign that typesetters use for minus, and some programs with them."""


class Numbers:
    """Reads columns of numbers of the lines of one layout."""

    def __init__(self, layout: Layout, columns: Sequence[int]) -> None:
        """Read these columns, in this order."""
        self._layout = layout
        self.columns = list(columns)
        # NumPy checks every line's width itself where it reads every column.
        self._all = sorted(columns) == list(range(layout.width))

    def read(self, block: bytes, number: int) -> ParsedSamples:
        """Read a block whose first line has this number: [lines, columns]. Raises Refusal naming a bad line.

        Empty lines and comments are passed over.
        """
        layout = self._layout
        text, separator = readings(block), layout.separator
        if not text:
            return np.empty((0, len(self.columns)))
        if b'"' in text:
            text, separator = _without_quotes(text, separator), "\t"
        if layout.decimal == ",":
            text = text.translate(_POINTS)
        if _MINUS in text:
            text = text.replace(_MINUS, b"-")
        if not self._all and not _even(text, separator, layout.width):
            raise self._fault(block, number)
        try:
            return np.loadtxt(
                io.BytesIO(text),
                delimiter=None if separator == BLANKS else separator,
                comments=None,
                usecols=None if self.columns == list(range(layout.width)) else self.columns,
                ndmin=2,
                encoding="latin-1",
            )
        except ValueError as error:
            raise self._fault(block, number) from error

    def _fault(self, block: bytes, number: int) -> Refusal:
        """Find the line that is to blame."""
        width = self._layout.width
        for at, line in enumerate(block.decode("latin-1").split("\n"), number):
            if not line.strip() or line.lstrip().startswith(COMMENTS):
                continue
            cells = split(line, self._layout.separator)
            if len(cells) != width:
                return Refusal(f"line {at} has {len(cells)} values, the first had {width}", _REPAIR)
            for column in self.columns:
                if kind_of(cells[column], self._layout.decimal) is not Kind.NUMBER:
                    return _no_number(at, cells[column], column)
        return Refusal(f"the lines from {number} on cannot be read as numbers", _REPAIR)


def _no_number(line: int, cell: str, column: int) -> Refusal:
    if "," in cell and "." in cell:
        return Refusal(
            f"line {line} holds {cell[:40]!r}: comma and point both, one of them groups thousands",
            "Export without grouping of thousands",
        )
    if not cell:
        return Refusal(
            f"line {line} holds '', not a number, in column {column + 1}",
            "Columns of several rates or lengths need a file each; else repair the line",
        )
    return Refusal(f"line {line} holds {cell[:40]!r}, not a number", _REPAIR)


def readings(block: bytes) -> bytes:
    """Return the lines of a block that hold something and are no comments."""
    marked = any(block.startswith(mark.encode()) or b"\n" + mark.encode() in block for mark in COMMENTS)
    if not marked and b"\n\n" not in block and not block.startswith(b"\n"):
        return block
    marks = tuple(mark.encode() for mark in COMMENTS)
    kept = [line for line in block.split(b"\n") if line.strip() and not line.lstrip().startswith(marks)]
    return b"\n".join(kept) + b"\n" if kept else b""


def _without_quotes(text: bytes, separator: str) -> bytes:
    if separator == BLANKS:
        return text.replace(b'"', b"").replace(b" ", b"\t")
    rows = csv.reader(io.StringIO(text.decode("latin-1")), delimiter=separator, skipinitialspace=True)
    return "".join("\t".join(cell.replace("\n", " ") for cell in row) + "\n" for row in rows).encode(
        "latin-1"
    )


def _even(text: bytes, separator: str, width: int) -> bool:
    """Whether every line has so many cells."""
    if separator == BLANKS:
        return all(len(line.split()) == width for line in text.split(b"\n") if line.strip())
    signs = np.frombuffer(text, np.uint8)
    places = np.flatnonzero((signs == ord(separator)) | (signs == ord("\n")))
    if len(places) % width:
        return False
    ends = signs[places].reshape(-1, width) == ord("\n")
    return bool(ends[:, -1].all() and ends.sum() == len(ends))
