"""What sensors speak. Pure codecs: bytes in, frames out."""

from edge_runtime.sensors.protocols.base import Decoder, LineFormat
from edge_runtime.sensors.protocols.frames import (
    MAX_BODY,
    FrameDecoder,
    SampleFormat,
    encode_data,
    encode_hello,
)
from edge_runtime.sensors.protocols.registry import DEFAULT_PROTOCOL, PROTOCOLS, new_decoder

__all__ = [
    "DEFAULT_PROTOCOL",
    "MAX_BODY",
    "PROTOCOLS",
    "Decoder",
    "FrameDecoder",
    "LineFormat",
    "SampleFormat",
    "encode_data",
    "encode_hello",
    "new_decoder",
]
