"""A sensor's bytes as whole steadyhum frames: as they came, or put into frames where it speaks otherwise.

Pure.

bytes of the line -> `LineWire` -> bytes that end with a frame, and what is in them
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge_runtime.core import Frame, Hello
from edge_runtime.sensors.protocols import (
    DEFAULT_PROTOCOL,
    MAX_BODY,
    Decoded,
    LineFormat,
    SampleFormat,
    encode_data,
    encode_hello,
    new_decoder,
)

_SAMPLE_BYTES: Final = 4
_OVERHEAD: Final = 40
"""Bytes of a frame's body beside its samples: a header of 36 and a checksum of 4, see protocols/frames.py."""
_ENDLESS: Final = 2 * MAX_BODY
"""More bytes than this without a delimiter are handed on as they are: no frame is so long."""
_SEQUENCES: Final = 2**32
"""Sequence numbers wrap here, as a frame carries them."""
_NO_RANGE: Final = float(np.finfo(np.float32).max)
"""What a hello states of a sensor whose range is not known: no sample is beyond it."""


class LineWire:
    """Takes what one line gives; hands on whole frames, so that a file may begin and end between any two."""

    def __init__(self, protocol: str, line: LineFormat) -> None:
        """`line` is what protocols other than frames do not say themselves."""
        self._decoder, self._is_wire = new_decoder(protocol, line), protocol == DEFAULT_PROTOCOL
        self._tail, self._added = b"", 0

    def feed(self, data: bytes) -> tuple[bytes, Sequence[Decoded]]:
        """Take the next bytes; return what is whole with them, as frames and decoded. Never raises."""
        items = self._decoder.feed(data)
        if not self._is_wire:
            return b"".join(self._encode(item) for item in items if isinstance(item, Frame)), items
        whole, delimiter, tail = (self._tail + data).rpartition(b"\0")
        if not delimiter and len(tail) > _ENDLESS:
            whole, tail = tail, b""
        self._tail = tail
        return whole + delimiter, items

    def _encode(self, frame: Frame) -> bytes:
        """Encode a frame, as several where it is too long for one; those after it are numbered on."""
        most = (MAX_BODY - _OVERHEAD) // (_SAMPLE_BYTES * frame.samples.shape[1])
        encoded = b""
        for at in range(0, len(frame.samples), most):
            self._added += at > 0
            part = frame._replace(
                sequence=(frame.sequence + self._added) % _SEQUENCES,
                time_us=frame.time_us + round(at * 1e6 / frame.rate_hz),
                samples=frame.samples[at : at + most],
            )
            encoded += encode_data(part, SampleFormat.FLOAT32)
        return encoded


def stated_hello(channels: tuple[str, ...], unit: str, range_: float | None) -> bytes:
    """The hello of a sensor that says none: what the site states of it. Empty where no hello can say it."""
    hello = Hello(0, 0, channels, unit, min(range_ or _NO_RANGE, _NO_RANGE), "", "")
    try:
        return encode_hello(hello)
    except ValueError:  # a name or a unit of more than 255 bytes
        return b""
