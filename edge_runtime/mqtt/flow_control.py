"""How much may wait in the socket: `Pace`. The decision is pure; `queued_bytes` reads one socket's queue.

The system buffers megabytes for a link that carries a kilobyte a second, and a new alarm, or the ping that
keeps the connection open, would wait behind them for an hour. So the socket is given what the link carries
within about a second, as measured, and the rest waits where alarms can overtake it and telemetry can be
dropped.
"""

import fcntl
import struct
import termios
from dataclasses import dataclass
from typing import Final

WAIT_S: Final = 1.0
"""What is handed over is to be sent within so long: a tenth of the default keepalive."""
LEAST_BYTES: Final = 2048
"""However slow the link: where an acknowledgement takes two seconds, this still carries 8 kbit/s."""
MOST_BYTES: Final = 256 * 1024
"""A second of 2 Mbit/s; on a faster link the queue delays nothing that could be noticed."""
_LEAST_INTERVAL_S: Final = 0.001
"""Keeps the measured rate finite where two looks fall together."""


def queued_bytes(file: int) -> int:
    """Bytes that a TCP socket holds because the other side has not acknowledged them."""
    (size,) = struct.unpack("i", fcntl.ioctl(file, termios.TIOCOUTQ, b"\0\0\0\0"))
    return int(size)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A measurement: bytes handed over by then, how many of them were acknowledged, and when it was."""

    sent: int
    acked: int
    at_s: float


class Pace:
    """Estimates what a link carries from how long its queue takes to be acknowledged."""

    def __init__(self) -> None:
        """Start as if the link were slow, which the first second of a fast one refutes."""
        self.limit_bytes = LEAST_BYTES
        """So many bytes may wait in the socket."""
        self._mark: _Mark | None = None

    def allows(self, sent: int, waiting: int, now_s: float) -> bool:
        """Whether more may be handed over; of `sent` bytes so far `waiting` ones are not acknowledged."""
        acked = sent - waiting
        if (mark := self._mark) is not None:
            some_wait, took_s = acked < mark.sent, max(now_s - mark.at_s, _LEAST_INTERVAL_S)
            if took_s >= WAIT_S or not some_wait:
                self._mark = None
                carried = round((acked - mark.acked) * WAIT_S / took_s)
                # Once nothing waits it is unknown since when: the true rate may only be higher.
                if some_wait or carried > self.limit_bytes:
                    self.limit_bytes = min(max(carried, LEAST_BYTES), MOST_BYTES)
        if self._mark is None and waiting:
            self._mark = _Mark(sent, acked, now_s)
        return waiting < self.limit_bytes
