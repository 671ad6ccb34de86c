"""Small files in the documented layouts of other programs: universal files, TDMS, parquet, long .wav."""

import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Values = NDArray[np.float64]


def universal_file(
    values: Values,
    rate_hz: float,
    *,
    words: Sequence[str] = (),
    directions: Sequence[int] = (),
    unit: str = "g",
    binary: str = "",
    ordinate: int = 2,
    spacing: int = 1,
    abscissa: int = 17,
) -> bytes:
    """Data sets 58 of channels [rows, channels]; `binary` is the order of bytes, blank for text."""
    made = b"    -1\n   151\nmade\n    -1\n"
    for at, column in enumerate(values.T):
        name = words[at] if words else "NONE"
        direction = directions[at] if directions else 0
        data = (
            column.astype(f"{binary}f{4 if ordinate == 2 else 8}").tobytes()
            if binary
            else _text(column, ordinate)
        )
        order = "_<>".index(binary)
        form = f"    58b{order:6d}     2          11{len(data):12d}     0     0           0           0"
        lines = [
            form if binary else "    58",
            name,
            *["NONE"] * 4,
            f"    1         0    0         0       NONE{at + 1:10d}{direction:4d}       NONE         0   0",
            f"{ordinate:10d}{len(column):10d}{spacing:10d}{0:13.5E}{1 / rate_hz:13.5E}{0:13.5E}",
            f"{abscissa:10d}    0    0    0                 Time                    s",
            f"        12    0    0    0         Acceleration {unit:>20}",
            *["         0    0    0    0                 NONE                 NONE"] * 2,
        ]
        made += b"    -1\n" + "\n".join(lines).encode() + b"\n" + data + b"\n" * bool(binary) + b"    -1\n"
    return made


def _text(column: Values, ordinate: int) -> bytes:
    words = [f"{value:13.5E}" if ordinate == 2 else f"{value:20.12E}" for value in column]
    width = 6 if ordinate == 2 else 4
    return "".join("".join(words[at : at + width]) + "\n" for at in range(0, len(words), width)).encode()


NUMBERS = {"i2": 2, "i4": 3, "u1": 5, "f4": 9, "f8": 10}
"""Types of TDMS."""


class TdmsFile:
    """Writes segments one after another."""

    def __init__(self, order: Literal["<", ">"] = "<") -> None:
        """Write numbers with the least byte first, or with the greatest."""
        self.order = order
        self.data = b""

    def text(self, words: str) -> bytes:
        """A length and as many bytes."""
        return struct.pack(self.order + "I", len(words.encode())) + words.encode()

    def properties(self, said: Mapping[str, Any]) -> bytes:
        """Names, types and values."""
        made = struct.pack(self.order + "I", len(said))
        for name, value in said.items():
            made += self.text(name)
            if isinstance(value, str):
                made += struct.pack(self.order + "I", 0x20) + self.text(value)
            elif isinstance(value, int):
                made += struct.pack(self.order + "II", 7, value)
            else:
                made += struct.pack(self.order + "Id", 10, value)
        return made

    def segment(
        self,
        channels: Mapping[str, NDArray[Any]],
        said: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        again: bool = False,
        interleaved: bool = False,
        chunks: int = 1,
        unfinished: bool = False,
    ) -> "TdmsFile":
        """Add a segment; `again` writes values alone, of the channels that the segment before listed."""
        order, said = self.order, said or {}
        objects = b"" if again else struct.pack(order + "I", len(channels))
        for path, values in {} if again else channels.items():
            stamps = values.dtype.kind == "V"
            kind = 0x44 if stamps else NUMBERS[values.dtype.str[1:]]
            index = struct.pack(order + "IIIQ", 20, kind, 1, len(values) // chunks)
            objects += self.text(path) + index + self.properties(said.get(path, {}))
        stored = [values.astype(values.dtype.newbyteorder(order)) for values in channels.values()]
        if interleaved:
            raw = b"".join(value.tobytes() for row in zip(*stored, strict=True) for value in row)
        else:
            pieces = zip(*(np.split(values, chunks) for values in stored), strict=True)
            raw = b"".join(piece.tobytes() for row in pieces for piece in row)
        contents = 8 | (0 if again else 6) | (32 if interleaved else 0) | (64 if order == ">" else 0)
        following = 2**64 - 1 if unfinished else len(objects) + len(raw)
        lead = struct.pack("<4sI", b"TDSm", contents) + struct.pack(
            order + "IQQ", 4713, following, len(objects)
        )
        self.data += lead + objects + raw
        return self


def parquet_file(columns: Mapping[str, Any], rows: int | None = None, **said: str) -> bytes:
    """A table in row groups of so many rows, with statements about the whole."""
    out = io.BytesIO()
    table = pa.table(dict(columns)).replace_schema_metadata(said or None)
    pq.write_table(table, out, row_group_size=rows)
    return out.getvalue()


def long_wav(values: NDArray[np.int16], rate_hz: int) -> bytes:
    """RF64, whose sizes stand in a chunk of their own."""
    data = values.astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, values.shape[1], rate_hz, rate_hz * 2, 2 * values.shape[1], 16)
    sizes = struct.pack("<QQQI", 0, len(data), len(values), 0)
    chunks = b"ds64" + struct.pack("<I", len(sizes)) + sizes + b"fmt " + struct.pack("<I", len(form)) + form
    return (
        b"RF64\xff\xff\xff\xffWAVE"
        + chunks
        + b"data\xff\xff\xff\xff"
        + data
        + b"LIST"
        + struct.pack("<I", 2)
        + b"xx"
    )
