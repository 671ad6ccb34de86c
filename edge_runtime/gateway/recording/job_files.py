"""Jobs on disk, one file for each sensor's latest: whole or as before, whatever ends the program."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge_runtime.core import DataError, read_small, sensor_folder_name, write_whole
from edge_runtime.gateway.recording.job import Job, encode_job, parse_job
from edge_runtime.gateway.recording.store import make_folder

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
                yield parse_job(read_small(path, _MAX_BYTES))
            except OSError as error:
                yield DataError(str(error.strerror), where=str(path), remedy="See that the disk is sound")
            except DataError as error:
                yield DataError(error.what, where=str(path), remedy=error.remedy)

    def write(self, job: Job) -> None:
        """Keep a job. Raises OSError; then the file is as it was."""
        make_folder(self.folder)
        write_whole(self.folder / (sensor_folder_name(job.order.sensor) + _ENDING), encode_job(job))
