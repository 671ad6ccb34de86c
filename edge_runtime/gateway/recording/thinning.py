"""Which capture makes room for the next: `next_to_thin`. Pure.

Only snapshots are thinned: of a series the one whose neighbours are closest together goes first, so that what
is left stays spread over the whole of it; the first and the last stay. A recording that somebody asked for is
never deleted here.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.sensors import CaptureNote


@dataclass(frozen=True, slots=True)
class Capture:
    """A file in the folder of captures."""

    path: Path
    note: CaptureNote
    """Empty where the program did not make it."""
    bytes: int
    seconds: float = 0.0
    """From its first frame to its last, by the sensor's clock; 0 where that is not known."""


def next_to_thin(captures: Iterable[Capture]) -> Capture | None:
    """The snapshot that is missed least, of those that have ended; None where none may go."""
    series: defaultdict[tuple[str, str], list[Capture]] = defaultdict(list)
    for capture in captures:
        if capture.note.every_s > 0 and capture.note.recording:
            series[capture.note.sensor, capture.note.recording].append(capture)
    best: tuple[float, str, Capture] | None = None
    for snapshots in series.values():
        snapshots.sort(key=lambda capture: capture.note.part)
        for before, capture, after in zip(snapshots, snapshots[1:], snapshots[2:], strict=False):
            gap_s = (after.note.part - before.note.part) * capture.note.every_s
            if best is None or (gap_s, capture.note.time) < best[:2]:
                best = gap_s, capture.note.time, capture
    return None if best is None else best[2]
