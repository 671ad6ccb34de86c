"""Lines of text to numbers, a block at a time: plain decimals by arithmetic, others by NumPy's own reader."""

import io
from collections.abc import Sequence
from typing import Final

import numpy as np

from trainer.formats.contract import ParsedSamples
from trainer.formats.text.cells import BLANKS, single_blanks, without_quotes
from trainer.formats.text.faults import line_at_fault
from trainer.formats.text.layout import COMMENTS, Layout
from trainer.formats.text.plain import PlainNumbers, pieces

_POINTS: Final = bytes.maketrans(b",", b".")
_MINUS: Final = "\u2212".encode()
"""The sign that typesetters use for minus, and some programs with them."""


class Numbers:
    """Reads columns of numbers of the lines of one layout."""

    def __init__(self, layout: Layout, columns: Sequence[int]) -> None:
        """Read these columns, in this order."""
        self._layout = layout
        self.columns = list(columns)
        single = layout.separator if layout.separator != BLANKS else " "
        # One sign that is both separator and decimal stands in quotes where it is the latter.
        self._plain = (
            None
            if single == layout.decimal
            else PlainNumbers(single, layout.decimal, layout.width, self.columns)
        )

    def read(self, block: bytes, number: int) -> ParsedSamples:
        """Read a block whose first line has this number: [lines, columns]. Raises Refusal naming a bad line.

        Empty lines and comments are passed over.
        """
        found = [np.empty((0, len(self.columns)))]
        for piece in pieces(block):
            values = None if self._plain is None else self._plain.read(piece)
            if values is None and (text := readings(piece)):
                bare = text.replace(b'"', b"").replace(_MINUS, b"-")
                bare = single_blanks(bare) if self._layout.separator == BLANKS else bare
                values = None if self._plain is None or bare == piece else self._plain.read(bare)
                try:
                    values = self._by_numpy(text.replace(_MINUS, b"-")) if values is None else values
                except ValueError as error:
                    raise line_at_fault(self._layout, self.columns, block, number) from error
            if values is not None:
                found.append(values)
        return np.concatenate(found)

    def _by_numpy(self, text: bytes) -> ParsedSamples:
        """Read text with exponents, many digits and the like. Raises ValueError."""
        layout, separator = self._layout, self._layout.separator
        if b'"' in text:
            text, separator = without_quotes(text, separator), "\t"
        # NumPy checks every line's width itself where it reads every column.
        if sorted(self.columns) != list(range(layout.width)):
            lines = text.decode("latin-1").split("\n")[:-1]
            cells = (line.split() if separator == BLANKS else line.split(separator) for line in lines)
            if any(len(row) != layout.width for row in cells):
                raise ValueError("width")
        return np.loadtxt(
            io.BytesIO(text.translate(_POINTS) if layout.decimal == "," else text),
            delimiter=None if separator == BLANKS else separator,
            comments=None,
            usecols=None if self.columns == list(range(layout.width)) else self.columns,
            ndmin=2,
            encoding="latin-1",
        )


def readings(block: bytes) -> bytes:
    """Return the lines of a block that hold something and are no comments."""
    marks = tuple(mark.encode() for mark in COMMENTS)
    marked = any(block.startswith(mark) or b"\n" + mark in block for mark in marks)
    if not marked and b"\n\n" not in block and not block.startswith(b"\n"):
        return block
    kept = [line for line in block.split(b"\n") if line.strip() and not line.lstrip().startswith(marks)]
    return b"\n".join(kept) + b"\n" if kept else b""
