"""Waiting for the socket of a connection."""

import contextlib
import math
import select
import socket
from collections import deque
from typing import Final

_REST_BYTES: Final = 4096
"""Read at a time of what a broker sends before it closes."""


def wait_for(file: int, wake: socket.socket | None, timeout_s: float, *, to_write: bool) -> bool:
    """Wait until there is something to read, or where wanted room to write, or `wake` can be read.

    `file` is the socket's descriptor. Returns whether it can be read, which the end of the stream counts for.
    """
    poller = select.poll()
    poller.register(file, select.POLLIN | select.POLLOUT if to_write else select.POLLIN)
    if wake is not None:
        poller.register(wake, select.POLLIN)
    events = dict(poller.poll(math.ceil(max(timeout_s, 0.0) * 1000)))
    return bool(events.get(file, 0) & ~select.POLLOUT)


def closes_within(sock: socket.socket, patience_s: float) -> bool:
    """Whether the other side closes, each piece coming within so many seconds; `sock` is closed then."""
    with sock, contextlib.suppress(OSError):
        sock.settimeout(patience_s)
        deque(iter(lambda: sock.recv(_REST_BYTES), b""), maxlen=0)  # to its end, whatever comes
        return True
    return False
