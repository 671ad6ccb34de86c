"""Bytes to frames and back, without any I/O: `feed(data)` gives frames, hellos and faults.

steadyhum frames, version 1: COBS (Cheshire and Baker 1999) with 0x00 as delimiter; the body is little-endian
and ends in CRC-32 (the one of zlib) over all that precedes it. Every data frame describes itself, so any one
decodes alone. Nothing on the line can raise here, and no buffer grows past one frame.

| offset | size | data frame           | hello frame                      |
|--------|------|----------------------|----------------------------------|
| 0      | 1    | version = 1          | version = 1                      |
| 1      | 1    | type = 1             | type = 2                         |
| 2      | 4    | sensor id            | sensor id                        |
| 6      | 4    | boot id              | boot id                          |
| 10     | 4    | sequence             | range, float32, in the unit      |
| 14     | 8    | time, microseconds   | texts, each one length byte and  |
| 22     | 4    | rate, millihertz     | UTF-8: unit, serial number,      |
| 26     | 4    | scale, float32       | firmware, then one per channel   |
| 30     | 2    | overruns             |                                  |
| 32     | 1    | channels             |                                  |
| 33     | 1    | format               |                                  |
| 34     | 2    | count                |                                  |
| 36     | ...  | samples, interleaved |                                  |
| last   | 4    | CRC-32               | CRC-32                           |

Formats: 1 is int16, 2 is int24, 3 is float32. A note (type 3) has one flat JSON object in UTF-8 from offset
10 on; a reading (type 4) has its time in microseconds there, 8 bytes, then its value, float32, and two texts:
name and unit.
"""

import math
import struct
import zlib
from functools import lru_cache
from typing import Any, Final

import numpy as np
from cobs import cobs

from edge_runtime.core import MAX_FRAME_SAMPLES, Counts, Fault, FaultKind, Frame, Hello, Note, Reading
from edge_runtime.sensors.protocols.base import Decoded, SampleFormat, SensorProtocol
from edge_runtime.sensors.protocols.statements import (
    MAX_CHANNELS,
    SHORTEST,
    VERSION,
    pack_hello,
    pack_note,
    pack_reading,
    parse,
)

MAX_BODY: Final = 8192
"""Longest body in bytes, checksum included: 1358 samples of three int16 channels. A judgement: it bounds the
decoder's buffer, and what is lost with one damaged frame: 89 ms at 921600 baud."""
_MAX_CODED: Final = MAX_BODY + MAX_BODY // 254 + 1
"""COBS adds one byte for every 254 begun (Cheshire and Baker 1999)."""
# The table at the top of this file, in the letters of the struct module.
_DATA: Final = 1
_HEADER: Final = struct.Struct("<BBIIIQIfHBBH")
_MOVING: Final = struct.Struct("<2xIIIQ")
"""What comes first: version and type, known before it is unpacked, then what each frame has anew."""
_STATED: Final = struct.Struct("<IfHBBH")
_STATED_AT: Final = _MOVING.size
"""What follows, and is the same in nearly every frame of a sensor."""
_DATA_AT: Final = _HEADER.size
_STATEMENTS: Final = 256
"""Of so many sensors it is remembered: four of the most that one gateway was measured with."""
_CRC: Final = struct.Struct("<I")
_RESIDUE: Final = zlib.crc32(_CRC.pack(0))
"""CRC-32 of any bytes followed by their own CRC-32: checking against it spares separating the two."""
_PLAIN: Final[dict[int, np.dtype[Any]]] = {
    SampleFormat.INT16: np.dtype("<i2"),
    SampleFormat.FLOAT32: np.dtype("<f4"),
}
"""Formats that are a numpy type; int24 is none."""
_WIDTH: Final = {SampleFormat.INT16: 2, SampleFormat.INT24: 3, SampleFormat.FLOAT32: 4}
"""Bytes of one sample."""


class FrameDecoder:
    """Decodes steadyhum frames, resynchronising at the next delimiter."""

    def __init__(self) -> None:
        self._tail = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[Decoded]:
        """Take the next bytes and return what became complete with them; never raises."""
        end = len(data) - 1
        if 0 < end == data.find(0) and not self._tail and not self._skipping:
            return [_decode(data[:end])]  # one whole frame, as ports mostly give: nothing to split
        chunks = (self._tail + data).split(b"\0")
        self._tail = chunks.pop()
        if self._skipping and chunks:
            # What ends at the first delimiter after an overlong run belongs to that run: counted already.
            self._skipping = False
            del chunks[0]
        decoded = [_decode(chunk) for chunk in chunks if chunk]
        if len(self._tail) > _MAX_CODED:
            if not self._skipping:
                decoded.append(Fault(FaultKind.GARBAGE, "no delimiter within the longest frame"))
            self._tail, self._skipping = b"", True
        return decoded


def _decode(chunk: bytes) -> Decoded:
    if len(chunk) > _MAX_CODED:
        return Fault(FaultKind.GARBAGE, "longer than the longest frame")
    try:
        body = cobs.decode(chunk)
    except cobs.DecodeError:
        return Fault(FaultKind.GARBAGE, "not COBS")
    size = len(body) - _CRC.size
    if size < SHORTEST:
        return Fault(FaultKind.GARBAGE, "shorter than any frame")
    if zlib.crc32(body) != _RESIDUE:
        return Fault(FaultKind.CRC, "checksum differs")
    if body[0] == VERSION and body[1] == _DATA and size > _DATA_AT:
        return _parse_data(body, size)
    return parse(body, size)


def encode_data(
    frame: Frame, sample_format: SampleFormat = SampleFormat.INT16, version: int = VERSION
) -> bytes:
    """Encode a frame, delimiter included.

    Raises ValueError when its counts do not fit the format or the frame is longer than MAX_BODY.
    """
    count, channels = frame.samples.shape
    fields = (frame.sensor_id, frame.boot_id, frame.sequence, frame.time_us, round(frame.rate_hz * 1000))
    header = _HEADER.pack(
        version, _DATA, *fields, frame.scale, frame.overruns, channels, sample_format, count
    )
    if sample_format is SampleFormat.FLOAT32:
        return _seal(header + frame.samples.astype("<f4").tobytes())
    bits = 8 * _WIDTH[sample_format]
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    whole = frame.samples == np.rint(frame.samples)
    if not (whole & (frame.samples >= low) & (frame.samples <= high)).all():
        raise ValueError(f"samples are not whole numbers of {bits} bits")
    stored = frame.samples.astype("<i4").reshape(-1, 1).view(np.uint8)
    return _seal(header + stored[:, : _WIDTH[sample_format]].tobytes())  # the low bytes come first


def encode_hello(hello: Hello) -> bytes:
    """Encode a hello, delimiter included. Raises ValueError as `pack_hello` does."""
    return _seal(pack_hello(hello))


def encode_note(note: Note) -> bytes:
    """Encode a note, delimiter included.

    Raises ValueError for members that are not plain, or where the frame is longer than MAX_BODY.
    """
    return _seal(pack_note(note))


def encode_reading(reading: Reading) -> bytes:
    """Encode a reading, delimiter included. Raises ValueError for a text over 255 bytes."""
    return _seal(pack_reading(reading))


def _seal(body: bytes) -> bytes:
    if len(body) + _CRC.size > MAX_BODY:
        raise ValueError(f"the frame has {len(body) + _CRC.size} bytes, at most {MAX_BODY} are allowed")
    return bytes(cobs.encode(body + _CRC.pack(zlib.crc32(body)))) + b"\0"


def _parse_data(body: bytes, size: int) -> Decoded:
    stated = _stated(body[_STATED_AT:_DATA_AT], size)
    if isinstance(stated, Fault):
        return stated
    rate_hz, scale, overruns, shape, dtype = stated
    if dtype is not None:
        samples: Counts = np.ndarray(shape, dtype, body, _DATA_AT)
    else:  # three bytes each
        wide = np.zeros((*shape, 4), np.uint8)
        # Into the upper three bytes of four, so that the shift carries the sign.
        wide[..., 1:] = np.ndarray((*shape, 3), np.uint8, body, _DATA_AT)
        samples = wide.view("<i4")[..., 0] >> 8
    sensor_id, boot_id, sequence, time_us = _MOVING.unpack_from(body)
    return Frame(sensor_id, boot_id, sequence, time_us, rate_hz, scale, overruns, samples)


@lru_cache(_STATEMENTS)
def _stated(
    header: bytes, size: int
) -> Fault | tuple[float, float, int, tuple[int, int], np.dtype[Any] | None]:
    """What the end of a header says: rate, scale, overruns, shape of the samples and their type.

    A sensor says the same in nearly every frame, and looking it up takes a third of the time.
    """
    rate_mhz, scale, overruns, channels, code, count = _STATED.unpack(header)
    # There are bytes behind the header, so that `fits` also means a known format and at least one sample.
    fits = size == _DATA_AT + _WIDTH.get(code, 0) * count * channels
    if not (fits and 1 <= channels <= MAX_CHANNELS and count <= MAX_FRAME_SAMPLES):
        return Fault(FaultKind.SCHEMA, f"{size} bytes for {count} x {channels} samples in format {code}")
    if rate_mhz == 0 or not 0 < scale < math.inf:
        return Fault(FaultKind.SCHEMA, f"rate {rate_mhz} mHz, scale {scale}")
    return rate_mhz / 1000, scale, overruns, (count, channels), _PLAIN.get(code)


FRAMES: Final = SensorProtocol(
    name="frames",
    summary="steadyhum frames: COBS, CRC-32, every frame describes itself",
    decoder=lambda _line: FrameDecoder(),
    checksummed=True,
    introduces=True,
    value_bytes=8,  # a float32, and as much for the header of a frame of twelve values
    encode=lambda item, stored: encode_hello(item) if isinstance(item, Hello) else encode_data(item, stored),
)
