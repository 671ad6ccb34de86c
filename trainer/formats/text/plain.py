"""Plain decimals such as -12.345 to numbers, all of a piece of text at a time, by arithmetic on its bytes.

The digits of a number before and after its point are each turned to an integer eight at a time (Lemire,
"Number parsing at a gigabyte per second", 2021, section 3); whole mantissas below 10^15 over a power of ten
are rounded once, so that every number is the nearest float64 (Clinger 1990, "How to read floating point
numbers accurately"). What is written otherwise, with exponents or more digits, is left to NumPy's own reader.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.formats.contract import ParsedSamples

_PIECE: Final = 128 * 1024
"""Bytes of text at a time: what is made of them stays in a processor's second cache."""
_PAD: Final = 16
"""Bytes before the text, so that sixteen digits can be taken before any place in it."""
_DIGITS: Final = 15
"""Of a number at most: 10^15 is below 2^53, so that float64 has every whole number up to it."""
_ZERO, _SIGN, _COMMA, _POINT, _END = b"0:,.\n"
"""What the text's bytes become: digits stay, minus follows them, and what divides comes before."""
_MASKS: Final = np.array([0] + [int("0f" * n + "00" * (8 - n), 16) for n in range(1, 9)], dtype=np.uint64)
"""The values of the last n of eight digits, the least byte being the first digit."""
_TENS: Final = 10.0 ** np.arange(_DIGITS + 1)
_FOLDS: Final = {
    digits: (np.uint64(factor), np.uint64(bits), np.uint64(mask))
    for digits, factor, bits, mask in (
        (2, 10 * 2**8 + 1, 8, 0x00FF00FF00FF00FF),
        (4, 100 * 2**16 + 1, 16, 0x0000FFFF0000FFFF),
        (8, 10_000 * 2**32 + 1, 32, 0xFFFFFFFF),
    )
}
"""By how many digits are joined after each: of two neighbours the first has ten, a hundred, 10,000 times the
weight of the second."""

Places = NDArray[np.intp]


def pieces(text: bytes) -> Iterator[bytes]:
    """Whole lines, as many bytes at a time as are read best."""
    begin = 0
    while begin < len(text):
        end = text.rfind(b"\n", begin, begin + _PIECE) + 1
        yield text[begin:end]
        begin = end


class PlainNumbers:
    """Reads columns of lines that hold plain decimals there."""

    def __init__(self, separator: str, decimal: str, width: int, columns: Sequence[int]) -> None:
        """Read these of `width` columns, in this order; the signs are single characters of ASCII."""
        codes = bytearray(b"x" * 256)
        codes[_ZERO : _ZERO + 10] = b"0123456789"
        codes[ord("-")], codes[_END] = _SIGN, _END
        codes[ord(decimal)], codes[ord(separator)] = _POINT, _COMMA
        self._codes = bytes(codes)
        self._separator = separator.encode()
        self._width = width
        self._columns = list(columns)

    def read(self, text: bytes) -> ParsedSamples | None:
        """Return [lines, columns] of whole lines; None where a line or a number is not as expected."""
        if b" " in text:
            text = text.replace(self._separator + b" ", self._separator)
        signs = np.frombuffer((b"0" * _PAD + text).translate(self._codes), np.uint8)
        cells = _cells(signs)
        if len(cells.end) % self._width:
            return None
        last = signs[cells.end].reshape(-1, self._width) == _END
        if not last[:, -1].all() or np.count_nonzero(last) != len(last):
            return None
        if sorted(self._columns) == list(range(self._width)):
            # All that is neither mark nor sign nor anything else.
            digits = len(signs) - _PAD - cells.marks - int(np.count_nonzero(signs >= _SIGN))
            values = _numbers(signs, cells, digits)
            return None if values is None else values.reshape(-1, self._width)[:, self._columns]
        places = (cells.begin, cells.point, cells.end, cells.points)
        begin, point, end, points = (
            each.reshape(-1, self._width)[:, self._columns].reshape(-1) for each in places
        )
        cells = _Cells(begin, point, end, points, cells.marks)
        seen = np.cumsum((signs >= _ZERO) & (signs < _SIGN), dtype=np.int32)
        values = _numbers(signs, cells, int((seen[cells.end - 1] - seen[cells.begin - 1]).sum()))
        return None if values is None else values.reshape(-1, len(self._columns))


class _Cells(NamedTuple):
    """Places of cells in a text, [cells] each."""

    begin: Places
    point: Places
    """Of the last point in the cell; its end where there is none."""
    end: Places
    """Of the sign behind it."""
    points: Places
    marks: int
    """Points and ends in all of the text."""


def _cells(signs: NDArray[np.uint8]) -> _Cells:
    marks = np.flatnonzero(signs < _ZERO)
    pointed = signs[marks] == _POINT
    if np.array_equal(pointed, np.arange(len(marks)) % 2 == 0):  # a point in each, as of most recorders
        point, end = marks[0::2], marks[1::2]
        points = np.ones(len(end), dtype=np.intp)
    else:
        ends = np.flatnonzero(~pointed)
        end = marks[ends]
        points = np.diff(ends, prepend=-1) - 1
        point = np.where(points > 0, marks[ends - 1], end)
    begin = np.empty_like(end)
    begin[:1], begin[1:] = _PAD, end[:-1]
    begin[1:] += 1
    return _Cells(begin, point, end, points, len(marks))


def _numbers(signs: NDArray[np.uint8], cells: _Cells, seen: int) -> ParsedSamples | None:
    """Numbers of cells in which so many digits were seen; None where they are none."""
    minus = signs[cells.begin] == _SIGN
    whole = cells.point - cells.begin - minus
    part = cells.end - cells.point - cells.points
    digits = whole + part
    # Between its begin and end are a number's digits, its sign and its point: no cell has more digits.
    if digits.sum() != seen or cells.points.max(initial=0) > 1 or whole.min(initial=0) < 0:
        return None
    if digits.min(initial=1) < 1 or digits.max(initial=1) > _DIGITS:
        return None
    eights = np.ndarray((len(signs) - 7,), "<u8", signs, strides=(1,))  # eight bytes from each place on
    found = _integers(eights, cells.point, whole)
    if part.any():
        scale = _TENS[part]
        found *= scale
        found += _integers(eights, cells.end, part)
        found /= scale
    found *= 1.0 - 2.0 * minus
    return found


def _integers(eights: NDArray[np.uint64], end: Places, length: Places) -> ParsedSamples:
    """Whole numbers of so many digits before each of the places."""
    longest = length.max(initial=0)
    found = eights[end - 8]
    found &= _MASKS[longest] if longest <= 8 and longest == length.min() else _MASKS[np.minimum(length, 8)]
    for digits, (factor, bits, mask) in _FOLDS.items():
        found *= factor
        found >>= bits
        found &= mask
        if longest <= digits:  # the last ones are the upper ones
            found >>= np.uint64(64 - 8 * digits)
            break
    values = found.astype(np.float64)
    if longest > 8:
        values += 1e8 * _integers(eights, end - 8, np.maximum(length - 8, 0))
    return values
