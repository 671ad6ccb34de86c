"""Which columns of a table are clocks and counters, and what is known of the rate by them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from trainer.formats.contract import Hints, ParsedSamples, Refusal
from trainer.formats.text.cells import Kind
from trainer.formats.text.header import Header
from trainer.formats.text.layout import Layout
from trainer.formats.text.pace import FEWEST, Pace, coarse_pace, find_pace
from trainer.formats.text.time_unit import RATE_TOLERANCE, TimeColumn, Unit, find_unit, since_epoch
from trainer.formats.units import TIME_UNITS, is_unit

NONE: Final = "none"
"""Of `time` in a list: the table's clocks are not to be gone by."""
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


@dataclass(frozen=True, slots=True)
class Timing:
    """The tracks of a table: the clock first, where there is one."""

    tracks: tuple[Track, ...]
    passed: tuple[int, ...]
    """Columns that are no channels: those of the tracks, and clocks that are too coarse to go by."""
    notes: tuple[str, ...]


def find_timing(
    first: dict[int, ParsedSamples], layout: Layout, header: Header, hints: Hints, wanted: Sequence[int]
) -> Timing:
    """Find clock and counters among columns by their first values.

    `first` holds them by column, stamps in seconds; `wanted` are columns that the list names, which stay
    channels. Raises Refusal where the unit of the clock is unknown or its time is not even, and where clocks
    contradict each other.
    """
    asked = _asked(hints.time, layout, header)
    found = {at: values for at, values in first.items() if at not in wanted or at == asked}
    timely = {at for at in found if at == asked or _says_time(at, layout, header)}
    paces = {at: find_pace(values, strict=at not in timely) for at, values in found.items()}
    even = {at: pace for at, pace in paces.items() if pace is not None and not _has_other_unit(at, header)}
    coarse = {at: _coarse(at, found[at], header, hints, asked) for at in timely - set(even)}
    counters = [
        at
        for at in even
        if at != asked and not since_epoch(float(found[at][0])) and _is_counter(at, even[at], layout, header)
    ]
    clocks = [at for at in even if at not in counters and (asked is None or at == asked)]
    passed = tuple(dict.fromkeys((*even, *coarse, *(at for at in layout_dates(layout) if at not in wanted))))
    if hints.time == NONE:
        return Timing((), passed, ("time columns are passed over, as the list says",))
    seconds = replace(hints, time_unit="s")  # stamps are read as such
    tracks = _agreeing(
        [
            _clock(at, even[at], found[at], header, seconds if layout.kinds[at] is Kind.STAMP else hints)
            for at in clocks
        ]
    )
    tracks += [Track(at, name_of(at, header), even[at], None) for at in counters if even[at].counts]
    tracks += [Track(at, name_of(at, header), pace, None) for at, pace in coarse.items() if pace is not None]
    notes = tuple(f"column {name_of(at, header)} is too coarse to tell the rate" for at in coarse)
    return Timing(tuple(tracks), passed, notes)


def _has_other_unit(at: int, header: Header) -> bool:
    """Whether the header says that a column is something else than time."""
    unit = header.units[at] if header.units else ""
    return bool(unit) and is_unit(unit) and unit.casefold() not in TIME_UNITS


def _coarse(at: int, values: ParsedSamples, header: Header, hints: Hints, asked: int | None) -> Pace | None:
    """Pace of a column of time that tells no rate; refuses one that is neither even nor coarse."""
    if hints.time == NONE or asked not in (None, at) or len(values) < FEWEST:
        return None
    pace = coarse_pace(values)
    if pace is not None and asked != at:
        return pace
    wrong = np.flatnonzero(~(np.diff(values) >= 0))
    place = f": see reading {int(wrong[0]) + 2}" if wrong.size else ""
    raise Refusal(
        f"column {name_of(at, header)} is no even time{place}",
        "Readings are out of order or the stamps uneven; cut the file there, or write none as time into the "
        "list to go by rate_hz alone",
    )


def layout_dates(layout: Layout) -> list[int]:
    """Columns of dates."""
    return [at for at, kind in enumerate(layout.kinds) if kind is Kind.DATE]


def name_of(at: int, header: Header) -> str:
    """What a column is called: its header, or its number from 1."""
    return header.names[at] if header.names and header.names[at] else str(at + 1)


def _asked(time: str, layout: Layout, header: Header) -> int | None:
    if time in ("", NONE):
        return None
    names = [name.casefold() for name in header.names]
    if time.casefold() in names:
        return names.index(time.casefold())
    if time.isdecimal() and 1 <= int(time) <= layout.width:
        return int(time) - 1
    raise Refusal(f"has no column {time!r} of time", "Correct time in the list, by name or by number from 1")


def _says_time(at: int, layout: Layout, header: Header) -> bool:
    if layout.kinds[at] is Kind.STAMP:
        return True
    name, unit = (header.names[at].casefold(), header.units[at].casefold()) if header.names else ("", "")
    return unit in TIME_UNITS or name in ("t", *TIME_UNITS) or any(word in name for word in _TIMELY)


def _is_counter(at: int, pace: Pace, layout: Layout, header: Header) -> bool:
    if header.names and header.names[at].casefold().strip() in _COUNTING:
        return True
    return pace.counts and pace.quantum >= 1 and not _says_time(at, layout, header)


def _clock(at: int, pace: Pace, values: ParsedSamples, header: Header, hints: Hints) -> Track:
    name = name_of(at, header)
    if not pace.even:
        raise Refusal(
            f"column {name} steps unevenly: more than one step in twenty is above {pace.limit:.6g}, and "
            f"{pace.step:.6g} is usual",
            "Samples were taken at no fixed rate, or stamped when a packet came; write none as time into the "
            "list to go by rate_hz alone",
        )
    unit = header.units[at] if header.units else ""
    column = TimeColumn(name, unit, pace, float(values[0]), header.names)
    return Track(at, name, pace, find_unit(column, hints))


def _agreeing(tracks: list[Track]) -> list[Track]:
    """Check that all clocks give one rate. Raises Refusal where they do not."""
    rates = [1 / (track.pace.step * track.unit.scale_s) for track in tracks if track.unit]
    for track, rate_hz in zip(tracks, rates, strict=True):
        if abs(rate_hz / rates[0] - 1) > RATE_TOLERANCE:
            raise Refusal(
                f"column {tracks[0].name} gives {rates[0]:.6g} Hz and column {track.name} {rate_hz:.6g} Hz: "
                "there are several rates in one file",
                "Export a file for each rate, or name the column to go by as time in the list",
            )
    return tracks
