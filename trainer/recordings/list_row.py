"""One line of a recordings list: a file, what it is of, and how it is to be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trainer.core import RecordingError
from trainer.formats import Hints
from trainer.recordings.labels import NORMAL

_HIGHEST_LOWPASS: Final = 0.45
"""Share of the rate: the filter's edge, a tenth of its frequency wide, must end below half the rate."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One line of a recordings list."""

    file: Path
    signals: tuple[str, ...]
    """Variables or columns of the file, one per channel; empty to find them by the channels' names."""
    label: str
    """`normal`, or what is wrong with the machine."""
    condition: str
    """The operating condition: a load, a speed, a day."""
    rate_hz: float | None
    """Rate the file was recorded at; None to take what the file states."""
    target_rate_hz: float | None
    """Rate the detector is for; None to keep the recorded one."""
    lowpass_hz: float | None
    """Bandwidth that the recordings are limited to; None for none."""
    channels: tuple[str, ...]
    unit: str
    where: str = ""
    """List and line, for messages."""
    full_scale: float | None = None
    """What 1.0 of a .wav file is in `unit`; None for files that hold physical units."""
    from_s: float | None = None
    """Second of the file, by its samples, from which it is read; None for the first."""
    to_s: float | None = None
    """Second of the file up to which it is read; None for the last."""
    hints: Hints = field(default_factory=Hints)
    """What the list says of how a table of text is written."""
    further: Mapping[str, str] = field(default_factory=dict)
    """Columns of the list that the trainer has no use for, kept: a machine, a date."""

    @property
    def normal(self) -> bool:
        """Whether the machine was healthy."""
        return self.label == NORMAL


def check_row(row: ListRow) -> None:
    """Raise RecordingError for a line that contradicts itself."""
    if row.channels and len(row.signals) not in (0, 1, len(row.channels)):
        raise RecordingError(
            f"{len(row.signals)} signals for {len(row.channels)} channels",
            where=row.where,
            remedy="Name one signal a channel, or one for all; blanks separate names: put one that holds "
            "blanks in quotes, or give columns by number from 1",
        )
    if len(set(row.channels)) != len(row.channels):
        remedy = "Give each channel its own name"
        raise RecordingError("a channel is named twice", where=row.where, remedy=remedy)
    target = row.target_rate_hz or row.rate_hz
    if row.rate_hz and target and target > row.rate_hz:
        raise RecordingError(
            f"target_rate_hz {target:g} is above rate_hz {row.rate_hz:g}",
            where=row.where,
            remedy="Raising a rate adds nothing; choose the lowest rate of all recordings as target",
        )
    if row.lowpass_hz and target and row.lowpass_hz > _HIGHEST_LOWPASS * target:
        raise RecordingError(
            f"lowpass_hz {row.lowpass_hz:g} leaves no room below half of {target:g} Hz",
            where=row.where,
            remedy=f"Choose at most {_HIGHEST_LOWPASS * target:g}, or leave it blank",
        )


def check_together(rows: Sequence[ListRow]) -> None:
    """Raise RecordingError for lines that contradict each other."""
    seen: dict[tuple[object, ...], ListRow] = {}
    for row in rows:
        first = seen.setdefault((row.file, row.signals, row.from_s, row.to_s), row)
        if first is row:
            continue
        what = "is listed twice"
        if (first.label, first.condition) != (row.label, row.condition):
            what = (
                f"is {first.label!r} at {first.condition!r} on line {first.where.rpartition(':')[2]} "
                f"and {row.label!r} at {row.condition!r} here"
            )
        raise RecordingError(f"{row.file.name} {what}", where=row.where, remedy="Remove one of the two lines")
    for name in ("target_rate_hz", "lowpass_hz", "channels", "unit"):
        expected = getattr(rows[0], name)
        for row in rows:
            if getattr(row, name) != expected:
                raise RecordingError(
                    f"{name} is {getattr(row, name)} here and {expected} on the first line",
                    where=row.where,
                    remedy="One list serves one detector; put these recordings into a list of their own",
                )
