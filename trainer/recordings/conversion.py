"""Recordings of a list as files for the edge, one each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from trainer.core import Progress, check_apart, check_folder, make_folder, quiet
from trainer.recordings.child_reader import KINDS
from trainer.recordings.labels import NORMAL
from trainer.recordings.list_reading import load_list, read_recordings
from trainer.recordings.listing import ONE_CONDITION, ListRow
from trainer.recordings.recording import Recording, write_npz

_RECORDINGS: Final = frozenset({*KINDS, ".txt", ".dat", ".lvm"}) - {".json"}
"""Endings of what is no list."""


def convert_recordings(
    listing: Path, folder: Path, progress: Progress = quiet, *, unit: str = "", rate_hz: float | None = None
) -> Iterator[tuple[Path, Recording]]:
    """Write every recording of a list as .npz into a folder, which is made; yield each when it is written.

    One recording does, too, where its ending is none of lists or `unit` or `rate_hz` say what a list would.

    Raises RecordingError for a list or recording that cannot be used, ChoiceError where a recording would be
    written over itself, AccessError or UnavailableError where it cannot be written.
    """
    check_folder(folder)
    if unit or rate_hz or listing.suffix.lower() in _RECORDINGS:
        row = ListRow(listing, (), NORMAL, ONE_CONDITION, rate_hz, None, None, (), unit)
        recordings = read_recordings([row], progress)
    else:
        recordings = load_list(listing, progress)
    paths = places(recordings, folder)
    for path in paths:
        check_apart(path, *(Path(item.file) for item in recordings))
    make_folder(folder)
    for path, recording in zip(paths, recordings, strict=True):
        write_npz(recording, path)
        yield path, recording


def places(recordings: Sequence[Recording], folder: Path) -> list[Path]:
    """Path of a file for each: the recording's name, numbered from the second of that name on."""
    paths: list[Path] = []
    for recording in recordings:
        plain = recording.name.replace(" ", "_").replace("/", "_")
        name, number = plain, 1
        while folder / f"{name}.npz" in paths:
            number += 1
            name = f"{plain}-{number}"
        paths.append(folder / f"{name}.npz")
    return paths
