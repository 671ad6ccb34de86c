"""What the service says of itself, for processes beside it that give it to others: `ServiceNumbers`."""

import threading
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge_runtime.core import EdgeError, printable
from edge_runtime.door.client import DoorClient

ANSWER_S: Final = 5.0
"""For the service to answer: half of what Prometheus waits by default."""
FRESH_S: Final = 1.0
"""For so long what the service said is given to everybody."""


class Said(NamedTuple):
    """What the service said of itself."""

    about: dict[str, Any]
    health: dict[str, Any] | None
    """None while it does not answer."""
    problem: str
    """Why; empty while it does."""


class ServiceNumbers:
    """Asks the service, for everybody at once."""

    def __init__(self, *sockets: Path) -> None:
        """Its socket is the first of these that somebody listens at."""
        self.sockets, self._mutex = sockets, threading.Lock()
        self._said, self._asked_s = Said({}, None, ""), float("-inf")

    def ask(self) -> Said:
        """What it says, no older than a second."""
        with self._mutex:
            if time.monotonic() - self._asked_s >= FRESH_S:
                try:
                    with DoorClient(*self.sockets, timeout_s=ANSWER_S) as client:
                        self._said = Said(client.about, client.call("health"), "")
                except EdgeError as error:
                    self._said = Said({}, None, printable(error, 1000))
                self._asked_s = time.monotonic()
            return self._said
