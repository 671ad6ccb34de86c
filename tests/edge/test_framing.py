"""Frames: one table of cases for both directions, every flip refused, nothing raised, nothing growing."""

import itertools
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from cobs import cobs
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.core.records import Fault, FaultKind, Frame
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import (
    MAX_BODY,
    FrameDecoder,
    encode_data,
)
from tests.faults import hostile


def frame(samples: Any, *, sequence: int = 7, scale: float = 0.5, rate_hz: float = 12000.0) -> Any:
    return Frame(0xDEADBEEF, 3, sequence, 1_700_000_000_000_000, rate_hz, scale, 2, np.asarray(samples))


CASES = [
    pytest.param(frame([[1], [-2], [0], [32767], [-32768]]), SampleFormat.INT16, id="int16, one channel"),
    pytest.param(frame([[1, 2, 3], [-4, 0, 6]]), SampleFormat.INT16, id="int16, three channels"),
    pytest.param(frame([[8388607, -8388608], [0, -1]]), SampleFormat.INT24, id="int24"),
    pytest.param(frame(np.array([[0.1, -9.81], [0, 1e-3]], np.float32)), SampleFormat.FLOAT32, id="float32"),
    pytest.param(frame(np.zeros((300, 1))), SampleFormat.INT16, id="long run of zeros"),
    pytest.param(frame([[5]], rate_hz=0.001), SampleFormat.INT16, id="one sample, slowest rate"),
]


@pytest.mark.parametrize(("original", "sample_format"), CASES)
def test_decodes_what_it_encodes(original: Any, sample_format: Any) -> None:
    (decoded,) = FrameDecoder().feed(encode_data(original, sample_format))
    for name in ("sensor_id", "boot_id", "sequence", "time_us", "rate_hz", "scale", "overruns"):
        assert getattr(decoded, name) == getattr(original, name)
    np.testing.assert_array_equal(decoded.samples, np.asarray(original.samples, decoded.samples.dtype))


def test_layout_is_what_the_table_says() -> None:
    """Bytes laid out by hand: firmware in other languages is written from the table alone."""
    body = struct.pack("<BBIIIQIfHBBH", 1, 1, 2, 3, 4, 5, 12_000_000, 0.25, 6, 2, 1, 2)
    body += struct.pack("<4h", 1, -1, 2, -2)
    wire = cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"
    (decoded,) = FrameDecoder().feed(wire)
    assert isinstance(decoded, Frame)
    assert (decoded.sensor_id, decoded.boot_id, decoded.sequence, decoded.time_us) == (2, 3, 4, 5)
    assert (decoded.rate_hz, decoded.scale, decoded.overruns) == (12000.0, 0.25, 6)
    assert decoded.samples.tolist() == [[1, -1], [2, -2]]
    assert encode_data(decoded) == wire


SHORT = encode_data(frame([[1, 2, 3], [4, 0, 6]]))


def flipped(data: Any, *bits: Any) -> bytes:
    turned = bytearray(data)
    for bit in bits:
        turned[bit // 8] ^= 1 << bit % 8
    return bytes(turned)


def frames_in(data: Any) -> Any:
    return [item for item in FrameDecoder().feed(data) if not isinstance(item, Fault)]


@pytest.mark.parametrize("bits", [1, 2])
def test_every_flip_is_refused(bits: int) -> None:
    for where in itertools.combinations(range(8 * len(SHORT)), bits):
        assert frames_in(flipped(SHORT, *where) + b"\0") == [], where


def test_every_single_flip_of_a_long_frame_is_refused() -> None:
    wire = encode_data(frame(np.arange(-384, 384).reshape(256, 3)))
    for bit in range(8 * len(wire)):
        assert frames_in(flipped(wire, bit) + b"\0") == [], bit


def test_resynchronises_within_one_frame() -> None:
    for cut in range(1, len(SHORT)):
        decoded = frames_in(SHORT[:cut] + SHORT + SHORT)
        assert len(decoded) >= 1, cut  # the one glued to the stump may be lost, never the next
        assert len(frames_in(SHORT[cut:] + SHORT)) == 1, cut


def test_split_anywhere_changes_nothing() -> None:
    wire = SHORT * 3
    whole = [item.sequence for item in FrameDecoder().feed(wire)]
    for cut in range(len(wire)):
        decoder = FrameDecoder()
        parts = decoder.feed(wire[:cut]) + decoder.feed(wire[cut:])
        assert [item.sequence for item in parts] == whole


@given(st.lists(st.binary(max_size=3 * MAX_BODY), max_size=8))
def test_random_bytes_raise_nothing_and_no_buffer_grows(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    for chunk in chunks:
        assert frames_in(chunk) == []
        decoder.feed(chunk)
        assert hostile.buffered(decoder) <= MAX_BODY + MAX_BODY // 254 + 1


@settings(max_examples=300)
@given(st.binary(max_size=80), st.data())
def test_hostile_bodies_with_a_valid_checksum_raise_nothing(rest: bytes, data: st.DataObject) -> None:
    """A checksum proves nothing about sense: lengths, counts, types and floats are still hostile."""
    body = bytes([1, data.draw(st.sampled_from([1, 2, 3, 4]))]) + rest
    wire = cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"
    FrameDecoder().feed(wire)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param({"version": 2}, FaultKind.VERSION, id="newer version"),
        pytest.param({"type": 9}, FaultKind.SCHEMA, id="unknown type"),
        pytest.param({"channels": 0}, FaultKind.SCHEMA, id="no channels"),
        pytest.param({"channels": 17}, FaultKind.SCHEMA, id="too many channels"),
        pytest.param({"format": 4}, FaultKind.SCHEMA, id="unknown format"),
        pytest.param({"count": 3}, FaultKind.SCHEMA, id="count disagrees with length"),
        pytest.param({"count": 0, "samples": b""}, FaultKind.SCHEMA, id="no samples"),
        pytest.param({"rate": 0}, FaultKind.SCHEMA, id="rate of zero"),
        pytest.param({"scale": float("nan")}, FaultKind.SCHEMA, id="scale not a number"),
        pytest.param({"scale": -1.0}, FaultKind.SCHEMA, id="negative scale"),
    ],
)
def test_valid_checksum_senseless_fields(change: dict[str, Any], kind: Any) -> None:
    fields = {"version": 1, "type": 1, "rate": 12000, "scale": 1.0, "channels": 1, "format": 1, "count": 2}
    fields |= {"samples": struct.pack("<2h", 1, 2)} | change
    body = struct.pack(
        "<BBIIIQIfHBBH",
        fields["version"],
        fields["type"],
        1,
        1,
        1,
        1,
        fields["rate"],
        fields["scale"],
        0,
        fields["channels"],
        fields["format"],
        fields["count"],
    )
    body += fields["samples"]
    (fault,) = FrameDecoder().feed(cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0")
    assert fault.kind is kind


def test_a_frame_too_long_that_comes_at_once_is_a_fault() -> None:
    (fault, whole) = FrameDecoder().feed(b"\x55" * (2 * MAX_BODY) + b"\0" + SHORT)
    assert (fault.kind, whole.sequence) == (FaultKind.GARBAGE, 7)


def test_endless_garbage_is_one_fault_and_then_forgotten() -> None:
    decoder = FrameDecoder()
    faults = [item for _ in range(50) for item in decoder.feed(b"\x55" * 4096)]
    assert [fault.kind for fault in faults] == [FaultKind.GARBAGE]
    assert frames_in(SHORT)
    assert [type(item) for item in decoder.feed(b"\x55\0" + SHORT)] == [Frame]


@pytest.mark.parametrize("rate", [1e-6, 1e-5, 1e-4, 1e-3])
def test_survivors_at_a_bit_error_rate_follow_theory(rate: float) -> None:
    """A frame survives when none of its bits, and no bit of the delimiter before it, is hit."""
    wire = encode_data(frame(np.arange(48).reshape(16, 3)))
    count, bits = 20_000, 8 * len(wire)
    hits = np.random.default_rng(20).random(count * bits, dtype=np.float32) < rate
    stream = np.frombuffer(wire * count, np.uint8) ^ np.packbits(hits)
    decoded = frames_in(stream.tobytes())
    assert all(np.array_equal(item.samples, np.arange(48).reshape(16, 3)) for item in decoded)
    survivors = len(decoded)
    expected = count * (1 - rate) ** (bits + 8)
    assert abs(survivors - expected) <= 3 * np.sqrt(expected * (1 - expected / count)) + 1


def test_encoding_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="whole numbers of 16 bits"):
        encode_data(frame([[40000]]))
    with pytest.raises(ValueError, match="whole numbers"):
        encode_data(frame([[0.5]]))
    with pytest.raises(ValueError, match="at most 8192"):
        encode_data(frame(np.zeros((5000, 1))))


def test_noise_is_no_frame() -> None:
    """The seeded part of what `python -m tests.faults.hostile 1e9 noise` does at length."""
    seen, longest = hostile.noise(2_000_000, seed=3)
    assert set(seen) == {"refused"}
    assert longest <= hostile.LONGEST_TAIL


def test_hostile_inputs() -> None:
    """The seeded part of what `python -m tests.faults.hostile 1e7` does at length."""
    seen, longest = hostile.attack(40_000, seed=3)
    assert seen["corrupt accepted"] == 0
    assert seen["corrupt refused"] > 10_000
    assert seen["lying refused"] > 5_000
    assert longest <= hostile.LONGEST_TAIL
