"""Captures as recordings: each stretch without a gap is one; what they are of is said by their notes."""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge_runtime.sensors import capture_part, is_capture
from trainer.core import RecordingError
from trainer.formats import CaptureLook, Refusal, Request, check_head, check_look
from trainer.recordings.child_reader import ReadFile, answer_line, open_file, take_values
from trainer.recordings.labels import NORMAL
from trainer.recordings.listing import ListRow
from trainer.recordings.parsers import CAPTURE_CHILD, Parser, single_parser
from trainer.recordings.raw_values import RawValues

_KIND: Final = "capture"
_LOOK: Final = 2 * 1024 * 1024
"""Bytes of the line that says what a capture is of: a thousand parts of 1.5 KB."""
_NO_CONDITION: Final = "recorded"
"""The condition of captures whose notes name none, as of arrays."""


def read_stretches(path: Path, channels: tuple[str, ...], where: str) -> Iterator[ReadFile]:
    """Read a capture, or `CAPTURE@FROM-TO`: a stretch without a gap at a time.

    Raises RecordingError for one that cannot be read, is damaged throughout, or of another sensor.
    """
    with _reader(path, channels, where) as parser:
        while True:
            with parser.in_time():
                head = check_head(answer_line(parser.pipe), len(channels))
                values = RawValues(head.columns)
                take_values(parser.pipe, head, values)
            if not head.rows:  # after the last one
                return
            yield ReadFile(values, head.stated)


def look_at_capture(path: Path) -> CaptureLook:
    """What a capture is of. Raises RecordingError for one that cannot be read or holds no frame."""
    with _reader(path, (), str(path)) as parser, parser.in_time():
        return check_look(answer_line(parser.pipe, _LOOK))


@contextlib.contextmanager
def _reader(path: Path, channels: tuple[str, ...], where: str) -> Iterator[Parser]:
    """Start what reads a capture; what it refuses becomes a RecordingError."""
    part = capture_part(str(path))
    span_s = None if part.path == path else (part.begin_s, part.end_s)
    request = Request(_KIND, (), channels, "", span_s=span_s)
    with open_file(part.path, where) as file:
        try:
            with single_parser(CAPTURE_CHILD, file, request) as parser:
                yield parser
        except Refusal as refusal:
            raise RecordingError(refusal.what, where=where, remedy=refusal.remedy) from refusal


def capture_rows(paths: Iterable[Path]) -> Iterator[ListRow]:
    """Rows of a recordings list for captures: a row for each part that its notes tell apart.

    Captures without a label are taken for normal, those without a condition are called `recorded`. Raises
    RecordingError for a capture that cannot be read or whose sensor has not said its unit.
    """
    for path in paths:
        look = look_at_capture(path)
        if not look.unit:
            raise RecordingError(
                "the sensor has not said its unit: no hello frame is in it",
                where=str(path),
                remedy="Record with `edge-runtime record`, which puts one in, or write the list by hand",
            )
        for number, part in enumerate(look.parts):
            end_s = look.parts[number + 1].begin_s if number + 1 < len(look.parts) else look.seconds
            whole = len(look.parts) == 1
            yield ListRow(
                file=path if whole else path.with_name(f"{path.name}@{part.begin_s:.6f}-{end_s:.6f}"),
                signals=(),
                label=part.label or NORMAL,
                condition=part.condition or _NO_CONDITION,
                rate_hz=look.rate_hz,
                target_rate_hz=None,
                lowpass_hz=None,
                channels=look.channels,
                unit=look.unit,
                where=str(path),
                further={
                    name: said for name, said in (("sensor", part.sensor), ("recorded", part.time)) if said
                },
            )


def is_capture_path(path: Path) -> bool:
    """Whether a list's file is a capture or a part of one."""
    return is_capture(str(path))


def path_on_disk(path: Path) -> Path:
    """The file that holds what a list's file names: without `@FROM-TO` where it is a part of a capture."""
    return capture_part(str(path)).path


def recorded_days(look: CaptureLook) -> frozenset[str]:
    """Calendar days, UTC, that a capture's notes name, as `2026-11-26`."""
    days = set()
    for part in look.parts:
        try:
            days.add(datetime.fromisoformat(part.time).astimezone(UTC).date().isoformat())
        except (ValueError, OverflowError):
            continue  # a note of somebody else's, or none
    return frozenset(days)
