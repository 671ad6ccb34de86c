"""One file without a name that holds the samples of a list: memory is for what is being looked at.

The file is gone when the last process that holds it ends, however it ends; see docs/decisions/0009.
"""

import errno
import math
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import reduction
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.core import AccessError, Samples, UnavailableError

_ROOMY: Final = Path("/var/tmp")  # noqa: S108 - a file without a name cannot be guessed; /tmp may be memory
_VALUE_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples at rest: rows of a scratch file, mapped when they are looked at."""

    scratch: "Scratch"
    start: int
    """Where its first value lies, in values from the file's start."""
    rows: int
    channels: int

    def __len__(self) -> int:
        """Samples a channel."""
        return self.rows

    def __getitem__(self, rows: slice) -> "Stretch":
        """Take a part of it, without a step."""
        first, last, _ = rows.indices(self.rows)
        return Stretch(self.scratch, self.start + first * self.channels, max(0, last - first), self.channels)

    def samples(self) -> Samples:
        """Map it: [rows, channels], read only; what was looked at leaves memory with the array."""
        return self.scratch.mapped(self.start, (self.rows, self.channels))


class Scratch:
    """The file. Samples are only ever added, from any thread."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Make a file, or take over one that another process opened.

        Raises AccessError or UnavailableError where none can be made.
        """
        self._descriptor = _nameless() if descriptor is None else descriptor
        weakref.finalize(self, os.close, self._descriptor)
        self._end = os.fstat(self._descriptor).st_size
        self._lock = threading.Lock()

    def put(self, samples: Samples) -> Stretch:
        """Add samples [rows, channels]. Raises UnavailableError where the disk is full."""
        data = np.ascontiguousarray(samples, dtype=np.float32).data.cast("B")
        with self._lock:
            start, self._end = self._end, self._end + len(data)
        try:
            self._write(data, start)
        except OSError as error:
            raise _refusal(error, self._end) from error
        return Stretch(self, start // _VALUE_BYTES, *samples.shape)

    def mapped(self, start: int, shape: tuple[int, int]) -> Samples:
        """Map values from `start` on as an array of `shape`, read only."""
        first, count = _VALUE_BYTES * start, math.prod(shape)
        before = first % mmap.ALLOCATIONGRANULARITY  # maps begin at whole pages
        length = before + _VALUE_BYTES * count
        found = mmap.mmap(self._descriptor, length, offset=first - before, access=mmap.ACCESS_READ)
        return np.frombuffer(found, np.float32, count, before).reshape(shape)

    def __reduce__(self) -> tuple[Callable[[Any], "Scratch"], tuple[Any]]:
        """Hand the open file to a process that is being started."""
        return _taken_over, (reduction.DupFd(self._descriptor),)

    def _write(self, data: memoryview, start: int) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._descriptor, data[done:], start + done)


def _taken_over(handle: Any) -> Scratch:
    return Scratch(handle.detach())


def _nameless() -> int:
    try:
        with tempfile.TemporaryFile(dir=_folder()) as file:
            return os.dup(file.fileno())
    except OSError as error:
        raise _refusal(error, 0) from error


def _folder() -> str:
    # /tmp is memory on many systems: the recordings would be where they must not be.
    if "TMPDIR" not in os.environ and os.access(_ROOMY, os.W_OK | os.X_OK):
        return str(_ROOMY)
    return tempfile.gettempdir()


def _refusal(error: OSError, needed: int) -> AccessError | UnavailableError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UnavailableError(
            f"no room for the samples of the recordings, {needed / 1e9:.1f} GB so far",
            where=_folder(),
            remedy="Set TMPDIR to a folder on a larger disk: 4 bytes a sample and channel are needed",
        )
    kind = AccessError if isinstance(error, PermissionError) else UnavailableError
    return kind(
        f"the samples of the recordings cannot be put down ({error.strerror or error})",
        where=_folder(),
        remedy="Set TMPDIR to a folder that is yours and has room",
    )
