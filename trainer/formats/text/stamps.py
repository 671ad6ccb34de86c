"""Time stamps as dates and times of day: ISO 8601, and what Excel and loggers make of it."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.formats.contract import ParsedSamples
from trainer.formats.text.cells import BLANKS, STAMP, split
from trainer.formats.text.layout import Layout
from trainer.formats.text.numbers import readings
from trainer.formats.text.plain import pieces

_DAY_S: Final = 86400.0
_HALF_DAY_S: Final = _DAY_S / 2
_END: Final = ord("\n")


class Stamps:
    """Reads the stamps of one column, and dates of another where there is one, block after block.

    Dates that do not begin with the year, whose order of day and month cannot be told, count as the next day
    whenever they change; so do times of day without a date that fall by more than half a day.
    """

    def __init__(self, layout: Layout, column: int, dates: int | None) -> None:
        """Read `column`; `dates` is the column of dates, if they stand apart."""
        self._layout = layout
        self._column = column
        self._dates = dates
        self._first: int | None = None
        self._days: dict[str, int] = {"": 0}
        self._last = ""
        self._last_s = -np.inf

    def read(self, block: bytes) -> ParsedSamples:
        """Return seconds since the first day's midnight [lines], nan for what is no stamp."""
        found = [np.empty(0)]
        for piece in pieces(readings(block)):
            places = cells_of(piece, self._layout)
            seconds = None
            if places is not None:
                dates = None if self._dates is None else _letters(piece, places[self._dates])
                seconds = self._alike(_letters(piece, places[self._column]), dates)
            if seconds is None:
                rows = [
                    split(line, self._layout.separator) for line in piece.decode("latin-1").split("\n")[:-1]
                ]
                seconds = np.array([self._one(row) for row in rows], dtype=np.float64)
            found.append(seconds)
        return np.concatenate(found)

    def _alike(
        self, stamps: NDArray[np.uint8] | None, dates: NDArray[np.uint8] | None
    ) -> ParsedSamples | None:
        """Read stamps [lines, letters] that are all written alike; None where they are not, or by halves of
        the day."""
        form = None if stamps is None else STAMP.fullmatch(stamps[0].tobytes().decode("latin-1"))
        if (
            stamps is None
            or form is None
            or form[3] is None
            or form[6]
            or (self._dates is not None) > (dates is not None)
        ):
            return None
        digit = np.array([letter.isdigit() for letter in form.string])
        numbers = np.where(digit, stamps - np.uint8(ord("0")), 0).astype(np.int64)
        if numbers.max() > 9 or (stamps[:, ~digit] != stamps[0, ~digit]).any():
            return None
        seconds = np.zeros(len(stamps))
        for begin, end, unit_s in _fields(form):
            seconds += numbers[:, begin:end] @ (unit_s * 10.0 ** np.arange(end - begin - 1, -1, -1))
        days = stamps[:, slice(*form.span(1))] if form[1] else dates
        if days is None:
            falls = np.cumsum(np.diff(seconds, prepend=self._last_s) < -_HALF_DAY_S)
            self._last_s = float(seconds[-1])
            seconds += _DAY_S * (self._days[""] + falls)
            self._days[""] += int(falls[-1])
            return seconds
        edges = np.flatnonzero((days[1:] != days[:-1]).any(axis=1)) + 1
        for begin, end in zip([0, *edges], [*edges, len(days)], strict=True):
            seconds[begin:end] += _DAY_S * self._day(days[begin].tobytes().decode("latin-1"))
        return seconds

    def _one(self, cells: Sequence[str]) -> float:
        stamp = STAMP.fullmatch(cells[self._column]) if len(cells) == self._layout.width else None
        if stamp is None or stamp[3] is None:
            return np.nan
        day = stamp[1] or (cells[self._dates] if self._dates is not None else "")
        hour = int(stamp[3]) % 12 + 12 * (stamp[6].upper() == "PM") if stamp[6] else int(stamp[3])
        second = float((stamp[5] or "0").replace(",", ".").replace(":", "."))
        found = 3600 * hour + 60 * int(stamp[4]) + second
        if not day:
            self._days[""] += found < self._last_s - _HALF_DAY_S
            self._last_s = found
        return _DAY_S * self._day(day) + found

    def _day(self, day: str) -> int:
        """Number of a day; the first one is 0 where dates begin with the year."""
        if day not in self._days:
            try:
                ordinal = date.fromisoformat(day.replace("/", "-").replace(".", "-")).toordinal()
                self._first = ordinal if self._first is None else self._first
                self._days[day] = ordinal - self._first
            except ValueError:
                self._days[day] = self._days[self._last] + 1
        self._last = day
        return self._days[day]


def cells_of(text: bytes, layout: Layout) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]] | None:
    """Where cells of each column begin and end; None where that takes more than to look for separators."""
    if layout.separator == BLANKS or b'"' in text:
        return None
    letters = np.frombuffer(text, np.uint8)
    end = np.flatnonzero((letters == ord(layout.separator)) | (letters == _END))
    if len(end) % layout.width or (letters[end[layout.width - 1 :: layout.width]] != _END).any():
        return None
    begin = np.concatenate([[0], end[:-1] + 1])
    return [(begin[at :: layout.width], end[at :: layout.width]) for at in range(layout.width)]


def _letters(text: bytes, places: tuple[NDArray[np.intp], NDArray[np.intp]]) -> NDArray[np.uint8] | None:
    """Cells as letters [cells, length]; None where their lengths differ."""
    begin, end = places
    lengths = end - begin
    if not lengths[0] or (lengths != lengths[0]).any():
        return None
    return np.frombuffer(text, np.uint8)[begin[:, np.newaxis] + np.arange(lengths[0])]


def _fields(form: re.Match[str]) -> list[tuple[int, int, float]]:
    """Begin, end and unit in seconds of hour, minute, second and its decimals in a stamp."""
    found = [(*form.span(3), 3600.0), (*form.span(4), 60.0)]
    if form[5]:
        begin, end = form.span(5)
        found.append((begin, begin + 2, 1.0))
        found.append((begin + 3, end, 10.0 ** -max(0, end - begin - 3)))
    return found
