"""The last counter of each sender of commands, on disk: what was obeyed once is never obeyed again."""

import contextlib
import json
import os
from pathlib import Path
from typing import Final

FILE: Final = "commands.json"
MAX_SENDERS: Final = 256
"""A judgement: above the people and programs that may command one gateway."""
MAX_BYTES: Final = 256 * 1024
"""256 names of 64 characters take a fifth of it."""


class Counters:
    """Used by one thread. Times are wall time, seconds since 1970."""

    def __init__(self, state_folder: Path) -> None:
        """Read what an earlier run has kept; a file that cannot be read is set aside as `.damaged`."""
        self._path = state_folder / FILE
        self._known: dict[str, tuple[int, float]] = {}
        try:
            with self._path.open("rb") as file:
                body = json.loads(file.read(MAX_BYTES))
            self._known = {str(name): (int(last), float(sent)) for name, (last, sent) in body.items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            with contextlib.suppress(OSError):
                self._path.replace(self._path.with_suffix(".damaged"))

    def last(self, sender: str) -> int | None:
        """The counter of the newest command of this sender that was obeyed; None without one."""
        known = self._known.get(sender)
        return known[0] if known is not None else None

    def has_room(self, sender: str, forget_before_s: float) -> bool:
        """Whether the sender can be remembered; those are forgotten whose newest command is older than that,
        since a copy of it would be refused by its age."""
        if sender in self._known or len(self._known) < MAX_SENDERS:
            return True
        self._known = {name: kept for name, kept in self._known.items() if kept[1] >= forget_before_s}
        return len(self._known) < MAX_SENDERS

    def keep(self, sender: str, counter: int, sent_s: float) -> None:
        """Remember a counter. On disk before this returns; raises OSError where that cannot be."""
        known = {**self._known, sender: (counter, sent_s)}
        partial = self._path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(known, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._known = known
