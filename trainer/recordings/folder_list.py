"""A recordings list of what lies in a folder, by the notes of captures and the names of folders and files."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge_runtime.sensors import is_capture
from trainer.core import RecordingError
from trainer.recordings.captures import capture_rows, path_on_disk
from trainer.recordings.child_reader import is_read
from trainer.recordings.glance import Glance, glance_at
from trainer.recordings.labels import NORMAL, is_normal
from trainer.recordings.listing import ONE_CONDITION, ListRow

_WORDS: Final = re.compile(r"[\W_]+")
_NUMBERED: Final = re.compile(r"[\W_]*\d+[\W_]*$")
"""What tells files of one kind apart: a number at the end of their names."""


def list_folder(folder: Path) -> tuple[ListRow, ...]:
    """List the recordings below a folder, in the order of their names.

    Conditions and labels of captures are their notes'. Of other files, the folder or the word in a file's
    name that says normal, in any of the usual words, tells which level names the labels; other levels of
    folders are the conditions. Where nothing says it, labels are blank: they are for people to fill in. One
    file of each folder is looked at for channels, unit and rate. Raises RecordingError for a folder without
    recordings, and for a capture that cannot be read.
    """
    if not folder.is_dir():
        raise RecordingError(
            "is no folder", where=str(folder), remedy="Give the folder that holds recordings"
        )
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    captures = tuple(capture_rows(path for path in found if is_capture(path.name)))
    files = [
        path
        for path in found
        if is_read(path)
        and not (path.name.startswith((".", "README")) or path.suffix == ".md" or is_capture(path.name))
    ]
    if not (files or captures):
        raise RecordingError(
            "holds no captures and no other recordings",
            where=str(folder),
            remedy="Give a folder of .frames files, as `edge-runtime record` writes them, or of .csv, .mat, "
            ".npz, .wav or text files",
        )
    others = _told(_labelled(folder, files))
    return tuple(sorted((*captures, *others), key=lambda row: path_on_disk(row.file)))


def _is_normal_name(path: Path) -> bool:
    return any(is_normal(word) for word in _WORDS.split(path.stem) if word)


def _labelled(folder: Path, files: Sequence[Path]) -> Iterator[ListRow]:
    """Rows by the level of folders that has one called normal, or by the files' names."""
    levels = [
        level
        for path in files
        for level, part in enumerate(path.relative_to(folder).parts[:-1])
        if is_normal(part)
    ]
    by_name = not levels and any(map(_is_normal_name, files))
    for path in files:
        parts, label = list(path.relative_to(folder).parts[:-1]), ""
        if by_name:
            label = NORMAL if _is_normal_name(path) else _NUMBERED.sub("", path.stem) or path.stem
        elif levels and levels[0] < len(parts):
            label = parts.pop(levels[0])
            label = NORMAL if is_normal(label) else label
        condition = " ".join(parts) or ONE_CONDITION
        yield ListRow(path, (), label, condition, None, None, None, (), "", where=str(path))


def _told(rows: Iterable[ListRow]) -> Iterator[ListRow]:
    """Add what a file of each folder and kind says; the rate where the files do not state it stays open."""
    seen: dict[tuple[Path, str], Glance] = {}
    for row in rows:
        kind = (row.file.parent, row.file.suffix)
        if kind not in seen:
            seen[kind] = glance_at(row.file)
        found = seen[kind]
        channels = tuple(channel.name for channel in found.channels)
        yield replace(row, channels=channels, unit="" if not found.unit or "," in found.unit else found.unit)
