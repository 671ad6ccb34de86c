"""Sound files, RIFF WAVE: integers of 16, 24 and 32 bit, floats of 32 and 64, no compression.

Values are shares of full scale: the file does not know what the sensor's volts, or its g, are. Layout after
Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", and WAVEFORMATEXTENSIBLE.
"""

import struct
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.formats.contract import (
    FULL_SCALE,
    MAX_VALUES,
    Content,
    ParsedSamples,
    Refusal,
    Request,
    available,
)

_HEAD: Final = struct.Struct("<4sI4s")
_CHUNK: Final = struct.Struct("<4sI")
_FORMAT: Final = struct.Struct("<HHIIHH")
_EXTENSIBLE: Final = 0xFFFE
_SUBFORMAT: Final = 24
_KINDS: Final = {(1, 16): "<i2", (1, 24): "u1", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}
"""By format tag, 1 for integers and 3 for floats, and bits a value; three bytes have no type of their own."""
_CHUNKS: Final = 1024
_DAMAGED: Final = "The file is damaged or was never finished; export or copy it again"
_PLAIN: Final = "Export it as plain .wav: 16, 24 or 32 bit PCM, or 32 or 64 bit float"


def read(stream: IO[bytes], request: Request) -> Content:
    """Read channels of a .wav file, 1.0 for full scale. Raises Refusal."""
    shape = b""
    for name, size in _chunks(stream):
        if name == b"fmt ":
            shape = stream.read(min(size, 64))
        elif name == b"data":
            return _content(stream, shape, size, request)
        stream.seek(size - (len(shape) if name == b"fmt " else 0) + size % 2, 1)
    raise Refusal("holds no data chunk", _DAMAGED)


def _chunks(stream: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise Refusal("is not a RIFF WAVE file", _PLAIN)
    for _ in range(_CHUNKS):
        chunk = stream.read(_CHUNK.size)
        if len(chunk) < _CHUNK.size:
            return
        name, size = _CHUNK.unpack(chunk)
        yield name, size


def _content(stream: IO[bytes], shape: bytes, size: int, request: Request) -> Content:
    kind, width, channels, rate_hz = _format(shape)
    count = size // (width * channels) * channels
    if count > MAX_VALUES:
        raise Refusal(f"has {count} values by its header, more than {MAX_VALUES}", "Split the recording")
    data = stream.read(count * width)
    if len(data) < count * width:
        raise Refusal(f"ends after {len(data)} of {count * width} bytes of data", _DAMAGED)
    chosen = _columns(channels, request)
    values = _values(data, kind).reshape(-1, channels)[:, chosen]
    return Content(np.ascontiguousarray(values), {"rate_hz": float(rate_hz), "unit": FULL_SCALE})


def _format(shape: bytes) -> tuple[str, int, int, int]:
    """Tell the NumPy type, bytes a value, channels and rate."""
    if len(shape) < _FORMAT.size:
        raise Refusal("has no format chunk before its data", _DAMAGED)
    tag, channels, rate_hz, _, align, bits = _FORMAT.unpack(shape[: _FORMAT.size])
    if tag == _EXTENSIBLE and len(shape) >= _SUBFORMAT + 2:
        (tag,) = struct.unpack_from("<H", shape, _SUBFORMAT)
    kind = _KINDS.get((tag, bits))
    if kind is None:
        raise Refusal(f"is of format {tag} with {bits} bits a value", _PLAIN)
    if not channels or not rate_hz or align != channels * bits // 8:
        raise Refusal(f"states {channels} channels, {rate_hz} Hz and {align} bytes a reading", _DAMAGED)
    return kind, bits // 8, channels, rate_hz


def _values(data: bytes, kind: str) -> ParsedSamples:
    if kind == "u1":
        return _three_bytes(np.frombuffer(data, dtype=np.uint8))
    raw: NDArray[Any] = np.frombuffer(data, dtype=kind)
    whole = raw.astype(np.float64)
    return whole if raw.dtype.kind == "f" else whole / 2.0 ** (8 * raw.dtype.itemsize - 1)


def _three_bytes(data: NDArray[np.uint8]) -> ParsedSamples:
    # Put into the upper three bytes of four, so that the sign comes right by itself.
    wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
    wide[:, 1:] = data.reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float64) / 2.0**31


def _columns(channels: int, request: Request) -> list[int]:
    numbers = [str(number + 1) for number in range(channels)]
    for signal in request.signals:
        if signal not in numbers:
            raise Refusal(f"has no channel {signal!r}", available(numbers))
    if request.signals:
        return [int(signal) - 1 for signal in request.signals]
    if channels != len(request.channels):
        raise Refusal(
            f"has {channels} channels for the {len(request.channels)} listed, {' '.join(request.channels)}",
            "Name channels of the file in the list's signal column, by number from 1",
        )
    return list(range(channels))
