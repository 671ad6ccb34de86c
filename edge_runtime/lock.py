"""One program per state folder: `FolderLock`. It also remembers whether the last one closed in order."""

import errno
import fcntl
import os
from pathlib import Path

from edge_runtime.errors import AccessError, BusyError, UnavailableError

_DENIED = (errno.EACCES, errno.EPERM)


class FolderLock:
    """Holds a lock file with flock; the kernel lets go of it however the program ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises BusyError while another program holds it, AccessError or UnavailableError when the file
        cannot be opened.
        """
        self._file = _open(path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            raise BusyError(
                f"another program uses this folder ({holder or 'unknown'})",
                where=str(path),
                remedy="Stop it, or give each program its own state folder",
            ) from error
        self.was_left_open = bool(os.read(self._file, 32))
        """Whether the previous program died without closing."""
        self._write(f"pid {os.getpid()}".encode())

    def release(self) -> None:
        """Let go, noting that everything was closed in order."""
        self._write(b"")
        os.close(self._file)

    def _write(self, text: bytes) -> None:
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text, 0)
        except OSError:  # a full disk must not keep the spool from opening
            return


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        refusal = AccessError if error.errno in _DENIED else UnavailableError
        raise refusal(
            error.strerror or "cannot be opened",
            where=str(path),
            remedy="The state folder must exist on a writable disk and belong to the user of this program",
        ) from error
