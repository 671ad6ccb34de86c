"""Whether ports can be opened: all at once, so that one that hangs keeps nobody waiting."""

import threading
import time
from collections.abc import Sequence
from typing import Final

from edge_runtime.core import EdgeError, UnavailableError
from edge_runtime.sensors.port import Port

PROBE_S: Final = 8.0
"""Longest wait for all of them. pyserial gives a TCP connection 5 s, and rfc2217 3 s more to agree on its
terms; a driver that hangs never answers."""


def probe(sources: Sequence[Port]) -> list[EdgeError | None]:
    """Open and close every port; return what each said, None where all is well. Takes PROBE_S at most."""
    said: list[EdgeError | None] = [
        UnavailableError(
            f"the port does not open within {PROBE_S:g} s",
            where=source.url,
            remedy="Unplug the sensor and plug it in again, or restart the device server",
        )
        for source in sources
    ]

    def open_once(index: int) -> None:
        try:
            with sources[index]:
                pass
        except EdgeError as error:
            said[index] = error
        else:
            said[index] = None

    indices = range(len(sources))
    threads = [threading.Thread(target=open_once, args=(index,), daemon=True) for index in indices]
    until_s = time.monotonic() + PROBE_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    return said.copy()  # a late thread changes nothing any more
