"""What a table says: its tracks followed from first to last row, and the rate, unit and gaps that come of
it."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np

from trainer.formats.contract import Content, ParsedSamples, Refusal
from trainer.formats.rates import roundest
from trainer.formats.text.clock import Gaps, Jumps, Line
from trainer.formats.text.header import Header
from trainer.formats.text.time_unit import RATE_TOLERANCE
from trainer.formats.text.timing import Timing
from trainer.formats.units import TIME_NAMES, plain_unit

_ROUND: Final = 5e-4
"""Share by which a measured rate may be off the round number that it is taken for: cheap clocks are off by
it."""
_DRIFT: Final = 1e-4
"""Share from which a drift is told."""
_LISTED: Final = 5
"""Gaps that a note names; it says how many there are."""


class Reads(Protocol):
    """What reads the stamps of a column, block after block."""

    def read(self, block: bytes) -> ParsedSamples:
        """Return seconds [lines]."""


class Watch:
    """Follows clock and counters of one table."""

    def __init__(self, timing: Timing, stamps: Mapping[int, Reads]) -> None:
        """Follow the tracks of `timing`; `stamps` read columns of dates and times."""
        self.timing = timing
        self.numeric = [track.column for track in timing.tracks if track.column not in stamps]
        self._stamps = stamps
        self._gaps = {
            track.column: (Gaps if track.pace.step else Jumps)(track.pace, track.name)
            for track in timing.tracks
        }
        self._line = Line()

    def feed(self, block: bytes, columns: Mapping[int, ParsedSamples]) -> None:
        """Take the next block, and its columns of numbers. Raises Refusal where time goes back."""
        for track in self.timing.tracks:
            stamps = self._stamps.get(track.column)
            values = columns[track.column] if stamps is None else stamps.read(block)
            self._gaps[track.column].feed(values)
            if track is self.timing.tracks[0]:
                self._line.feed(values)

    def starts(self) -> tuple[int, ...]:
        """Rows before which samples are missing, by any of the tracks; after the last block."""
        for gaps in self._gaps.values():
            gaps.finish()
        # A clock and a counter find the same gap, the coarser one a row or two beside it.
        found = sorted({start for gaps in self._gaps.values() for start in gaps.starts})
        return tuple(
            start for start, before in zip(found, [-_LISTED, *found], strict=False) if start - before > 2
        )

    def rate(self, starts: Sequence[int]) -> tuple[float, str, str] | None:
        """Rate in Hz by the clock, and what there is to say of both; None without a clock that tells it."""
        clock = self.timing.tracks[0] if self.timing.tracks else None
        if clock is None or clock.unit is None:
            return None
        step, drift = self._line.steps(list(starts))
        measured_hz = 1 / (step * clock.unit.scale_s)
        # Of clocks that were set to a round number, each is off by a little.
        rate_hz = roundest(measured_hz, _ROUND)
        unit = TIME_NAMES[clock.unit.scale_s]
        drifts = f"; the clock drifts by {drift:.2%}" if abs(drift) > _DRIFT else ""
        return (
            rate_hz,
            f"time is column {clock.name} in {unit}, {clock.unit.why}: {rate_hz:g} Hz",
            f"steps vary by {clock.pace.jitter / step:.1%} of one, written to {clock.pace.quantum:g} {unit}"
            + drifts,
        )


def state(said: str, header: Header, columns: Sequence[int], watch: Watch) -> Content:
    """Say what the table is, after its last block; `said` is how it is written. Raises Refusal where its
    statements contradict each other."""
    starts = watch.starts()
    notes = [said, *watch.timing.notes]
    stated: dict[str, float | str] = {}
    if header.rate_hz:
        stated["rate_hz"] = header.rate_hz
        notes.append(f"the file says {header.rate_hz:g} Hz")
    if found := watch.rate(starts):
        if header.rate_hz and abs(found[0] / header.rate_hz - 1) > RATE_TOLERANCE:
            raise Refusal(
                f"beside its numbers the file says {header.rate_hz:g} Hz, column "
                f"{watch.timing.tracks[0].name} says {found[0]:g} Hz",
                "Find out which is right; write none as time, or skip_lines, into the list to pass over one",
            )
        stated["rate_hz"] = found[0]
        notes += found[1:]
    if starts:
        listed = ", ".join(map(str, starts[:_LISTED]))
        notes.append(f"samples are missing before {len(starts)} readings: {listed}")
    units = {plain_unit(header.unit(at)) for at in columns if header.unit(at)}
    if units:
        # Several are no unit of a list, which is then refused.
        stated["unit"] = ", ".join(sorted(units))
    names = tuple(map(header.name, columns))
    return Content(np.empty((0, len(columns))), stated, names, starts, tuple(notes))
