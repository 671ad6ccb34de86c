"""How far the reading of a list has come, by the bytes of its files."""

import os
import threading
from collections.abc import Callable, Sequence

from trainer.core import Progress
from trainer.recordings.captures import path_on_disk
from trainer.recordings.listing import ListRow


class Reading:
    """Adds up what several threads read; from any of them."""

    def __init__(self, rows: Sequence[ListRow], progress: Progress) -> None:
        """Report to `progress` the share of all files that was read."""
        places = {row.file: path_on_disk(row.file) for row in rows}
        self._sizes = {
            file: os.path.getsize(place) if os.path.isfile(place) else 0 for file, place in places.items()
        }
        self._whole = max(1, sum(self._sizes[row.file] for row in rows))
        self._done = 0.0
        self._progress = progress
        self._lock = threading.Lock()

    def of(self, row: ListRow) -> Callable[[float], None]:
        """Return what to tell the share of this row's file that was read."""
        before = 0.0

        def report(share: float) -> None:
            nonlocal before
            with self._lock:
                self._done += self._sizes[row.file] * (share - before)
                before = share
                self._progress(min(1.0, self._done / self._whole), f"reading {row.file.name}")

        return report
