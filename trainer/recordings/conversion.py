"""Recordings of a list as files for the edge, one each."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from trainer.core import check_apart, check_folder, make_folder
from trainer.recordings.recording import Recording, load_list, write_npz


def convert_recordings(listing: Path, folder: Path) -> Iterator[tuple[Path, Recording]]:
    """Write every recording of a list as .npz into a folder, which is made; give each when it is there.

    Raises RecordingError for a list or recording that cannot be used, ChoiceError where a recording would be
    written over itself, AccessError or UnavailableError where it cannot be written.
    """
    check_folder(folder)
    recordings = load_list(listing)
    paths = places(recordings, folder)
    for path in paths:
        check_apart(path, *(Path(item.file) for item in recordings))
    make_folder(folder)
    for path, recording in zip(paths, recordings, strict=True):
        write_npz(recording, path)
        yield path, recording


def places(recordings: Sequence[Recording], folder: Path) -> list[Path]:
    """Name a file for each: as the recording is called, numbered from the second of that name on."""
    found: list[Path] = []
    for recording in recordings:
        plain = recording.name.replace(" ", "_").replace("/", "_")
        name, number = plain, 1
        while folder / f"{name}.npz" in found:
            number += 1
            name = f"{plain}-{number}"
        found.append(folder / f"{name}.npz")
    return found
