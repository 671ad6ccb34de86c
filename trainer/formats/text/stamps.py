"""Time stamps as dates and times of day: ISO 8601, and what Excel and loggers make of it."""

from datetime import date
from typing import Final

import numpy as np

from trainer.formats.contract import ParsedSamples
from trainer.formats.text.cells import STAMP, split
from trainer.formats.text.layout import Layout
from trainer.formats.text.numbers import readings

_DAY_S: Final = 86400.0
_HALF_DAY_S: Final = _DAY_S / 2


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
        self._days: dict[str, int] = {"": 0}
        self._last = ""
        self._last_s = -np.inf

    def read(self, block: bytes) -> ParsedSamples:
        """Return seconds [lines], nan for what is no stamp."""
        lines = readings(block).decode("latin-1").split("\n")[:-1]
        return np.array(
            [self._seconds(split(line, self._layout.separator)) for line in lines], dtype=np.float64
        )

    def _seconds(self, cells: list[str]) -> float:
        stamp = STAMP.fullmatch(cells[self._column]) if len(cells) == self._layout.width else None
        if stamp is None or stamp[3] is None:
            return np.nan
        day = stamp[1] or (cells[self._dates] if self._dates is not None else "")
        if day not in self._days:
            try:
                self._days[day] = date.fromisoformat(day.replace("/", "-").replace(".", "-")).toordinal()
            except ValueError:
                self._days[day] = self._days[self._last] + 1
        self._last = day
        hour = int(stamp[3]) % 12 + 12 * (stamp[6].upper() == "PM") if stamp[6] else int(stamp[3])
        second = float((stamp[5] or "0").replace(",", ".").replace(":", "."))
        found = _DAY_S * self._days[day] + 3600 * hour + 60 * int(stamp[4]) + second
        if not day and found < self._last_s - _HALF_DAY_S:
            self._days[""] += 1
            found += _DAY_S
        self._last_s = found
        return found
