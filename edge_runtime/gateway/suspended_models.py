"""Models that stopped the service once, remembered on disk so that they do not a second time."""

import contextlib
import json
import os
from pathlib import Path
from typing import Final

FILE: Final = "suspended-models.json"
MAX_ENTRIES: Final = 64
"""One for each model of a gateway; the oldest is forgotten first."""
MAX_BYTES: Final = 64 * 1024


class SuspendedModels:
    """The list, in the state folder: SHA-256 of a model to why it is not run."""

    def __init__(self, state_folder: Path) -> None:
        self.path = state_folder / FILE

    def read(self) -> dict[str, str]:
        """The entries; none where the file is not there or is damaged: then the models are tried again."""
        try:
            with self.path.open("rb") as file:
                body = json.loads(file.read(MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(body, dict):
            return {}
        return {str(key): value for key, value in body.items() if isinstance(value, str)}

    def add(self, sha256: str, reason: str) -> None:
        """Add an entry, on disk before this returns. A folder that cannot be written is passed over: the
        model is then found out a second time."""
        entries = self.read()
        entries.pop(sha256, None)
        entries[sha256] = reason
        newest = dict(list(entries.items())[-MAX_ENTRIES:])
        partial = self.path.with_suffix(".partial")
        with contextlib.suppress(OSError):
            with partial.open("w", encoding="utf-8") as file:
                json.dump(newest, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
