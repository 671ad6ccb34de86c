"""Recordings of a list as files for the edge, one each."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from trainer import delivery
from trainer.recordings import Recording, load, write_npz


def convert(listing: Path, folder: Path) -> Iterator[tuple[Path, Recording]]:
    """Write every recording of a list as .npz into a folder, which is made; give each when it is there.

    Raises RecordingError for a list or recording that cannot be used, ChoiceError where a recording would be
    written over itself, AccessError or UnavailableError where it cannot be written.
    """
    delivery.check_folder(folder)
    recordings = load(listing)
    paths = places(recordings, folder)
    for path in paths:
        delivery.check_apart(path, *(Path(item.file) for item in recordings))
    delivery.make_folder(folder)
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
