"""One unnamed file that holds the samples of a list, so that memory holds only what is in use.

The file is deleted when the last process that has it open ends, however it ends; see docs/decisions/0009.
"""

import errno
import math
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import reduction
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.core import AccessError, Samples, UnavailableError

_LARGE_FOLDER: Final = Path("/var/tmp")  # noqa: S108 - an unnamed file cannot be guessed; /tmp may be memory
_VALUE_BYTES: Final = 4
"""Of float32."""
_WRITE_BYTES: Final = 2**30
"""At a time: macOS refuses to write 2 GiB or more in one call."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class StoredSamples:
    """Samples on disk: rows of a spill file, mapped when they are used."""

    file: "SpillFile"
    start: int
    """Position of the first value, in values from the file's start."""
    rows: int
    channels: int

    def __len__(self) -> int:
        """Samples per channel."""
        return self.rows

    def __getitem__(self, rows: slice) -> "StoredSamples":
        """Select a range of rows; a step is ignored."""
        first, last, _ = rows.indices(self.rows)
        return StoredSamples(
            self.file, self.start + first * self.channels, max(0, last - first), self.channels
        )

    def samples(self) -> Samples:
        """Map them: float32 [rows, channels], read only; pages leave memory with the array."""
        return self.file.mapped(self.start, (self.rows, self.channels))


class SpillFile:
    """The file. Samples are only added, from any thread."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Make a file, or use the descriptor of one that another process made.

        Raises AccessError or UnavailableError where none can be made.
        """
        if descriptor is None:
            try:
                with tempfile.TemporaryFile(dir=spill_folder()) as file:
                    descriptor = os.dup(file.fileno())
            except OSError as error:
                raise refusal(error, 0) from error
        self._descriptor = descriptor
        weakref.finalize(self, os.close, self._descriptor)
        self._end = os.fstat(self._descriptor).st_size
        self._lock = threading.Lock()

    def put(self, samples: Samples) -> StoredSamples:
        """Add samples [rows, channels], kept as float32. Raises UnavailableError where the disk is full."""
        return self.put_blocks(iter([samples]), *samples.shape)

    def put_blocks(self, blocks: Iterator[Samples], most: int, channels: int) -> StoredSamples:
        """Add at most `most` rows, which come in blocks [rows, channels]; kept as float32.

        Raises UnavailableError where the disk is full.
        """
        with self._lock:
            start, self._end = self._end, self._end + _VALUE_BYTES * most * channels
        rows = 0
        for block in blocks:
            data = np.ascontiguousarray(block, dtype=np.float32).data.cast("B")
            with self._lock:  # held while writing: Windows cannot write at a position without moving to it
                try:
                    os.lseek(self._descriptor, start + _VALUE_BYTES * rows * channels, os.SEEK_SET)
                    while data:
                        data = data[os.write(self._descriptor, data[:_WRITE_BYTES]) :]
                except OSError as error:
                    raise refusal(error, self._end) from error
            rows += len(block)
        return StoredSamples(self, start // _VALUE_BYTES, rows, channels)

    def mapped(self, start: int, shape: tuple[int, int]) -> Samples:
        """Map values from `start` on as a float32 array of `shape`, read only."""
        first, count = _VALUE_BYTES * start, math.prod(shape)
        before = first % mmap.ALLOCATIONGRANULARITY  # maps begin at whole pages
        length = before + _VALUE_BYTES * count
        mapping = mmap.mmap(self._descriptor, length, offset=first - before, access=mmap.ACCESS_READ)
        return np.frombuffer(mapping, np.float32, count, before).reshape(shape)

    def __reduce__(self) -> tuple[Callable[[Any], "SpillFile"], tuple[Any]]:
        """Pass the open file to a process that is being started; not on Windows, which has no DupFd."""
        return _from_handle, (reduction.DupFd(self._descriptor),)


def _from_handle(handle: Any) -> SpillFile:
    return SpillFile(handle.detach())


def spill_folder() -> str:
    """The folder of unnamed files."""
    # /tmp is memory on many systems, which the recordings are to stay out of.
    if "TMPDIR" not in os.environ and os.access(_LARGE_FOLDER, os.W_OK | os.X_OK):
        return str(_LARGE_FOLDER)
    return tempfile.gettempdir()


def refusal(error: OSError, needed: int) -> AccessError | UnavailableError:
    """What to raise where an unnamed file of `needed` bytes cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UnavailableError(
            f"no room for the samples of the recordings, {needed / 1e9:.1f} GB so far",
            where=spill_folder(),
            remedy="Set TMPDIR to a folder on a larger disk: 4 bytes a sample and channel are needed",
        )
    kind = AccessError if isinstance(error, PermissionError) else UnavailableError
    return kind(
        f"the samples of the recordings cannot be put down ({error.strerror or error})",
        where=spill_folder(),
        remedy="Set TMPDIR to a folder that is yours and has room",
    )
