"""How much may wait in the socket: `Pace`. The judgement is pure; `queued_bytes` is the one look at a socket.

The system takes megabytes for a link that carries a kilobyte a second, and a new alarm, or the answer that
says we are alive, would stand behind them for an hour. So the socket is given what the link carries within
about a second, as measured, and the rest waits where alarms can pass it and telemetry can be dropped.
"""

import fcntl
import struct
import termios
from dataclasses import dataclass
from typing import Final

WAIT_S: Final = 1.0
"""What is handed over is to be on its way within so long."""
LEAST_BYTES: Final = 2048
"""However slow the link: where an answer takes two seconds, this still carries 8 kbit/s."""
MOST_BYTES: Final = 256 * 1024


def queued_bytes(file: int) -> int:
    """Bytes that a TCP socket holds because the other side has not acknowledged them."""
    (size,) = struct.unpack("i", fcntl.ioctl(file, termios.TIOCOUTQ, b"\0\0\0\0"))
    return int(size)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A moment: bytes handed over by then, how many of them were through, and when it was."""

    sent: int
    through: int
    at_s: float


class Pace:
    """Learns what a link carries from how long it took for what waited to be gone."""

    def __init__(self) -> None:
        """Nothing is known: as if the link were slow, which the first second of a fast one refutes."""
        self.limit_bytes = LEAST_BYTES
        """So many bytes may wait."""
        self._mark: _Mark | None = None

    def allows(self, sent: int, waiting: int, now_s: float) -> bool:
        """Whether more may be handed over; `sent` bytes were so far, `waiting` of them are not through."""
        if self._mark is not None:
            self._judge(self._mark, sent - waiting, now_s)
        if self._mark is None and waiting:
            self._mark = _Mark(sent, sent - waiting, now_s)
        return waiting < self.limit_bytes

    def _judge(self, mark: _Mark, through: int, now_s: float) -> None:
        some_waits, took_s = through < mark.sent, max(now_s - mark.at_s, 0.001)
        if some_waits and took_s < WAIT_S:
            return
        self._mark = None
        fits = round((through - mark.through) * WAIT_S / took_s)
        # When all of it is through nobody knows since when: that may only speak for the link.
        if some_waits or fits > self.limit_bytes:
            self.limit_bytes = min(max(fits, LEAST_BYTES), MOST_BYTES)
