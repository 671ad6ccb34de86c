"""What the service leaves for the doctor about subscribers that are away: one line in the state folder."""

import contextlib
from pathlib import Path
from typing import Final

_FILE: Final = "unread.txt"
_MAX_BYTES: Final = 1000
"""A judgement: the note is one line of a hundred; what is longer was not written here."""


def write_note(folder: Path, text: str) -> None:
    """Leave the text, or nothing; a disk that does not take it is no reason to stop."""
    file = folder / _FILE
    with contextlib.suppress(OSError):
        if text == read_note(folder):  # written when it changes: a card bears only so many writes
            return
        if not text:
            file.unlink(missing_ok=True)
            return
        beside = file.with_suffix(".new")
        beside.write_text(text)
        beside.replace(file)


def read_note(folder: Path) -> str:
    """What the service left last; empty where nothing is at risk or it has never run."""
    try:
        with (folder / _FILE).open("rb") as file:
            return file.read(_MAX_BYTES).decode(errors="replace").strip()
    except OSError:
        return ""
