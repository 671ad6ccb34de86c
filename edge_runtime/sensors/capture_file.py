"""Writing a capture: bytes as they come, whole up to the last second whatever ends the program or the power.

The file is read by `captures` after a cut at any byte, so that it needs no end and no index. What is not
steadyhum frames on the line is put into them here.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from edge_runtime.core import DataError, Note, UnavailableError
from edge_runtime.sensors.captures import SUFFIX
from edge_runtime.sensors.line_wire import LineWire
from edge_runtime.sensors.protocols import DEFAULT_PROTOCOL, LineFormat, encode_note

SYNC_S: Final = 1.0
"""Between two times that the disk is made to hold what was written. A judgement: a power cut takes a second,
and a card is written to once a second."""


class CaptureFile:
    """A file that a line's bytes are appended to; a context manager. Times are monotonic seconds."""

    def __init__(
        self,
        path: Path,
        protocol: str = DEFAULT_PROTOCOL,
        line: LineFormat | None = None,
        *,
        most_bytes: float = float("inf"),
        free_bytes: int = 0,
    ) -> None:
        """Append to `path`, which ends in `.frames` and may be there already, cut or whole.

        `line` is needed for protocols other than frames, which are put into frames. The file grows to
        `most_bytes` at most, and only while the disk keeps `free_bytes` free. Raises DataError for another
        name, UnavailableError where it cannot be written.
        """
        if path.suffix.lower() != SUFFIX:
            raise DataError(f"not named *{SUFFIX}", where=str(path), remedy=f"End its name in {SUFFIX}")
        self.path, self._most_bytes, self._free_bytes = path, most_bytes, free_bytes
        self._wire = None if line is None or protocol == DEFAULT_PROTOCOL else LineWire(protocol, line)
        self._synced_s = float("-inf")
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self.size = os.fstat(self._descriptor).st_size
            """Bytes of the file."""
            if self.size and os.pread(self._descriptor, 1, self.size - 1) != b"\0":
                self._append(b"\0")  # what was cut must not swallow the next frame
        except OSError as error:
            raise self._refusal(error) from error

    def note(self, note: Note) -> None:
        """Say what the frames after it are of. Raises as `write` does, and ValueError as `encode_note`."""
        self._put(encode_note(note))

    def write(self, data: bytes, now_s: float) -> None:
        """Append what came from the line, and once a second make sure that the disk has it.

        Raises UnavailableError where the disk refuses, or the file or the disk is as full as it may be; what
        was written before stays.
        """
        if self._wire is not None:
            data, _ = self._wire.feed(data)
        self._put(data)
        if now_s - self._synced_s >= SYNC_S:
            self._synced_s = now_s
            try:
                os.fdatasync(self._descriptor)
                disk = os.fstatvfs(self._descriptor)
            except OSError as error:
                raise self._refusal(error) from error
            if disk.f_bavail * disk.f_frsize < self._free_bytes:
                what = f"the disk has less than {self._free_bytes} bytes left"
                raise self._full(what, "Free space on the disk")

    def close(self) -> None:
        """Make sure that the disk has everything, and close. Raises UnavailableError as `write` does."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            try:
                os.fdatasync(descriptor)
            except OSError as error:
                raise self._refusal(error) from error
            finally:
                os.close(descriptor)

    def _put(self, data: bytes) -> None:
        if self.size + len(data) > self._most_bytes:
            raise self._full(f"it would exceed {self._most_bytes:.0f} bytes", "Allow more, or begin another")
        try:
            self._append(data)
        except OSError as error:
            raise self._refusal(error) from error

    def _append(self, data: bytes) -> None:
        while data:
            written = os.write(self._descriptor, data)
            self.size, data = self.size + written, data[written:]

    def _full(self, what: str, remedy: str) -> UnavailableError:
        return UnavailableError(what, where=str(self.path), remedy=remedy)

    def _refusal(self, error: OSError) -> UnavailableError:
        why = error.strerror or error.__class__.__name__
        return UnavailableError(
            f"cannot be written ({why})", where=str(self.path), remedy="Name a file that may be written"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
