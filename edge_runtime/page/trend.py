"""A sensor's history for a picture: read page by page, folded into what a screen can show: `Trends`."""

import asyncio
import math
import time
from typing import Any, Final

from edge_runtime.core import DataError
from edge_runtime.page.asking import Service

SPANS_S: Final = {"hour": 3600, "day": 86400, "week": 7 * 86400, "month": 30 * 86400, "year": 366 * 86400}
_BY_MINUTES: Final = ("hour", "day")
"""Shown from minutes; longer ones from hours."""
POINTS: Final = 240
"""Of a picture: a phone has 360 points across."""
MOST_PAGES: Final = 200
"""Of 50 rows each: a year of hours has 176."""
FRESH_S: Final = 30.0
"""For so long what was read is given to everybody."""
MOST_KEPT: Final = 32
"""Pictures that are kept for that."""
_LARGEST: Final = ("score_max", "peak.", "clock_doubt")
_SUMS: Final = ("windows", "seconds", "link_errors", "looks", "state.")

Row = dict[str, Any]


class Trends:
    """One is read at a time: the service scores meanwhile."""

    def __init__(self, service: Service) -> None:
        """Nothing was read yet."""
        self._service, self._turn = service, asyncio.Lock()
        self._kept: dict[tuple[str, str], tuple[float, Row]] = {}

    async def of(self, sensor: str, span: str) -> Row:
        """Rows in order of time, and what happened. Raises DataError for a span that there is not."""
        if span not in SPANS_S:
            raise DataError("there is no such span of time", remedy=f"Ask for {', '.join(SPANS_S)}")
        async with self._turn:
            at_s, kept = self._kept.get((sensor, span), (-math.inf, {}))
            if time.monotonic() - at_s < FRESH_S:
                return kept
            until_s = math.ceil(time.time())
            every = "minute" if span in _BY_MINUTES else "hour"
            rows = await self._read(sensor, until_s - SPANS_S[span], until_s, every)
            marks = await self._read(sensor, until_s - SPANS_S[span], until_s, "mark")
            width_s = SPANS_S[span] / POINTS
            found: Row = {"rows": folded(rows, width_s), "marks": marks[-POINTS:]}
            found |= {"since_s": until_s - SPANS_S[span], "until_s": until_s}
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[sensor, span] = time.monotonic(), found
            return found

    async def _read(self, sensor: str, since_s: float, until_s: float, every: str) -> list[Row]:
        rows: list[Row] = []
        for _ in range(MOST_PAGES):
            asked = {"sensor": sensor, "since_s": since_s, "until_s": until_s, "every": every}
            page = await self._service.ask("history.read", asked)
            rows += page["rows"]
            # Of what happened at one moment a page may end in the middle: nothing goes on then.
            if page["next_s"] is None or page["next_s"] <= since_s:
                break
            since_s = page["next_s"]
        return rows


def folded(rows: list[Row], width_s: float) -> list[Row]:
    """As many rows as there are stretches of that length; of a peak the highest, of a least the lowest."""
    parts: dict[int, list[dict[str, float]]] = {}
    for row in rows:
        parts.setdefault(int(row["time_s"] // width_s), []).append(row["values"])
    if len(parts) == len(rows):
        return rows
    return [{"time_s": place * width_s, "values": together(some)} for place, some in parts.items()]


def together(parts: list[dict[str, float]]) -> dict[str, float]:
    """The values of all parts: largest, least, sums and means by their names."""
    found = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        values = [part[name] for part in parts if name in part]
        if name.startswith(_LARGEST):
            found[name] = max(values)
        elif name == "score_min":
            found[name] = min(values)
        elif name.startswith(_SUMS):
            found[name] = sum(values)
        else:
            found[name] = sum(values) / len(values)
    return found
