"""What people ask of the history through the door: a page of minutes, of hours, or of what happened."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from edge_runtime.core import DataError, printable
from edge_runtime.door import Access, Asker, Later, Method

if TYPE_CHECKING:
    from edge_runtime.gateway.history.reading import HistoryReader, Waiting
    from edge_runtime.gateway.history.values import Values

PAGE: Final = 50
"""Rows of an answer: one with three channels has 700 bytes, and encoding more takes the processor from
scoring for too long."""
_LATEST_S: Final = 1e11
"""The year 5138: beyond it a number is no time in seconds."""
EVERY: Final = ("minute", "hour", "mark")


@dataclass(frozen=True, slots=True)
class HistoryParams:
    """What is asked."""

    sensor: str
    since_s: float
    """Seconds since 1970; the first that is wanted."""
    until_s: float
    """The first that is not."""
    every: str = "minute"
    """`minute`, `hour`, or `mark` for what happened."""


def history_methods(read: Callable[[HistoryParams, Asker], Later]) -> list[Method]:
    """What can be asked through the door."""
    about = "Read a page of a sensor's history: values of minutes or hours, or what happened."
    return [Method("history.read", Access.READ, about, HistoryParams, read)]


def page(
    reader: "HistoryReader", waiting: "Waiting", params: HistoryParams, stated: Sequence[str] = ()
) -> dict[str, object]:
    """At most PAGE rows, in order of time, and from where the next ones are; null where these are all.

    `waiting` is what is not written yet, `stated` are sensors that there may be nothing of yet. Raises
    DataError for what there is not.
    """
    if params.sensor not in (known := dict.fromkeys([*stated, *reader.sensors()])):
        what = f"there is no sensor {printable(params.sensor, 60)!r}"
        names = ", ".join(printable(name, 60) for name in known)
        raise DataError(what, remedy=f"Ask for one of {names}")
    if not 0 <= params.since_s <= params.until_s <= _LATEST_S:
        remedy = "Give seconds since 1970, since_s before until_s"
        raise DataError("this is no span of time", where="since_s, until_s", remedy=remedy)
    if params.every not in EVERY:
        what = f"there is no history by {printable(params.every, 40)!r}"
        raise DataError(what, remedy=f"Ask for {', '.join(EVERY)}")
    rows = history_views(reader, params, waiting)
    found = list(islice(rows, PAGE))
    after = next(rows, None)
    return {"rows": found, "next_s": None if after is None else after["time_s"]}


def history_views(
    reader: "HistoryReader", params: HistoryParams, waiting: "Waiting"
) -> Iterator[dict[str, object]]:
    """All rows that are asked for, as commands and pages get them."""
    if params.every == "mark":
        since_us, until_us = round(params.since_s * 1e6), round(params.until_s * 1e6)
        fresh_marks = [mark for mark in waiting.marks if mark.sensor == params.sensor]
        known = [mark for mark in fresh_marks if since_us <= mark.time_us < until_us]
        for mark in (*reader.marks(params.sensor, since_us, until_us), *sorted(known)):
            yield {"time_s": mark.time_us / 1e6, "kind": mark.kind, "text": mark.text}
        return
    since, until = int(params.since_s // 60), int(-(-params.until_s // 60))
    kept = reader.rows(params.sensor, "minute" if params.every == "minute" else "hour", since, until)
    step = 1 if params.every == "minute" else 60
    fresh = {
        minute: values
        for (sensor, minute), values in waiting.minutes.items()
        if sensor == params.sensor and since <= minute < until
    }
    for minute, values in _with_waiting(kept, fresh, step):
        shown = {column: float(f"{value:.5g}") for column, value in values.items()}
        yield {"time_s": minute * 60, "values": shown}


def _with_waiting(
    kept: "Iterable[tuple[int, Values]]", fresh: "Mapping[int, Values]", step: int
) -> "Iterator[tuple[int, Values]]":
    """Rows in order, with what waits in those that it belongs to."""
    from edge_runtime.gateway.history.values import merged  # noqa: PLC0415  numpy-free, and only where it is kept

    parts: dict[int, list[Values]] = {}
    for minute, values in fresh.items():
        parts.setdefault(minute - minute % step, []).append(values)
    for minute, values in kept:
        for earlier in sorted(each for each in parts if each < minute):
            yield earlier, merged(parts.pop(earlier))
        yield minute, merged([values, *parts.pop(minute, [])])
    for minute in sorted(parts):
        yield minute, merged(parts[minute])
