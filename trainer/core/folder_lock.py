"""One program at a time in a folder: `alone`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.core import BusyError, UnavailableError


@contextmanager
def alone(lock: Path, what: str, remedy: str) -> Iterator[tuple[int, ...]]:
    """Hold a lock on the file `lock`, where the system has such; the kernel releases it however this ends.

    Gives the descriptors that hold it, for processes that are to hold it, too. Raises BusyError, saying
    `what` and `remedy`, where another holds it, UnavailableError where it cannot be made.
    """
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
    except ImportError:
        yield ()
        return
    try:
        lock.parent.mkdir(exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnavailableError(
            f"cannot be written ({error.strerror})", where=str(lock), remedy="Run it as the folder's owner"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BusyError(what, where=str(lock.parent), remedy=remedy) from error
    try:
        yield (descriptor,)
    finally:
        os.close(descriptor)
