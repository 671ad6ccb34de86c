"""A file that only takes up room, given up when the disk is full: `Reserve`."""

import contextlib
import os
from pathlib import Path


class Reserve:
    """Room for alarms on a disk that something else has filled."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Nothing is done until `make`."""
        self._path, self._size_bytes = path, size_bytes

    def make(self) -> bool:
        """Take the room; True when it is there, False while the disk has none."""
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size == self._size_bytes:
                return True
            self._allocate()
            return True
        self.release()
        return False

    def release(self) -> bool:
        """Give the room up; True when there was any to give."""
        try:
            size = self._path.stat().st_size
            self._path.unlink()
        except OSError:
            return False
        return size > 0

    def _allocate(self) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if self._size_bytes:
                os.posix_fallocate(file, 0, self._size_bytes)
        finally:
            os.close(file)
