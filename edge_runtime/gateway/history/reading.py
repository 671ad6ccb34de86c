"""What a history holds, read from its open file: `HistoryReader`. Used by one thread at a time."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from edge_runtime.core import DataError
from edge_runtime.gateway.history.blocks import decode
from edge_runtime.gateway.history.statements import BLOCK, ID_STEP, LIMITS, MARKS
from edge_runtime.gateway.history.values import Values

SLOT_MINUTES: Final = 10
"""Minutes of a block: as many as one write brings."""
SLOTS_OF_HOUR: Final = 60 // SLOT_MINUTES
Every = Literal["minute", "hour"]


class Row(NamedTuple):
    """One minute, or one hour, of a sensor."""

    minute: int
    """Its first, counted since 1970."""
    values: Values


class Mark(NamedTuple):
    """Something that happened."""

    time_us: int
    """Wall time, microseconds since 1970."""
    sensor: str
    kind: str
    """`alarm`, `model`, `commissioning`, or what was done about an alarm, such as `acknowledged`."""
    text: str


class Waiting(NamedTuple):
    """What is not written yet."""

    minutes: Mapping[tuple[str, int], Values]
    """By sensor and minute."""
    marks: Sequence[Mark]


NOTHING_WAITS: Final = Waiting({}, ())


class HistoryReader:
    """Reads what was written by `HistoryFile`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Read from an open file, whose tables are there."""
        self._db = db
        self._layouts: dict[int, tuple[str, ...]] = {}
        self.damaged = 0
        """Blocks that could not be read so far."""

    def sensors(self) -> dict[str, int]:
        """The number of each sensor by its name."""
        return dict(self._db.execute("SELECT name, id FROM sensor ORDER BY id").fetchall())

    def slot(self, slot: int, sensor: int) -> Mapping[int, Values]:
        """The minutes of a slot by their place in it; none where there are none, or they are damaged."""
        return self._block("minutes", slot * ID_STEP + sensor)

    def rows(self, sensor: str, every: Every, since: int, until: int) -> Iterator[Row]:
        """The rows of a sensor that begin in minutes from `since` to before `until`, in order of time."""
        number = self.sensors().get(sensor)
        if number is None:
            return
        minutes, table = (SLOT_MINUTES, "minutes") if every == "minute" else (60, "hours")
        first, last = (row_id // ID_STEP for row_id in self._db.execute(LIMITS[table]).fetchone())
        for slot in range(max(first, since // minutes), min(last, (until - 1) // minutes) + 1):
            for place, values in self._block(table, slot * ID_STEP + number).items():
                if since <= slot * minutes + place < until:
                    yield Row(slot * minutes + place, values)

    def marks(self, sensor: str, since_us: int, until_us: int) -> Iterator[Mark]:
        """What happened to a sensor from one time to before another, in order."""
        for row in self._db.execute(MARKS, (since_us, until_us, sensor)):
            yield Mark(*row)

    def _block(self, table: str, row_id: int) -> Mapping[int, Values]:
        found = self._db.execute(BLOCK[table], (row_id,)).fetchone()
        if found is None:
            return {}
        try:
            return decode(found[1], self._columns(found[0]))
        except DataError:
            self.damaged += 1
            return {}

    def _columns(self, layout: int) -> tuple[str, ...]:
        if layout not in self._layouts:
            found = self._db.execute("SELECT columns FROM layout WHERE id = ?", (layout,)).fetchone()
            try:
                self._layouts[layout] = tuple(json.loads(found[0]))
            except (TypeError, ValueError) as error:
                raise DataError("a block is damaged (its columns are not known)") from error
        return self._layouts[layout]
