"""SensiML's Simple Streaming Interface, versions 1 and 2, to frames and back; without any I/O.

Until it is asked a device repeats one line of JSON, its description; it sends samples after the word
`connect`, and describes itself again after `disconnect`. Samples are int16, least byte first, row after row.

Version 2 wraps them into packets: 0xFF, length (data and 6), 0, channel, number (32 bits), data, and the XOR
of all bytes from the fourth on. 0xFF occurs in data as well, so a packet is believed by its length, zeros and
sum together, and after one that is not the search goes on at the next byte. Version 1 is bare rows: they are
believed only behind a description, and nothing tells a byte that was lost.

Source: SensiML, "Simple Streaming Interface Specification".
"""

import json
import re
import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Any, Final

import numpy as np

from edge_runtime.core import Fault, FaultKind, Frame, Hello
from edge_runtime.sensors.protocols.base import LineFormat

_SYNC: Final = 0xFF
_HEAD: Final = struct.Struct("<BHBBI")
"""Sync, length, reserved, channel, number; 9 bytes, and the sum makes 10."""
_BEFORE_NUMBER: Final = 4
"""Bytes of a head that is not there yet as far as it is known by."""
_CANDIDATE: Final = re.compile(rb"\xff..\0\0|\{", re.DOTALL)
"""How a packet of channel 0 begins, or a description: what lies before is neither."""
_COUNTED: Final = 6
"""What a length counts beside the data: reserved, channel and number."""
_MOST_ROWS: Final = 256
"""Of a packet. A judgement: the specification's example has 6; it bounds what a wrong length holds up."""
_MOST_COLUMNS: Final = 16
_TEXT: Final = 1024
"""Bytes of a description: 16 columns with names of 40 letters."""
_FASTEST_HZ: Final = 1e6
_PRINTABLE: Final = re.compile(rb"[\t\r\x20-\x7e]*\Z")
_NUMBERS: Final = 2**32
_MARK: Final = b'"sample_rate"'
"""What every description holds."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a device says of itself."""

    rate_hz: float
    columns: int
    version: int
    rows: int
    """Of a packet."""


class SensimlDecoder:
    """Decodes the samples of one line. Packets may be joined in the middle; rows only after a description.

    Neither version has a clock: times count samples. With each description the numbers begin anew, as those
    of a sensor that was restarted.
    """

    def __init__(self, line: LineFormat) -> None:
        """Expect what the site states until the device has described itself."""
        self._scale = line.scale
        self._said = Description(line.rate_hz, line.channels, 0, 0)
        self._tail = b""
        self._boot = self._number = self._done = 0
        self._begun, self._refused = False, -1

    def feed(self, data: bytes) -> list[Frame | Fault]:
        """Take the next bytes and return what became complete with them; never raises."""
        held, at = self._tail + data, 0
        found: list[Frame | Fault] = []
        skipped, self._refused = 0, -1
        while at < len(held):
            taken, item = self._rows(held, at) if self._said.version == 1 else self._packet(held, at)
            if not taken:
                break
            skipped += taken if item is None else 0
            found += [item] if isinstance(item, Frame) else []
            at += taken
        self._tail = held[at:]
        if skipped:
            found.insert(0, Fault(FaultKind.GARBAGE, f"{skipped} bytes that are no packet"))
        return found

    def _packet(self, held: bytes, at: int) -> tuple[int, Frame | Description | None]:
        """What is at a place, and how many bytes it takes: 0 where more have to come, None for no packet."""
        candidate = _CANDIDATE.search(held, at)
        begin = candidate.start() if candidate else max(at, len(held) - _BEFORE_NUMBER)
        if begin > at:
            return begin - at, None
        if held[at : at + 1] == b"{":
            return self._description(held, at)
        if candidate is None or len(held) < at + _HEAD.size:
            return 0, None
        _, length, _, _, number = _HEAD.unpack_from(held, at)
        rows, odd = divmod(length - _COUNTED, 2 * self._said.columns)
        fits = 1 <= rows <= _MOST_ROWS and self._said.rows in (0, rows)
        end = at + 3 + length
        if odd or not fits:
            return 1, None
        if len(held) > end and reduce(xor, held[at + 3 : end]) == held[end]:
            return end + 1 - at, self._frame(number, held[at + _HEAD.size : end])
        return int(len(held) > end), None

    def _rows(self, held: bytes, at: int) -> tuple[int, Frame | Description | None]:
        """Whole rows from a place on, as far as no description may begin; see `_packet`."""
        place = held.find(b'{"', at)
        if place == at:
            taken, item = self._description(held, at)
            if item is not None or not taken:
                return taken, item
            place = held.find(b'{"', at + 2)
        width = 2 * self._said.columns
        end = len(held) if place < 0 else place
        rows = min((end - at) // width, _MOST_ROWS)
        if rows:
            return rows * width, self._frame((self._number + 1) % _NUMBERS, held[at : at + rows * width])
        if place < 0:
            return 0, None
        # Less than a row before what may be a description: its end tells whether it is one.
        taken, item = self._description(held, place)
        if isinstance(item, Description):
            return place - at + taken, item
        return (
            (width, self._frame((self._number + 1) % _NUMBERS, held[at : at + width]))
            if (taken and len(held) - at >= width)
            else (0, None)
        )

    def _description(self, held: bytes, at: int) -> tuple[int, Description | None]:
        """Take a line of JSON that may begin at a place; see `_packet`."""
        end = held.find(b"\n", at, at + _TEXT)
        if end < 0:
            open_yet = len(held) - at < _TEXT and _PRINTABLE.match(held, at)
            return (0 if open_yet else 1), None
        said = described(held[at:end]) if end != self._refused else None
        if said is None:
            self._refused = end  # a line is tried once, however many brackets are in it
            return 1, None
        self._said, self._begun = said, False
        self._boot += 1
        return end + 1 - at, said

    def _frame(self, number: int, data: bytes) -> Frame:
        """Make a frame of a packet, or of rows without one, which are numbered here."""
        samples = np.frombuffer(data, "<i2").astype(np.int16).reshape(-1, self._said.columns)
        if not self._begun:
            self._begun, self._number, self._done = True, number, 0
        ahead = (number - self._number) % _NUMBERS
        ahead -= _NUMBERS if ahead >= _NUMBERS // 2 else 0
        bare = self._said.version == 1
        place = self._done + (0 if bare else ahead * len(samples))
        if bare or ahead > 0:
            self._number, self._done = number, place + bare * len(samples)
        time_us = max(0, round(place * 1e6 / self._said.rate_hz))
        return Frame(0, self._boot, number, time_us, self._said.rate_hz, self._scale, 0, samples)


def described(line: bytes) -> Description | None:
    """What a line of JSON says of a device; None where it is no description, or one that makes no sense."""
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    places = found.get("column_location")
    stated: list[Any] = [
        found.get("sample_rate"),
        found.get("version", 1),
        found.get("samples_per_packet", 6),
    ]
    rate, version, rows = stated
    numbers = all(type(value) in (int, float) for value in stated)
    if not numbers or not isinstance(places, dict) or not 1 <= len(places) <= _MOST_COLUMNS:
        return None
    if not 0 < rate <= _FASTEST_HZ or version not in (1, 2) or not 1 <= rows <= _MOST_ROWS:
        return None
    if {repr(place) for place in places.values()} != set(map(repr, range(len(places)))):
        return None
    return Description(float(rate), len(places), int(version), int(rows))


class SensimlTalk:
    """What is written to a device: `disconnect` at first, so that it describes itself, then `connect`."""

    def __init__(self) -> None:
        """Begin with a port that was just opened."""
        self._tail = b""

    def __call__(self, data: bytes) -> bytes:
        """Return what to write after these bytes arrived; none arrived yet when the port was opened."""
        if not data:
            return b"disconnect"
        held = self._tail + data
        self._tail = held[1 - len(_MARK) :]
        return b"connect" if _MARK in held else b""


def encode_packet(item: Frame | Hello) -> bytes:
    """Encode a frame as a packet of version 2; nothing for a hello. Raises ValueError for other samples than
    int16, and for more rows than a packet takes."""
    if isinstance(item, Hello):
        return b""
    counts = np.rint(item.samples)
    if len(counts) > _MOST_ROWS or not (np.abs(counts) <= np.iinfo(np.int16).max).all():
        raise ValueError(f"packets take {_MOST_ROWS} rows of 16 bits: choose --format int16")
    data = counts.astype("<i2").tobytes()
    packet = _HEAD.pack(_SYNC, len(data) + _COUNTED, 0, 0, item.sequence % _NUMBERS) + data
    return packet + bytes([reduce(xor, packet[3:])])
