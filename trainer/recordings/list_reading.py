"""The recordings of a list, several at a time, from the cache where their files were read before."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from trainer.core import Progress, quiet
from trainer.recordings import child_reader
from trainer.recordings.agreement import check_alike, where_of
from trainer.recordings.cache import Cache, own_cache
from trainer.recordings.captures import path_on_disk
from trainer.recordings.file_reading import kept_of, read_row, recording_of
from trainer.recordings.listing import ListRow, read_list
from trainer.recordings.parsers import Parsers
from trainer.recordings.reading import Reading
from trainer.recordings.recording import Recording
from trainer.recordings.spill_file import SpillFile

_READERS: Final = 4
"""Files read at a time: the parsing children share the processors with the filters of this process."""


def load_list(path: Path, progress: Progress = quiet) -> tuple[Recording, ...]:
    """Read every recording of a list, in its order. Raises RecordingError for the first that is unusable."""
    return read_recordings(read_list(path), progress)


def read_recordings(rows: Sequence[ListRow], progress: Progress = quiet) -> tuple[Recording, ...]:
    """Read recordings, several at a time, and store them on disk.

    A file in which samples are missing is as many recordings as it has stretches. Raises RecordingError, also
    where two hold the same samples or their rates differ; AccessError or UnavailableError where they cannot
    be stored.
    """
    spill_file, reading, cache = SpillFile(), Reading(rows, progress), own_cache()
    with Parsers() as parsers, ThreadPoolExecutor(_READERS) as pool:

        def read(row: ListRow) -> tuple[Recording, ...]:
            return _cached(row, cache, spill_file, parsers, reading.of(row))

        try:
            found = tuple(pool.map(read, rows))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    cache.trim()
    pairs = [(row, part) for row, parts in zip(rows, found, strict=True) for part in parts]
    check_alike(pairs)
    return tuple(part for _, part in pairs)


def _cached(
    row: ListRow, cache: Cache, spill_file: SpillFile, parsers: Parsers, progress: Callable[[float], None]
) -> tuple[Recording, ...]:
    """Take a file's recordings from the cache, or read them and keep them there."""
    path = path_on_disk(row.file)
    with child_reader.open_file(path, where_of(row)) as file:
        before = os.fstat(file.fileno())
        key = cache.key(row, file)
        if key and (kept := cache.get(key)):
            progress(1.0)
            return tuple(recording_of(row, part, spill_file.put(part.samples)) for part in kept)
        parts = read_row(row, spill_file, parsers, progress)
        after = os.stat(path)
    # What is written while it is read is another file than its digest says.
    if key and all(
        getattr(before, name) == getattr(after, name) for name in ("st_mtime_ns", "st_size", "st_ino")
    ):
        cache.put(key, list(map(kept_of, parts)))
    progress(1.0)
    return parts
