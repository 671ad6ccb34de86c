"""Modbus RTU as a master speaks it: requests of holding registers, replies, checksums. Pure.

Source: Modbus Organization, "MODBUS over Serial Line" 1.02 and "Application Protocol" V1.1b3.
"""

import struct
from typing import Final

_READ: Final = 3
"""Function: read holding registers."""
_EXCEPTION: Final = 0x80
"""Added to the function in a reply that refuses."""
_EXCEPTION_BYTES: Final = 5
_OVERHEAD: Final = 5
"""Bytes of a reply beside its registers: address, function, length, checksum."""
_BITS: Final = 11
"""Of a byte on the wire, as the standard counts them."""
_FAST_BAUD: Final = 19200
_QUIET_S: Final = 1.75e-3
"""Between two messages above that rate; below it is 3.5 characters."""


def crc(data: bytes) -> bytes:
    """CRC-16 of the standard, polynomial 0xA001, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 * (value & 1)
    return struct.pack("<H", value)


def request(address: int, first: int, count: int) -> bytes:
    """Ask a slave for registers."""
    body = struct.pack(">BBHH", address, _READ, first, count)
    return body + crc(body)


def reply_bytes(count: int) -> int:
    """How long the reply with so many registers is."""
    return _OVERHEAD + 2 * count


def find_reply(data: bytes, address: int, count: int) -> tuple[int, ...] | str | None:
    """Registers that a slave answered, or why it refused; None while no reply is among the bytes.

    What stands before it, such as the echo of the request, noise or another's late answer, is passed over.
    """
    size = reply_bytes(count)
    for at in range(len(data)):
        head = data[at : at + 3]
        if head == bytes((address, _READ, 2 * count)) and _is_whole(data[at : at + size], size):
            return struct.unpack_from(f">{count}H", data, at + 3)
        refused = head[:2] == bytes((address, _READ | _EXCEPTION))
        if refused and _is_whole(data[at : at + _EXCEPTION_BYTES], _EXCEPTION_BYTES):
            return f"it refuses with exception {head[2]}"
    return None


def _is_whole(message: bytes, size: int) -> bool:
    return len(message) == size and crc(message[:-2]) == message[-2:]


def wire_s(size: int, baud: int) -> float:
    """Seconds that so many bytes take."""
    return size * _BITS / baud


def quiet_s(baud: int) -> float:
    """Seconds between two messages."""
    return _QUIET_S if baud > _FAST_BAUD else wire_s(1, baud) * 3.5
