"""Recordings of whatever files somebody names: recordings, captures, recordings lists: `read_any`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from trainer.recordings.captures import capture_rows, is_capture_path
from trainer.recordings.labels import NORMAL
from trainer.recordings.list_reading import read_recordings
from trainer.recordings.list_row import ListRow
from trainer.recordings.listing import ONE_CONDITION, read_list
from trainer.recordings.recording import Recording

_HEAD: Final = 4096
"""Bytes in which a list names its columns."""
_LISTS: Final = (".csv", ".json", ".toml")


def read_any(
    path: Path, *, signals: Sequence[str] = (), unit: str = "", rate_hz: float | None = None
) -> Iterator[Recording]:
    """Read what a file holds, as it was recorded: what a list says of filters and other rates is left out.

    What a list would say may be given for a single recording. Each stretch without a gap is a recording.
    Raises RecordingError for what cannot be read.
    """
    stated = bool(signals or unit or rate_hz) and not is_capture_path(path)
    single = ListRow(path, tuple(signals), NORMAL, ONE_CONDITION, rate_hz, None, None, (), unit)
    for row in [single] if stated else rows_of(path):
        yield from read_recordings([replace(row, target_rate_hz=None, lowpass_hz=None)])


def rows_of(path: Path) -> tuple[ListRow, ...]:
    """What a recordings list would say of a file; of a list, what it says. Raises RecordingError."""
    if is_capture_path(path):
        return tuple(capture_rows([path]))
    if is_list(path):
        return read_list(path)
    return (ListRow(path, (), NORMAL, ONE_CONDITION, None, None, None, (), ""),)


def is_list(path: Path) -> bool:
    """Whether a file looks like a recordings list: its first words name the column `file`."""
    if path.suffix.lower() not in _LISTS:
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("latin-1")
    except OSError:
        return False  # whoever reads it says why it cannot be read
    first = head if path.suffix.lower() != ".csv" else head.partition("\n")[0]
    return re.search(r"(?<![\w.])file(?![\w.])", first.lower()) is not None
