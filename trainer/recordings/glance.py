"""One file as it was understood, without a list: layout, rate, unit, level, first rows and an outline."""

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from trainer.core import RecordingError
from trainer.formats import Hints
from trainer.recordings.captures import is_capture_path
from trainer.recordings.child_reader import ReadFile, read_content

_ROWS: Final = 5
"""First rows that are shown: enough to compare with the file in an editor."""
_COLUMNS: Final = 64
"""Places of an outline, one a character: with a name before it, it fits 80."""


@dataclass(frozen=True, slots=True)
class ChannelGlance:
    """One channel, in the file's unit."""

    name: str
    mean: float
    rms: float
    """Of what is left without the mean."""
    peak: float
    """Largest distance from the mean."""
    outline: tuple[tuple[float, float], ...]
    """Smallest and largest value of each of the stretches that the recording is divided into."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What was understood of a file."""

    file: str
    rows: int
    rate_hz: float | None
    """None where the file does not say it."""
    unit: str | None
    starts: tuple[int, ...]
    """Rows before which samples are missing."""
    notes: tuple[str, ...]
    first_rows: tuple[tuple[float, ...], ...]
    channels: tuple[ChannelGlance, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values; JSON has no number for nan, which becomes null."""
        found = asdict(self)
        found["first_rows"] = [
            [value if np.isfinite(value) else None for value in row] for row in self.first_rows
        ]
        return found


def glance_at(path: Path, signals: tuple[str, ...] = (), hints: Hints | None = None) -> Glance:
    """Read a file whatever channels it has. Raises RecordingError, also for a capture."""
    if is_capture_path(path):
        raise RecordingError(
            "is a capture, whose stretches are recordings",
            where=str(path),
            remedy="`trainer recordings list` says what the captures of a folder are of",
        )
    read = read_content(path, signals, (), str(path), hints=hints or Hints())
    names = read.names or tuple(str(at + 1) for at in range(read.values.columns))
    rate_hz, unit = read.stated.get("rate_hz"), read.stated.get("unit")
    return Glance(
        file=str(path),
        rows=len(read.values),
        rate_hz=None if rate_hz is None else float(rate_hz),
        unit=None if unit is None else str(unit),
        starts=read.starts,
        notes=read.notes,
        first_rows=tuple(tuple(row) for row in read.values.read(0, min(_ROWS, len(read.values))).tolist()),
        channels=_channels(read, names) if len(read.values) else (),
    )


def _channels(read: ReadFile, names: tuple[str, ...]) -> tuple[ChannelGlance, ...]:
    count, total, squares = len(read.values), np.zeros(read.values.columns), np.zeros(read.values.columns)
    edges = np.linspace(0, count, min(_COLUMNS, count) + 1).astype(int)
    lows = np.full((len(edges) - 1, read.values.columns), np.inf)
    highs = -lows
    row = 0
    for block in read.values.blocks():
        total += block.sum(axis=0)
        squares += np.square(block).sum(axis=0)
        for place, (begin, end) in enumerate(pairwise(edges - row)):
            part = block[max(0, begin) : max(0, end)]
            if len(part):
                lows[place] = np.minimum(lows[place], part.min(axis=0))
                highs[place] = np.maximum(highs[place], part.max(axis=0))
        row += len(block)
    mean = total / count
    rms = np.sqrt(np.maximum(squares / count - np.square(mean), 0.0))
    peak = np.maximum(highs.max(axis=0) - mean, mean - lows.min(axis=0))
    return tuple(
        ChannelGlance(
            name=name,
            mean=float(mean[at]),
            rms=float(rms[at]),
            peak=float(peak[at]),
            outline=tuple(zip(lows[:, at].tolist(), highs[:, at].tolist(), strict=True)),
        )
        for at, name in enumerate(names)
    )
