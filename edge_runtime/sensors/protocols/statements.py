"""Bodies of the frames that state something beside the samples: hello, note and reading, without checksum.

Their layout is in the table of `frames`. Texts are one byte of length and UTF-8 each; a note is one flat JSON
object. Whatever a body holds, parsing it gives a statement or a fault.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from edge_runtime.core import Fault, FaultKind, Hello, Note, Reading

VERSION: Final = 1
HELLO: Final = 2
NOTE: Final = 3
READING: Final = 4
MAX_CHANNELS: Final = 16
"""A judgement: five triaxial sensors behind one controller and a spare channel."""
_OF: Final = struct.Struct("<BBII")
"""Version, type, sensor id, boot id: how every frame begins."""
_RANGE: Final = struct.Struct("<f")
_READ: Final = struct.Struct("<Qf")
"""Time in microseconds, value."""
_HELLO_AT: Final = _OF.size + _RANGE.size
_READING_AT: Final = _OF.size + _READ.size
_MAX_TEXT: Final = 255
"""Longest text, in bytes: its length is stored in one."""
SHORTEST: Final = _OF.size
"""Bytes of the shortest body there could be."""
Statement = Hello | Note | Reading


def pack_hello(hello: Hello) -> bytes:
    """Raises ValueError when a text is over 255 bytes or there are no channels, or over MAX_CHANNELS."""
    if not 1 <= len(hello.channels) <= MAX_CHANNELS:
        raise ValueError(f"a hello has 1 to {MAX_CHANNELS} channels")
    head = _OF.pack(VERSION, HELLO, hello.sensor_id, hello.boot_id) + _RANGE.pack(hello.range)
    return head + _pack_texts(hello.unit, hello.serial_number, hello.firmware, *hello.channels)


def pack_note(note: Note) -> bytes:
    """Raises ValueError for members that are no text, finite number, true, false or None."""
    if not all(_is_plain(value) for value in note.members.values()):
        raise ValueError("a note's members are texts, finite numbers, true, false or nothing")
    text = json.dumps(dict(note.members), ensure_ascii=False, separators=(",", ":"))
    return _OF.pack(VERSION, NOTE, note.sensor_id, note.boot_id) + text.encode()


def pack_reading(reading: Reading) -> bytes:
    """Raises ValueError when name or unit is over 255 bytes."""
    head = _OF.pack(VERSION, READING, reading.sensor_id, reading.boot_id)
    return head + _READ.pack(reading.time_us, reading.value) + _pack_texts(reading.name, reading.unit)


def parse(body: bytes, size: int) -> Statement | Fault:
    """The statement in the first `size` bytes of a body of SHORTEST bytes or more, or why there is none."""
    version, kind, *_ = _OF.unpack_from(body)
    if version != VERSION:
        return Fault(FaultKind.VERSION, f"protocol version {version}, this program reads {VERSION}")
    parser = _PARSERS.get(kind)
    if parser is None:
        return Fault(FaultKind.SCHEMA, f"frame type {kind} with {size} bytes")
    name, parse_it = parser
    try:
        return parse_it(body[:size])
    except (
        ValueError,
        RecursionError,
        struct.error,
    ):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return Fault(FaultKind.SCHEMA, f"a {name} that makes no sense, of {size} bytes")


def _parse_hello(body: bytes) -> Hello:
    _, _, sensor_id, boot_id = _OF.unpack_from(body)
    (range_,) = _RANGE.unpack_from(body, _OF.size)
    unit, serial_number, firmware, *channels = _parse_texts(body, _HELLO_AT)
    if not 1 <= len(channels) <= MAX_CHANNELS or not 0 < range_ < math.inf:
        raise ValueError(f"{len(channels)} channels and range {range_}")
    return Hello(sensor_id, boot_id, tuple(channels), unit, range_, serial_number, firmware)


def _parse_note(body: bytes) -> Note:
    _, _, sensor_id, boot_id = _OF.unpack_from(body)
    members = json.loads(body[_OF.size :].decode())
    if not isinstance(members, dict) or not all(_is_plain(value) for value in members.values()):
        raise ValueError("no flat object")
    return Note(sensor_id, boot_id, members)


def _parse_reading(body: bytes) -> Reading:
    _, _, sensor_id, boot_id = _OF.unpack_from(body)
    time_us, value = _READ.unpack_from(body, _OF.size)
    name, unit = _parse_texts(body, _READING_AT)
    if not math.isfinite(value):
        raise ValueError(f"value {value}")
    return Reading(sensor_id, boot_id, time_us, name, unit, value)


_PARSERS: Final[Mapping[int, tuple[str, Callable[[bytes], Statement]]]] = {
    HELLO: ("hello", _parse_hello),
    NOTE: ("note", _parse_note),
    READING: ("reading", _parse_reading),
}


def _pack_texts(*texts: str) -> bytes:
    parts = [text.encode() for text in texts]
    if any(len(part) > _MAX_TEXT for part in parts):
        raise ValueError(f"a text has at most {_MAX_TEXT} bytes")
    return b"".join(bytes((len(part),)) + part for part in parts)


def _parse_texts(body: bytes, at: int) -> list[str]:
    texts = []
    while at < len(body):
        begin, at = at + 1, at + 1 + body[at]
        texts.append(body[begin:at].decode())
    if at != len(body):
        raise ValueError("the last text runs past the end")
    return texts


def _is_plain(value: Any) -> bool:
    return (
        value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))
    )
