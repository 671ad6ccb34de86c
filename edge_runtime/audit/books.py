"""What a listener remembers from one run to the next: `Books`, a file and a lock beside it.

Without it a second run knows nothing of the first: a session that the broker dropped, or a tail of which
nothing arrived, would look like a quiet day.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final, Self

from edge_runtime.core import BusyError

MOST_LISTENERS: Final = 20
"""Of one user on one computer that may choose their own names."""
_MAX_BYTES: Final = 16 * 2**20
"""Ten thousand devices take a tenth of it."""

Accounted = dict[str, dict[str, int]]
"""Device to epoch to the number up to which all is accounted for."""


class Books:
    """The file of one client id; locked, so that two listeners with one id are refused."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        """Use `open_books`."""
        self._path, self._lock = path, lock

    @classmethod
    def open(cls, folder: Path, client_id: str) -> Self | None:
        """Open the books of this id; None when another listener has them. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{client_id.replace('/', '_')}.json"
        lock = path.with_suffix(".lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return cls(path, lock)

    def read(self, broker: str, topics: str) -> tuple[float, Accounted]:
        """(seconds since they were written, what is accounted for); nothing for another broker or filter."""
        try:
            with self._path.open("rb") as file:
                known: Any = json.loads(file.read(_MAX_BYTES))
            if (known["broker"], known["topics"]) != (broker, topics):
                return 0.0, {}
            devices = {
                str(name): {str(epoch): int(seq) for epoch, seq in epochs.items()}
                for name, epochs in known["devices"].items()
            }
            return time.time() - float(known["at_s"]), devices
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return 0.0, {}

    def write(self, broker: str, topics: str, devices: Mapping[str, Mapping[str, int]]) -> None:
        """Replace the file; a disk that does not take it is no reason to stop listening."""
        known = {"broker": broker, "topics": topics, "at_s": time.time(), "devices": devices}
        beside = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            beside.write_text(json.dumps(known))
            beside.replace(self._path)

    def close(self) -> None:
        """Let another listener have them."""
        self._lock.close()


def open_books(folder: Path, client_id: str, host: str) -> tuple[str, Books | None]:
    """(client id, its books); an id that was not given is one that no other listener of `host` uses.

    Without a folder that can be written there are no books. Raises BusyError where another has the id.
    """
    further = [f"listen-{host}-{n}" for n in range(2, MOST_LISTENERS + 1)]
    names = [client_id] if client_id else [f"listen-{host}", *further]
    try:
        for name in names:
            if (books := Books.open(folder, name)) is not None:
                return name, books
    except OSError:
        return client_id or f"listen-{host}-{os.getpid()}", None
    what = f"another listener uses the client id {names[0]!r}"
    raise BusyError(what, where=str(folder), remedy="End it, or give this one another --client-id")
