"""Columns that go on evenly: clocks, counters, and clocks that are too coarse to tell a rate by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trainer.formats.contract import Hints, ParsedSamples, Refusal
from trainer.formats.text.cells import Kind
from trainer.formats.text.header import Header
from trainer.formats.text.layout import Layout
from trainer.formats.text.pace import Pace, coarse_pace
from trainer.formats.text.time_unit import RATE_TOLERANCE, TimeColumn, Unit, find_unit, since_epoch
from trainer.formats.units import TIME_UNITS

_TIMELY: Final = (
    "time",
    "zeit",
    "temps",
    "tiempo",
    "tempo",
    "stamp",
    "date",
    "datum",
    "clock",
    "elapsed",
    "second",
    "millis",
    "micros",
)
_COUNTING: Final = {
    "idx",
    "index",
    "count",
    "counter",
    "sample",
    "samples",
    "nr",
    "no",
    "no.",
    "#",
    "n",
    "i",
    "row",
    "id",
    "seq",
    "packet",
    "frame",
    "number",
    "unnamed: 0",
}


@dataclass(frozen=True, slots=True)
class Track:
    """A column that goes on evenly."""

    column: int
    name: str
    pace: Pace
    unit: Unit | None
    """None for a counter, which says nothing of the rate."""


def clock_track(at: int, pace: Pace, first: float, header: Header, hints: Hints) -> Track:
    """Make the track of a clock whose first value is `first`. Raises Refusal for steps that are uneven, and
    where its unit is not known."""
    name = header.name(at)
    if not pace.even:
        raise Refusal(
            f"column {name} steps unevenly: more than one step in twenty is above {pace.limit:.6g}, and "
            f"{pace.step:.6g} is usual",
            "Samples were taken at no fixed rate, or stamped when a packet came; write none as time into the "
            "list to go by rate_hz alone",
        )
    column = TimeColumn(name, header.unit(at), pace, first, header.names)
    return Track(at, name, pace, find_unit(column, hints))


def coarse_track(at: int, values: ParsedSamples, header: Header, *, may_be_coarse: bool) -> Track:
    """Make the track of a column of time that is too coarse to tell a rate. Raises Refusal for one that is
    neither even nor coarse, or that is to tell it."""
    pace = coarse_pace(values)
    if pace is not None and may_be_coarse:
        return Track(at, header.name(at), pace, None)
    wrong = np.flatnonzero(~(np.diff(values) >= 0))
    place = f": see reading {int(wrong[0]) + 2}" if wrong.size else ""
    raise Refusal(
        f"column {header.name(at)} is no even time{place}",
        "Readings are out of order or the stamps uneven; cut the file there, or write none as time into the "
        "list to go by rate_hz alone",
    )


def check_one_rate(tracks: Sequence[Track]) -> None:
    """Raise Refusal where clocks of one table give several rates."""
    rates = [(track.name, 1 / (track.pace.step * track.unit.scale_s)) for track in tracks if track.unit]
    for name, rate_hz in rates:
        if abs(rate_hz / rates[0][1] - 1) > RATE_TOLERANCE:
            raise Refusal(
                f"column {rates[0][0]} gives {rates[0][1]:.6g} Hz and column {name} {rate_hz:.6g} Hz: "
                "there are several rates in one file",
                "Export a file for each rate, or name the column to go by as time in the list",
            )


def is_counter(at: int, pace: Pace, first: float, header: Header, *, timely: bool) -> bool:
    """Whether a column that begins with `first` counts readings; `timely` says that it is called time."""
    if since_epoch(first):
        return False
    named = bool(header.names) and header.name(at).casefold().strip() in _COUNTING
    return named or (pace.counts and pace.quantum >= 1 and not timely)


def says_time(at: int, layout: Layout, header: Header) -> bool:
    """Whether a column is one of time by its cells, its name or its unit."""
    if layout.kinds[at] is Kind.STAMP:
        return True
    name, unit = header.name(at).casefold(), header.unit(at).casefold()
    return unit in TIME_UNITS or name in ("t", *TIME_UNITS) or any(word in name for word in _TIMELY)
