"""Which columns of a table are clocks and counters, and what is known of the rate by them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from trainer.formats.contract import Hints, ParsedSamples
from trainer.formats.text.cells import Kind
from trainer.formats.text.header import Header
from trainer.formats.text.layout import Layout
from trainer.formats.text.pace import FEWEST, find_pace
from trainer.formats.text.tracks import (
    Track,
    check_one_rate,
    clock_track,
    coarse_track,
    is_counter,
    says_time,
)
from trainer.formats.units import TIME_UNITS, is_unit

NONE: Final = "none"
"""Of `time` in a list: the table's clocks are not to be gone by."""


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
    asked = None if hints.time in ("", NONE) else header.time_column(hints.time, layout.width)
    found = {at: values for at, values in first.items() if at not in wanted or at == asked}
    timely = {at for at in found if at == asked or says_time(at, layout, header)}
    # Unless they say that they are something else than time.
    others = {at for at in found if is_unit(header.unit(at)) and header.unit(at).casefold() not in TIME_UNITS}
    paces = {at: find_pace(values, strict=at not in timely) for at, values in found.items()}
    even = {at: pace for at, pace in paces.items() if pace is not None and at not in others}
    coarse = timely - set(even)
    passed = tuple(dict.fromkeys((*even, *coarse, *(at for at in layout_dates(layout) if at not in wanted))))
    if hints.time == NONE:
        return Timing((), passed, ("time columns are passed over, as the list says",))
    tracks, counters = [], []
    for at, pace in even.items():
        if at != asked and is_counter(at, pace, float(found[at][0]), header, timely=at in timely):
            counters.append(at)
            continue
        if asked not in (None, at):
            continue
        # Stamps are read as seconds.
        own = replace(hints, time_unit="s") if layout.kinds[at] is Kind.STAMP else hints
        tracks.append(clock_track(at, pace, float(found[at][0]), header, own))
    check_one_rate(tracks)
    tracks += [Track(at, header.name(at), even[at], None) for at in counters if even[at].counts]
    judged = [at for at in coarse if asked in (None, at) and len(found[at]) >= FEWEST]
    tracks += [coarse_track(at, found[at], header, may_be_coarse=asked != at) for at in judged]
    notes = tuple(f"column {header.name(at)} is too coarse to tell the rate" for at in coarse)
    return Timing(tuple(tracks), passed, notes)


def layout_dates(layout: Layout) -> list[int]:
    """Columns of dates."""
    return [at for at, kind in enumerate(layout.kinds) if kind is Kind.DATE]
