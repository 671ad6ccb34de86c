"""Small files that are whole or not there: written so that a power cut leaves the old one or the new one, and
read so that nothing waits or grows."""

import errno
import os
import stat
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Replace the file at `path`: after a power cut it is the old one or the new one. Raises OSError."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    if hasattr(os, "O_DIRECTORY"):  # Windows, where the trainer runs too, cannot open folders
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_small(path: Path, most_bytes: int) -> bytes:
    """Read a regular file. Raises OSError, also for a larger one: a FIFO would wait for a writer, and a
    device may never end."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"larger than {most_bytes} bytes", str(path))
    return data
