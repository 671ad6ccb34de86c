"""A file that only takes up room, deleted when the disk is full so that alarms can be stored: `Reserve`."""

import contextlib
import os
from pathlib import Path


class Reserve:
    """Room for alarms on a disk that something else has filled."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Nothing is allocated before `allocate`; a size of 0 reserves nothing."""
        self._path, self._size_bytes = path, size_bytes

    def allocate(self) -> bool:
        """Take the room; True when it is there, False while the disk has none."""
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size == self._size_bytes:
                return True
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                if self._size_bytes:
                    os.posix_fallocate(file, 0, self._size_bytes)
            finally:
                os.close(file)
            return True
        self.release()
        return False

    def release(self) -> bool:
        """Delete the file; True when that has freed any room."""
        try:
            size_bytes = self._path.stat().st_size
            self._path.unlink()
        except OSError:
            return False
        return size_bytes > 0
