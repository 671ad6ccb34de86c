"""Hellos, notes and readings: both directions, bytes laid out by hand, nothing raised."""

import math
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from cobs import cobs

from edge_runtime.core.records import FaultKind, Hello, Note, Reading
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_hello, encode_note, encode_reading


def test_hello_round_trip() -> None:
    hello = Hello(9, 4, ("DE", "FE", "Gehäuse"), "m/s2", 156.9, "SN-1", "1.0")
    (decoded,) = FrameDecoder().feed(encode_hello(hello))
    assert decoded.range == np.float32(156.9)
    assert (decoded.channels, decoded.unit, decoded.serial_number) == (hello.channels, "m/s2", "SN-1")


@pytest.mark.parametrize(
    ("reach", "texts"),
    [
        pytest.param(1.0, [b"g", b"", b""], id="no channels"),
        pytest.param(1.0, [b"g", b"", b"", *[b"x"] * 17], id="too many channels"),
        pytest.param(0.0, [b"g", b"", b"", b"x"], id="range of zero"),
        pytest.param(float("nan"), [b"g", b"", b"", b"x"], id="range not a number"),
        pytest.param(1.0, [b"g", b""], id="too few texts"),
        pytest.param(1.0, [b"g", b"\xff", b"", b"x"], id="not UTF-8"),
    ],
)
def test_valid_checksum_senseless_greeting(reach: float, texts: list[Any]) -> None:
    body = struct.pack("<BBIIf", 1, 2, 1, 1, reach) + b"".join(bytes([len(text)]) + text for text in texts)
    (fault,) = FrameDecoder().feed(cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0")
    assert fault.kind is FaultKind.SCHEMA


NOTES = [
    {},
    {"machine": "pump 7", "condition": "full load", "label": None, "clock_ok": False, "part": 3, "gain": 0.5},
    {"Gehäuse": "\u0000 \u2028 " + "x" * 7000},
]


@pytest.mark.parametrize("members", NOTES, ids=len)
def test_note_round_trip(members: dict[str, Any]) -> None:
    note = Note(9, 4, members)
    assert FrameDecoder().feed(encode_note(note)) == [note]


def test_reading_round_trip() -> None:
    reading = Reading(9, 4, 2**63, "Lagertemperatur", "°C", float(np.float32(71.3)))
    assert FrameDecoder().feed(encode_reading(reading)) == [reading]


def sealed(kind: int, rest: bytes) -> bytes:
    body = struct.pack("<BBII", 1, kind, 5, 6) + rest
    return bytes(cobs.encode(body + struct.pack("<I", zlib.crc32(body)))) + b"\0"


def test_layout_of_note_and_reading() -> None:
    """By hand, as that of the data frame above."""
    assert FrameDecoder().feed(sealed(3, b'{"a":1}')) == [Note(5, 6, {"a": 1})]
    wire = sealed(4, struct.pack("<Qf", 7, 0.5) + b"\x01n\x02rn")
    assert FrameDecoder().feed(wire) == [Reading(5, 6, 7, "n", "rn", 0.5)]
    assert encode_reading(Reading(5, 6, 7, "n", "rn", 0.5)) == wire


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        pytest.param(3, b"", id="nothing"),
        pytest.param(3, b"[1]", id="a list"),
        pytest.param(3, b'{"a":{}}', id="an object within"),
        pytest.param(3, b'{"a":NaN}', id="not a number"),
        pytest.param(3, b'{"a":1e999}', id="too large a number"),
        pytest.param(3, b'{"a":' + b"1" * 5000 + b"}", id="endless digits"),
        pytest.param(3, b"[" * 8000, id="endless brackets"),
        pytest.param(3, b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(3, b'{"a":1', id="cut"),
        pytest.param(4, b"", id="no value"),
        pytest.param(4, struct.pack("<Qf", 1, 1.0) + b"\x01n", id="no unit"),
        pytest.param(4, struct.pack("<Qf", 1, 1.0) + b"\x01n\x01u\x00", id="a text too many"),
        pytest.param(4, struct.pack("<Qf", 1, 1.0) + b"\x01n\x09u", id="a text past the end"),
        pytest.param(4, struct.pack("<Qf", 1, float("inf")) + b"\x01n\x01u", id="an infinite value"),
    ],
)
def test_valid_checksum_senseless_statement(kind: int, rest: bytes) -> None:
    (fault,) = FrameDecoder().feed(sealed(kind, rest))
    assert fault.kind is FaultKind.SCHEMA


@pytest.mark.parametrize("members", [{"a": [1]}, {"a": {}}, {"a": math.nan}, {"a": b"x"}, {"a": "x" * 9000}])
def test_a_note_that_no_frame_can_carry(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a note's members|at most 8192"):
        encode_note(Note(1, 1, members))


def test_encoding_refuses_texts_and_channels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="at most 255 bytes"):
        encode_hello(Hello(1, 1, ("x" * 256,), "g", 1.0, "", ""))
    with pytest.raises(ValueError, match="1 to 16 channels"):
        encode_hello(Hello(1, 1, (), "g", 1.0, "", ""))
