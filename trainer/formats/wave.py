"""Sound files, RIFF WAVE: integers of 16, 24 and 32 bit, floats of 32 and 64, no compression.

Values are shares of full scale: the file does not say what the sensor's volts, or its g, are. Layout after
Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", and WAVEFORMATEXTENSIBLE.
"""

import struct
import sys
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.formats.contract import (
    BLOCK_VALUES,
    FULL_SCALE,
    Content,
    ParsedSamples,
    Refusal,
    Request,
    available,
)

_HEAD: Final = struct.Struct("<4sI4s")
"""`RIFF`, size, `WAVE`."""
_CHUNK: Final = struct.Struct("<4sI")
"""Name and size, which come before each chunk."""
_FORMAT: Final = struct.Struct("<HHIIHH")
"""Of the format chunk: tag, channels, rate, bytes per second, bytes per reading, bits per value."""
_FORMAT_BYTES: Final = 64
"""Of the format chunk at most: the longest, WAVEFORMATEXTENSIBLE, has 40."""
_EXTENSIBLE: Final = 0xFFFE
"""WAVE_FORMAT_EXTENSIBLE: the tag is the first two bytes of the sub-format's GUID, at offset 24."""
_SUBFORMAT: Final = 24
"""That offset."""
_TYPES: Final = {(1, 8): "u1", (1, 16): "<i2", (1, 24): "u1", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}
"""By format tag, 1 for integers and 3 for floats, and bits per value; NumPy has no type of three bytes, and
eight bits count from 0 with 128 for nothing."""
_LONG: Final = (b"RF64", b"BW64")
"""Files of more than 4 GiB: sizes stand in a chunk `ds64` (EBU Tech 3306, ITU-R BS.2088)."""
_SIZES: Final = struct.Struct("<QQ")
"""Of that chunk: of the file and of its data."""
_CHUNKS: Final = 1024
"""Searched for data: recorders write fewer than ten; a file of a million empty ones ends here."""
_ENDLESS: Final = 0x7FFFF000
"""Bytes of data from which a size is what arecord, sox and ffmpeg state of a file that they write to a
pipe."""
_DAMAGED: Final = "The file is damaged or was never finished; export or copy it again"
_PLAIN: Final = "Export it as plain .wav: 16, 24 or 32 bit PCM, or 32 or 64 bit float"


def read(stream: IO[bytes], request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield channels of a .wav file as shares of full scale, and its rate in Hz. Raises Refusal."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size or head[:4] not in (b"RIFF", *_LONG) or head[8:] != b"WAVE":
        raise Refusal("is not a RIFF WAVE file", _PLAIN)
    format_chunk, long = b"", 0
    for _ in range(_CHUNKS):
        chunk = stream.read(_CHUNK.size)
        if len(chunk) < _CHUNK.size:
            break
        name, size = _CHUNK.unpack(chunk)
        if name == b"data":
            if head[:4] in _LONG and long:
                size = long
            endless = (size >= _ENDLESS and not long) or (
                size == 0 and _HEAD.unpack(head)[1] in (0, 0xFFFFFFFF)
            )
            yield from _content(stream, format_chunk, None if endless else size, request)
            return
        start = stream.tell()
        if name == b"fmt ":
            format_chunk = stream.read(min(size, _FORMAT_BYTES))
        if name == b"ds64" and len(sizes := stream.read(_SIZES.size)) == _SIZES.size:
            long = _SIZES.unpack(sizes)[1]
        stream.seek(start + size + size % 2)  # chunks are padded to an even size
    raise Refusal("holds no data chunk", _DAMAGED)


def _content(
    stream: IO[bytes], format_chunk: bytes, size: int | None, request: Request
) -> Iterator[ParsedSamples | Content]:
    """Yield a data chunk of `size` bytes in blocks; None for a file from a pipe, of which all is data."""
    dtype, width, channels, rate_hz = _format(format_chunk)
    chosen = _columns(channels, request)
    align, done = width * channels, 0
    whole = sys.maxsize if size is None else size // align * align
    while done < whole:
        wanted = min(max(1, BLOCK_VALUES // channels) * align, whole - done)
        data = stream.read(wanted)
        done += len(data)
        if len(data) < wanted and size is not None:
            raise Refusal(f"ends after {done} of {whole} bytes of data", _DAMAGED)
        if not data:
            break
        raw: NDArray[Any] = np.frombuffer(data[: len(data) // align * align], dtype=dtype)
        if width == 1:
            raw = (raw.astype(np.int16) - 128).astype(np.int8)
        if width == 3:
            # In the upper three bytes of four, so that the sign bit is in its place.
            wide = np.zeros((len(raw) // 3, 4), dtype=np.uint8)
            wide[:, 1:] = raw.reshape(-1, 3)
            raw = wide.view("<i4")[:, 0]
        full = 2.0 ** (8 * raw.dtype.itemsize - 1) if raw.dtype.kind == "i" else 1.0
        yield raw.astype(np.float64).reshape(-1, channels)[:, chosen] / full
    names = tuple(str(at + 1) for at in chosen)
    yield Content(np.empty((0, len(chosen))), {"rate_hz": float(rate_hz), "unit": FULL_SCALE}, names)


def _format(chunk: bytes) -> tuple[str, int, int, int]:
    """Return the NumPy type, bytes per value, channels and rate in Hz."""
    if len(chunk) < _FORMAT.size:
        raise Refusal("has no format chunk before its data", _DAMAGED)
    tag, channels, rate_hz, _, align, bits = _FORMAT.unpack(chunk[: _FORMAT.size])
    if tag == _EXTENSIBLE and len(chunk) >= _SUBFORMAT + 2:
        (tag,) = struct.unpack_from("<H", chunk, _SUBFORMAT)
    dtype = _TYPES.get((tag, bits))
    if dtype is None:
        raise Refusal(f"is of format {tag} with {bits} bits a value", _PLAIN)
    if not channels or not rate_hz or align != channels * bits // 8:
        raise Refusal(f"states {channels} channels, {rate_hz} Hz and {align} bytes a reading", _DAMAGED)
    return dtype, bits // 8, channels, rate_hz


def _columns(channels: int, request: Request) -> list[int]:
    numbers = [str(number + 1) for number in range(channels)]
    for signal in request.signals:
        if signal not in numbers:
            raise Refusal(f"has no channel {signal!r}", available(numbers))
    if request.signals:
        return [int(signal) - 1 for signal in request.signals]
    if request.channels and channels != len(request.channels):
        raise Refusal(
            f"has {channels} channels for the {len(request.channels)} listed, {' '.join(request.channels)}",
            "Name channels of the file in the list's signal column, by number from 1",
        )
    return list(range(channels))
