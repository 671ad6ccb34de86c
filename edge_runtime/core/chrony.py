"""How far off chrony holds the clock to be: asked at its command port on this machine, where anybody may ask.

For where the kernel does not answer. The packets are those of chrony's candm.h, protocol 6, which chrony has
spoken since version 2. A request is as long as its reply, or chrony does not answer it.
"""

import contextlib
import math
import os
import socket
import struct
from typing import Final

PORT: Final = 323
"""Chrony's own, of UDP, on the loopback interface unless its `cmdport` says otherwise."""
_WAIT_S: Final = 0.05
"""For the answer of a program on the same machine; one that hangs must hold up no alarm."""
_REQUEST: Final = struct.Struct("!BBBBHHIII")
"""Version, kind, two of no use, command, attempt, sequence, two of no use."""
_REPLY: Final = struct.Struct("!BB2xHHH6xI8x")
"""Version, kind, command, what is replied, status, sequence."""
_TRACKING: Final = struct.Struct("!26xH12xI20xII4x")
"""Leap status; of nine numbers the correction under way, root delay and root dispersion, in seconds."""
_BYTES: Final = _REPLY.size + _TRACKING.size
_VERSION, _ASKS, _ANSWERS, _ASK_TRACKING, _SAY_TRACKING, _SUCCESS = 6, 1, 2, 33, 5, 0
_UNSYNCHRONISED: Final = 3
"""Leap status of a clock that follows no server."""
_MANTISSA_BITS: Final = 25
"""Of a number; the 7 bits above are its exponent. Both have a sign."""


def ask_chrony(port: int = PORT) -> float | None:
    """Seconds that the clock may be off by; infinite while it is not synchronised, None where no chrony
    answers."""
    sequence = int.from_bytes(os.urandom(4), "big")
    request = _REQUEST.pack(_VERSION, _ASKS, 0, 0, _ASK_TRACKING, 0, sequence, 0, 0)
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(_WAIT_S)
        asked.connect(("127.0.0.1", port))
        asked.send(request.ljust(_BYTES, b"\0"))
        return most_error_s(asked.recv(_BYTES + 1), sequence)
    return None


def most_error_s(reply: bytes, sequence: int) -> float | None:
    """What a reply says; None for any but the one that is meant."""
    if len(reply) != _BYTES:
        return None
    wanted = _VERSION, _ANSWERS, _ASK_TRACKING, _SAY_TRACKING, _SUCCESS, sequence
    if _REPLY.unpack_from(reply) != wanted:
        return None
    leap, correction, delay, dispersion = _TRACKING.unpack_from(reply, _REPLY.size)
    if leap == _UNSYNCHRONISED:
        return math.inf
    # As chrony itself states it to the kernel, and what it has yet to correct.
    return abs(_seconds(correction)) + _seconds(delay) / 2 + _seconds(dispersion)


def _seconds(number: int) -> float:
    exponent, mantissa = number >> _MANTISSA_BITS, number & (1 << _MANTISSA_BITS) - 1
    exponent -= (exponent & 0x40) << 1
    mantissa -= (mantissa & 1 << _MANTISSA_BITS - 1) << 1
    return math.ldexp(mantissa, exponent - _MANTISSA_BITS)
