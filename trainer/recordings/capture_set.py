"""Captures that a gateway made of one sensor, read to learn: what cannot be used is left out and named."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.sensors import damage_of
from trainer.core import Progress, RecordingError, quiet
from trainer.formats import CaptureLook
from trainer.recordings.captures import look_at_capture, recorded_days
from trainer.recordings.collection import check_together
from trainer.recordings.file_reading import read_row
from trainer.recordings.labels import NORMAL
from trainer.recordings.listing import ListRow
from trainer.recordings.recording import Recording
from trainer.recordings.spill_file import SpillFile


@dataclass(frozen=True, slots=True)
class CaptureRow:
    """A capture to learn from."""

    path: Path
    """`@FROM-TO` in seconds may follow."""
    condition: str
    sensor: str
    """As the gateway's configuration names it."""


@dataclass(frozen=True, slots=True)
class CaptureSet:
    """What can be learnt from."""

    recordings: tuple[Recording, ...]
    left_out: tuple[str, ...]
    """Captures of which something could not be used, a sentence each."""
    days: frozenset[str]
    """Calendar days, UTC, on which those were recorded whose clock could be trusted."""


def read_captures(
    captures: Sequence[CaptureRow],
    channels: tuple[str, ...],
    unit: str,
    rate_hz: float,
    progress: Progress = quiet,
) -> CaptureSet:
    """Read captures one after another and put their samples on disk.

    Raises RecordingError where none can be used, with what is wrong with the first, and where two hold the
    same samples.
    """
    like = ListRow(Path(), (), NORMAL, "recorded", rate_hz, None, None, channels, unit)
    spill_file = SpillFile()
    recordings: list[Recording] = []
    wrong: list[RecordingError] = []
    damaged: list[str] = []
    days: set[str] = set()
    for number, capture in enumerate(captures):
        progress(number / len(captures), f"reading {capture.path.name}")
        try:
            look = look_at_capture(capture.path)
            _check_notes(look, capture)
            row = replace(like, file=capture.path, condition=capture.condition or like.condition)
            recordings += read_row(row, spill_file)
            days |= recorded_days(look)
            damaged.append(damage_of(look.damaged, look.pieces, str(capture.path)))
        except RecordingError as error:
            wrong.append(error)
    if wrong and not recordings:
        raise wrong[0]
    check_together(recordings)
    left_out = (*(f"Left out: {error}" for error in wrong), *filter(None, damaged))
    return CaptureSet(tuple(recordings), left_out, frozenset(days))


def _check_notes(look: CaptureLook, capture: CaptureRow) -> None:
    """Raise RecordingError for a capture whose notes say that it is of another sensor, or of a fault."""
    for part in look.parts:
        if part.sensor not in ("", capture.sensor):
            raise RecordingError(
                f"its note says that it is of the sensor {part.sensor}, not of {capture.sensor}",
                where=str(capture.path),
                remedy="Record this sensor",
            )
        if part.label not in ("", NORMAL):
            raise RecordingError(
                f"its note says {part.label!r}, not {NORMAL!r}",
                where=str(capture.path),
                remedy="Only the healthy machine is learnt: record it when nothing is wrong",
            )
