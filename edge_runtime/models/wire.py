"""Protobuf's wire format, as far as a model file has to be looked into without the `onnx` package.

Source: protobuf.dev/programming-guides/encoding. A message is a row of fields; each is read as a number, its
content and the whole field as it was written.
"""

from collections.abc import Iterator
from typing import Final, TypeVar

VARINT, BYTES = 0, 2
"""Wire types of numbers and of what has a length."""
_FIXED: Final = {1: 8, 5: 4}
"""Wire types of fixed size, and that size in bytes."""

Raw = TypeVar("Raw", bytes, memoryview)


def fields(message: Raw) -> Iterator[tuple[int, Raw, Raw]]:
    """Number, content, and the whole field as it was written, of each. Raises ValueError for no message."""
    at = 0
    while at < len(message):
        begin = at
        key, at = varint(message, at)
        kind = key & 7
        if kind == VARINT:
            start, end = at, varint(message, at)[1]
        elif kind == BYTES:
            size, start = varint(message, at)
            end = start + size
        elif kind in _FIXED:
            start, end = at, at + _FIXED[kind]
        else:
            raise ValueError(f"no field of kind {kind}")
        if end > len(message):
            raise ValueError("a field runs past the end")
        yield key >> 3, message[start:end], message[begin:end]
        at = end


def varint(message: bytes | memoryview, at: int) -> tuple[int, int]:
    """Read a number at `at`; return it and where it ends. Raises ValueError where it does not end."""
    value = shift = 0
    while at < len(message) and shift < 64:  # 64 bits in groups of 7, as the format's largest number
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number runs past the end")
