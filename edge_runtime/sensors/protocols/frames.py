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

Formats: 1 is int16, 2 is int24, 3 is float32.
"""

import math
import struct
import zlib
from enum import IntEnum
from typing import Any, Final

import numpy as np
from cobs import cobs

from edge_runtime.core import MAX_FRAME_SAMPLES, Counts, Fault, FaultKind, Frame, Hello
from edge_runtime.sensors.protocols.base import Decoded, SensorProtocol

VERSION: Final = 1
MAX_BODY: Final = 8192
"""Longest body in bytes, checksum included: 1358 samples of three int16 channels."""
MAX_CHANNELS: Final = 16
_MAX_CODED: Final = MAX_BODY + MAX_BODY // 254 + 1
_DATA: Final = 1
_HELLO: Final = 2
_HEADER: Final = struct.Struct("<BBIIIQIfHBBH")
_FIELDS: Final = struct.Struct("<2xIIIQIfHBBH")
_DATA_AT: Final = _HEADER.size
_GREETING: Final = struct.Struct("<BBIIf")
_CRC: Final = struct.Struct("<I")
_RESIDUE: Final = zlib.crc32(_CRC.pack(0))
"""CRC-32 of anything followed by its own CRC-32: checking so spares taking the two apart."""


class SampleFormat(IntEnum):
    """How a frame stores its samples."""

    INT16 = 1
    INT24 = 2
    FLOAT32 = 3


_PLAIN: Final[dict[int, np.dtype[Any]]] = {
    SampleFormat.INT16: np.dtype("<i2"),
    SampleFormat.FLOAT32: np.dtype("<f4"),
}
_WIDTH: Final = {SampleFormat.INT16: 2, SampleFormat.INT24: 3, SampleFormat.FLOAT32: 4}


class FrameDecoder:
    """Decodes steadyhum frames, resynchronising at the next delimiter."""

    def __init__(self) -> None:
        self._tail = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[Decoded]:
        """Take the next bytes and return what became complete with them; never raises."""
        end = len(data) - 1
        if 0 < end == data.find(0) and not self._tail and not self._skipping:
            return [_decode(data[:end])]  # one whole frame, as ports mostly give: nothing to take apart
        return self._split(data)

    def _split(self, data: bytes) -> list[Decoded]:
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
    if size < _GREETING.size:
        return Fault(FaultKind.GARBAGE, "shorter than any frame")
    if zlib.crc32(body) != _RESIDUE:
        return Fault(FaultKind.CRC, "checksum differs")
    if body[0] == VERSION and body[1] == _DATA and size > _DATA_AT:
        return _parse_data(body, size)
    return _parse_rest(body, size)


def encode_data(
    frame: Frame, sample_format: SampleFormat = SampleFormat.INT16, version: int = VERSION
) -> bytes:
    """Encode a frame, delimiter included.

    Raises ValueError when its counts do not fit the format or the frame is longer than MAX_BODY.
    """
    count, channels = frame.samples.shape
    header = _HEADER.pack(
        version,
        _DATA,
        frame.sensor_id,
        frame.boot_id,
        frame.sequence,
        frame.time_us,
        round(frame.rate_hz * 1000),
        frame.scale,
        frame.overruns,
        channels,
        sample_format,
        count,
    )
    return _seal(header + _pack_samples(frame.samples, sample_format))


def encode_hello(hello: Hello) -> bytes:
    """Encode a hello, delimiter included. Raises ValueError when a text is over 255 bytes."""
    texts = (hello.unit, hello.serial_number, hello.firmware, *hello.channels)
    parts = [text.encode() for text in texts]
    if any(len(part) > 255 for part in parts) or not 1 <= len(hello.channels) <= MAX_CHANNELS:
        raise ValueError(f"a hello has 1 to {MAX_CHANNELS} channels and texts of at most 255 bytes")
    greeting = _GREETING.pack(VERSION, _HELLO, hello.sensor_id, hello.boot_id, hello.range)
    return _seal(greeting + b"".join(bytes((len(part),)) + part for part in parts))


def _seal(body: bytes) -> bytes:
    if len(body) + _CRC.size > MAX_BODY:
        raise ValueError(f"the frame has {len(body) + _CRC.size} bytes, at most {MAX_BODY} are allowed")
    return bytes(cobs.encode(body + _CRC.pack(zlib.crc32(body)))) + b"\0"


def _parse_data(body: bytes, size: int) -> Decoded:
    fields = _FIELDS.unpack_from(body)
    sensor_id, boot_id, sequence, time_us, rate_mhz, scale, overruns, channels, code, count = fields
    # There is more than a header, so that these also say that there is at least one sample of a known format.
    fits = size == _DATA_AT + _WIDTH.get(code, 0) * count * channels
    if not (fits and 1 <= channels <= MAX_CHANNELS and count <= MAX_FRAME_SAMPLES):
        return Fault(FaultKind.SCHEMA, f"{size} bytes for {count} x {channels} samples in format {code}")
    if rate_mhz == 0 or not 0 < scale < math.inf:
        return Fault(FaultKind.SCHEMA, f"rate {rate_mhz} mHz, scale {scale}")
    dtype = _PLAIN.get(code)
    shape = (count, channels)
    samples = _wide(body, shape) if dtype is None else np.ndarray(shape, dtype, body, _DATA_AT)
    return Frame(sensor_id, boot_id, sequence, time_us, rate_mhz / 1000, scale, overruns, samples)


def _parse_rest(body: bytes, size: int) -> Decoded:
    version, kind = body[0], body[1]
    if version != VERSION:
        return Fault(FaultKind.VERSION, f"protocol version {version}, this program reads {VERSION}")
    if kind == _HELLO:
        return _parse_hello(body, size)
    return Fault(FaultKind.SCHEMA, f"frame type {kind} with {size} bytes")


def _parse_hello(body: bytes, size: int) -> Decoded:
    _, _, sensor_id, boot_id, reach = _GREETING.unpack_from(body)
    try:
        unit, serial_number, firmware, *channels = _texts(body[_GREETING.size : size])
    except ValueError:  # UnicodeDecodeError is one, too few values to unpack is another
        return Fault(FaultKind.SCHEMA, "a hello with broken texts")
    if not 1 <= len(channels) <= MAX_CHANNELS or not 0 < reach < math.inf:
        return Fault(FaultKind.SCHEMA, f"a hello with {len(channels)} channels and range {reach}")
    return Hello(sensor_id, boot_id, tuple(channels), unit, reach, serial_number, firmware)


def _texts(data: bytes) -> list[str]:
    texts, at = [], 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise ValueError("a text runs past the end")
        texts.append(data[at + 1 : end].decode())
        at = end
    return texts


def _pack_samples(samples: Counts, sample_format: SampleFormat) -> bytes:
    if sample_format is SampleFormat.FLOAT32:
        return samples.astype("<f4").tobytes()
    bits = 8 * _WIDTH[sample_format]
    fits = (samples == np.rint(samples)) & (samples >= -(2 ** (bits - 1))) & (samples < 2 ** (bits - 1))
    if not fits.all():
        raise ValueError(f"samples are not whole numbers of {bits} bits")
    if sample_format is SampleFormat.INT16:
        return samples.astype("<i2").tobytes()
    return samples.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()


def _wide(body: bytes, shape: tuple[int, int]) -> Counts:
    """Samples of three bytes each, as four."""
    triples = np.ndarray((*shape, 3), np.uint8, body, _DATA_AT)
    wide = np.zeros((*shape, 4), np.uint8)
    wide[..., 1:] = triples  # into the upper three bytes, so that the shift below carries the sign
    return wide.view("<i4")[..., 0] >> 8


FRAMES: Final = SensorProtocol(
    name="frames",
    summary="steadyhum frames: COBS, CRC-32, every frame describes itself",
    decoder=lambda _line: FrameDecoder(),
    checksummed=True,
)
