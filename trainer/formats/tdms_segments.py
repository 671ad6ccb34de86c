"""The segments of a TDMS file: which channels there are, what is said of them, where their values are."""

import struct
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple

from trainer.formats.contract import ParsedSamples, Refusal
from trainer.formats.text.cells import Kind

_LEAD: Final = struct.Struct("<4sI")
_REST: Final = "IQQ"
"""Of the lead-in: version, how far the next segment is, and how far the values."""
_LEAD_BYTES: Final = 28
_META, _NEW_LIST, _RAW, _INTERLEAVED, _BIG_ENDIAN, _DAQMX = (1 << bit for bit in (1, 2, 3, 5, 6, 7))
"""Bits of the table of contents."""
_UNFINISHED: Final = 2**64 - 1
"""Distance to the next segment in a file whose program crashed: this one goes to the file's end."""
_NO_DATA, _SAME = 0xFFFFFFFF, 0
_DAQMX_INDEX: Final = (0x1269, 0x126A)
_TYPES: Final = {
    1: "i1", 2: "i2", 3: "i4", 4: "i8", 5: "u1", 6: "u2", 7: "u4", 8: "u8", 9: "f4", 10: "f8",
    0x19: "f4", 0x1A: "f8", 0x21: "u1",
}  # fmt: skip
"""Numbers by their type, NumPy's name without the order of bytes."""
_STRING, _STAMP = 0x20, 0x44
STAMP_BYTES: Final = 16
_OTHERS: Final = {0: 0, 0x08000C: 8, 0x10000D: 16, _STAMP: STAMP_BYTES, 11: 16, 0x1B: 16}
"""Bytes of values that are no plain numbers: nothing, complex and extended ones, stamps."""
_MOST_TEXT: Final = 1024 * 1024
"""Bytes of a name or a property."""
_MOST_CHANNELS: Final = 4096
_MOST_PIECES: Final = 2_000_000
"""Places of values, all channels together: a segment each second, of eight channels, for three days."""
_DAMAGED: Final = "The file is damaged or cut; copy or export it again"
_SCALES: Final = 32
"""Scales of a channel: programs chain two or three."""


class Piece(NamedTuple):
    """Where some values of a channel are."""

    place: int
    """Bytes of the file before them."""
    chunks: int
    apart: int
    """Bytes from one chunk to the next."""
    each: int
    """Values of a chunk, which follow each other."""


@dataclass(slots=True)
class Channel:
    """One channel of a file, or one object of it that has no values."""

    path: str
    """Group and name."""
    name: str
    type: int = 0
    dtype: Any = ""
    """NumPy's, with the order of bytes."""
    width: int = 0
    """Bytes of a value."""
    chunk: int = 0
    """Values of a chunk in the segment that is read."""
    chunk_bytes: int = 0
    count: int = 0
    pieces: list[Piece] = field(default_factory=list)
    """Where its values are, in order."""
    said: dict[str, object] = field(default_factory=dict)
    """Properties."""

    @property
    def kind(self) -> Kind:
        """Numbers, stamps, or anything else."""
        if self.type == _STAMP:
            return Kind.STAMP
        return Kind.NUMBER if self.type in _TYPES else Kind.TEXT

    def number(self, name: str) -> float:
        """A property as a number; 0 where it is none."""
        found = self.said.get(name)
        return float(found) if isinstance(found, int | float) else 0.0

    def text(self, name: str) -> str:
        """A property as text; blank where it is none."""
        found = self.said.get(name)
        return found if isinstance(found, str) else ""

    def scaled(self, values: ParsedSamples) -> ParsedSamples:
        """Apply the scales that the file states for values that were stored without. Raises Refusal."""
        if not self.number("NI_Number_Of_Scales") or self.text("NI_Scaling_Status") == "scaled":
            return values
        found = [values]
        for at in range(min(_SCALES, int(self.number("NI_Number_Of_Scales")))):
            scale, kind = f"NI_Scale[{at}]_", self.text(f"NI_Scale[{at}]_Scale_Type")
            source = int(self.number(f"{scale}{kind}_Input_Source"))
            # The largest number stands for the values as they are; others for an earlier scale.
            given = found[source + 1] if 0 <= source < at else values
            if kind == "Linear":
                slope, offset = (self.number(f"{scale}Linear_{name}") for name in ("Slope", "Y_Intercept"))
                found.append(given * slope + offset)
            elif kind == "Polynomial":
                size = min(_SCALES, int(self.number(f"{scale}Polynomial_Coefficients_Size")))
                names = [f"{scale}Polynomial_Coefficients[{power}]" for power in range(size)]
                found.append(
                    sum((self.number(name) * given**power for power, name in enumerate(names)), 0 * given)
                )
            else:
                raise Refusal(
                    f"channel {self.path} is scaled by {kind or 'what it does not name'}, which is not read",
                    "Export it scaled, as .csv",
                )
        return found[-1]


class Segments:
    """The segments of a file, read once."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Read all that the file says, and no values. Raises Refusal."""
        self._stream = stream
        self.channels: dict[str, Channel] = {}
        self.count = 0
        self._listed: list[Channel] = []
        self._pieces = 0
        self._size = stream.seek(0, 2)
        place = 0
        while place + _LEAD_BYTES <= self._size:
            place = self._segment(place)
            self.count += 1

    def _segment(self, place: int) -> int:
        """Read the segment at a place; return where the next one begins."""
        self._stream.seek(place)
        tag, contents = _LEAD.unpack(self._stream.read(_LEAD.size))
        if tag != b"TDSm":
            raise Refusal(
                "is no TDMS file" if not place else "has a segment that does not begin as such", _DAMAGED
            )
        self._order = ">" if contents & _BIG_ENDIAN else "<"
        _, following, raw = struct.unpack(self._order + _REST, self._read(20))
        first = place + _LEAD_BYTES
        end = self._size if following == _UNFINISHED else min(self._size, first + following)
        if contents & _META:
            self._objects(new_list=bool(contents & _NEW_LIST))
        if contents & _RAW:
            if contents & _DAQMX:
                raise _raw_counts()
            self._values(first + raw, end, interleaved=bool(contents & _INTERLEAVED))
        return end

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size) if size <= _MOST_TEXT else b""
        if len(data) < size:
            raise Refusal("ends within what it says of its channels", _DAMAGED)
        return data

    def _number(self, form: str) -> Any:
        return struct.unpack(self._order + form, self._read(struct.calcsize(form)))[0]

    def _text(self) -> str:
        return self._read(self._number("I")).decode("utf-8", "replace")

    def _objects(self, *, new_list: bool) -> None:
        """Read what is said of objects, and which of them have values in this segment."""
        listed: dict[str, Channel] = {} if new_list else {channel.path: channel for channel in self._listed}
        for _ in range(self._number("I")):
            path = self._text()
            if len(self.channels) >= _MOST_CHANNELS:
                raise Refusal(f"has more than {_MOST_CHANNELS} channels", "Export those that are needed")
            parts = [part.replace("''", "'") for part in path[2:-1].split("'/'")]
            channel = self.channels.setdefault(path, Channel("/".join(parts), parts[-1]))
            index = self._number("I")
            if index in _DAQMX_INDEX:
                raise _raw_counts()
            if index == _NO_DATA:
                listed.pop(channel.path, None)
            else:
                if index != _SAME:
                    self._index(channel)
                listed[channel.path] = channel
            for _ in range(self._number("I")):
                name = self._text()
                channel.said[name] = self._property(self._number("I"))
        self._listed = list(listed.values())

    def _index(self, channel: Channel) -> None:
        """Read of which type values are, and how many of them a chunk has."""
        kind, dimension, count = self._number("I"), self._number("I"), self._number("Q")
        width = int(_TYPES[kind][1:]) if kind in _TYPES else _OTHERS.get(kind, 0)
        if (
            dimension != 1
            or (channel.count and channel.type != kind)
            or (not width and kind not in (0, _STRING))
        ):
            raise Refusal(
                f"channel {channel.path} is of type {kind:#x} in {dimension} dimensions", "Export it as .csv"
            )
        share = [("share", f"{self._order}u8"), ("whole", f"{self._order}i8")]
        channel.type, channel.width, channel.chunk = kind, width, count
        channel.dtype = (share if self._order == "<" else share[::-1]) if kind == _STAMP else ""
        channel.dtype = channel.dtype or self._order + _TYPES.get(kind, "u1")
        channel.chunk_bytes = self._number("Q") if kind == _STRING else width * count

    def _property(self, kind: int) -> object:
        if kind == _STRING:
            return self._text()
        if kind in _TYPES:
            code = {"i": "bhiq", "u": "BHIQ", "f": "  fd"}[_TYPES[kind][0]]
            return self._number(code["1248".index(_TYPES[kind][1])])
        if kind in _OTHERS:
            self._read(_OTHERS[kind])
            return None
        raise Refusal(f"has a property of type {kind:#x}", _DAMAGED)

    def _values(self, begin: int, end: int, *, interleaved: bool) -> None:
        """Note where the values of a segment are: whole chunks of it, one after the other."""
        size = sum(channel.width if interleaved else channel.chunk_bytes for channel in self._listed)
        chunks = max(0, end - begin) // max(1, size)
        for channel in self._listed if chunks else ():
            count = 1 if interleaved else channel.chunk
            if count and channel.kind is not Kind.TEXT:
                channel.pieces.append(Piece(begin, chunks, size, count))
                channel.count += chunks * count
                self._pieces += 1
            begin += channel.width if interleaved else channel.chunk_bytes
        if self._pieces > _MOST_PIECES:
            raise Refusal("has more segments than are read", "Defragment it in LabVIEW, or split it")


def _raw_counts() -> Refusal:
    return Refusal(
        "holds raw counts of a DAQmx task, whose layout is not published",
        "Export it as .csv, or write it again from LabVIEW as scaled values",
    )
