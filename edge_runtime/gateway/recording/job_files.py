"""Jobs on disk, one file for each sensor's latest: whole or as before, whatever ends the program."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge_runtime.core import DataError
from edge_runtime.gateway.recording.job import Job, encode_job, parse_job
from edge_runtime.gateway.recording.store import make_folder, path_word, sync_folder

FOLDER: Final = "recording"
"""In the state folder."""
_ENDING: Final = ".json"
_MAX_BYTES: Final = 64 * 1024
"""Of a file: a job takes one kilobyte."""


class JobFiles:
    """The folder of jobs."""

    def __init__(self, state_folder: Path) -> None:
        self.folder = state_folder / FOLDER

    def read(self) -> Iterator[Job | DataError]:
        """Every job, and of what is none why."""
        for path in sorted(self.folder.glob(f"*{_ENDING}")):
            try:
                with path.open("rb") as file:
                    yield parse_job(file.read(_MAX_BYTES))
            except OSError as error:
                yield DataError(str(error.strerror), where=str(path), remedy="See that the disk is sound")
            except DataError as error:
                yield DataError(error.what, where=str(path), remedy=error.remedy)

    def write(self, job: Job) -> None:
        """Keep a job. Raises OSError; then the file is as it was."""
        make_folder(self.folder)
        path = self.folder / (path_word(job.order.sensor) + _ENDING)
        partial = path.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                file.write(encode_job(job))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            sync_folder(self.folder)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise
