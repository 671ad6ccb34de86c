"""Sensor protocols. Pure codecs: bytes in, frames out, and back for the simulated sensor."""

from edge_runtime.sensors.protocols.base import Decoded, Decoder, LineFormat, SampleFormat, SensorProtocol
from edge_runtime.sensors.protocols.frames import (
    MAX_BODY,
    FrameDecoder,
    encode_data,
    encode_hello,
    encode_note,
    encode_reading,
)
from edge_runtime.sensors.protocols.registry import DEFAULT_PROTOCOL, PROTOCOLS, new_decoder

__all__ = [
    "DEFAULT_PROTOCOL",
    "MAX_BODY",
    "PROTOCOLS",
    "Decoded",
    "Decoder",
    "FrameDecoder",
    "LineFormat",
    "SampleFormat",
    "SensorProtocol",
    "encode_data",
    "encode_hello",
    "encode_note",
    "encode_reading",
    "new_decoder",
]
