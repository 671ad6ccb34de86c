"""Plain decimals such as -12.345 to numbers, all of a piece of text at a time, by arithmetic on its bytes.

The digits of a number before and after its point are each turned to an integer eight at a time (Lemire,
"Number parsing at a gigabyte per second", 2021, section 3); whole mantissas below 10^15 over a power of ten
are rounded once, so that every number is the nearest float64 (Clinger 1990, "How to read floating point
numbers accurately"). What is written otherwise, with exponents or more digits, is left to NumPy's own reader.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.formats.contract import ParsedSamples

_PIECE: Final = 128 * 1024
"""Bytes of text at a time: what is made of them stays in a processor's second cache."""
_PAD: Final = 16
"""Bytes before the text, so that sixteen digits can be taken before any place in it."""
_DIGITS: Final = 15
"""Of a number at most: 10^15 is below 2^53, so that float64 has every whole number up to it."""
_ZERO, _SIGN, _COMMA, _END = ord("0"), ord(":"), ord(","), ord("\n")
"""What the text's bytes become: digits stay, minus follows them, and what divides comes before."""
_MASKS: Final = np.array([0] + [int("0f" * n + "00" * (8 - n), 16) for n in range(1, 9)], dtype=np.uint64)
"""The values of the last n of eight digits, the least byte being the first digit."""
_TENS: Final = 10.0 ** np.arange(_DIGITS + 1)
_FOLDS: Final = tuple(
    (np.uint64(factor), np.uint64(bits), np.uint64(mask))
    for factor, bits, mask in (
        (10 * 2**8 + 1, 8, 0x00FF00FF00FF00FF),
        (100 * 2**16 + 1, 16, 0x0000FFFF0000FFFF),
        (10_000 * 2**32 + 1, 32, 0xFFFFFFFF),
    )
)
"""Neighbours of one, two and four digits are joined: the first of two has ten, a hundred, 10,000 times the
weight."""

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
        codes[ord(decimal)], codes[ord(separator)] = ord("."), _COMMA
        self._codes = bytes(codes)
        self._separator = separator.encode()
        self._width = width
        self._columns = list(columns)

    def read(self, text: bytes) -> ParsedSamples | None:
        """Return [lines, columns] of whole lines; None where a line or a number is not as expected."""
        if b" " in text:
            text = text.replace(self._separator + b" ", self._separator)
        signs = np.frombuffer((b"0" * _PAD + text).translate(self._codes), np.uint8)
        marks = np.flatnonzero(signs < _ZERO)
        kinds = signs[marks]
        ends = np.flatnonzero(kinds != ord("."))
        if len(ends) % self._width:
            return None
        last = kinds[ends].reshape(-1, self._width) == _END
        if not last[:, -1].all() or np.count_nonzero(last) != len(last):
            return None
        points = np.diff(ends, prepend=-1) - 1  # in each cell
        end = marks[ends]
        begin = np.concatenate([[_PAD], end[:-1] + 1])
        point = np.where(points == 1, marks[ends - 1], end)
        if self._columns != list(range(self._width)):
            points, begin, point, end = (
                part.reshape(-1, self._width)[:, self._columns].reshape(-1)
                for part in (points, begin, point, end)
            )
        found = _numbers(signs, begin, point, end, points)
        return None if found is None else found.reshape(-1, len(self._columns))


def _numbers(
    signs: NDArray[np.uint8], begin: Places, point: Places, end: Places, points: Places
) -> ParsedSamples | None:
    """Numbers from `begin` to before `end`, their point at `point`, which is `end` where there is none."""
    minus = signs[begin] == _SIGN
    whole = point - begin - minus
    part = end - point - points
    digits = whole + part
    if points.max(initial=0) > 1 or whole.min(initial=0) < 0:
        return None
    if digits.min(initial=1) < 1 or digits.max(initial=1) > _DIGITS:
        return None
    # Between a number's begin and end are its digits, its sign and its point, and nothing else.
    seen = np.cumsum((signs >= _ZERO) & (signs < _SIGN), dtype=np.int32)
    if not np.array_equal(seen[end - 1] - seen[begin - 1], digits):
        return None
    eights = np.ndarray((len(signs) - 7,), "<u8", signs, strides=(1,))  # eight bytes from each place on
    scale = _TENS[part]
    return (
        (_integers(eights, point, whole) * scale + _integers(eights, end, part)) / scale * (1.0 - 2 * minus)
    )


def _integers(eights: NDArray[np.uint64], end: Places, length: Places) -> ParsedSamples:
    """Whole numbers of so many digits before each of the places."""
    found = eights[end - 8] & _MASKS[np.minimum(length, 8)]
    for factor, bits, mask in _FOLDS:
        found = (found * factor >> bits) & mask
    values = found.astype(np.float64)
    if length.max(initial=0) > 8:
        values += 1e8 * _integers(eights, end - 8, np.maximum(length - 8, 0))
    return values
