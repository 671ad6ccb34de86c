"""SensiML's Simple Streaming Interface: its published packet, resynchronisation, and a board on a pty."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core import ConfigError, Fault, FaultKind, Frame
from edge_runtime.doctor.listening import listen
from edge_runtime.sensors import port_of
from edge_runtime.sensors.protocols import LineFormat, SampleFormat, new_decoder
from edge_runtime.sensors.protocols.sensiml_packets import SensimlTalk, described
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.edge.sensiml_device import Board, Heard, packet, settings
from tests.waiting import until

LINE = LineFormat(3, 1600.0, 0.5)
VECTOR = bytes.fromhex("ff0c00000001000000f6fff8fffeff0e")
SAID = b'{"sample_rate":476,"version":%d,"samples_per_packet":2,"column_location":{"X":0,"Y":1,"Z":2}}\r\n'
ROWS = np.array([[255, -1, 2], [-256, 255, 255]])


def decode(*parts: bytes) -> Any:
    decoder = new_decoder("sensiml", LINE)
    return [item for part in parts for item in decoder.feed(part)]


def test_the_published_packet() -> None:
    (frame,) = decode(VECTOR)
    assert (frame.sequence, frame.samples.tolist(), frame.scale) == (1, [[-10, -8, -2]], 0.5)
    assert packet(1, np.array([[-10, -8, -2]])) == VECTOR


def test_a_description_tells_rate_columns_and_length() -> None:
    first, second = decode(SAID % 2, packet(7, ROWS), packet(8, ROWS))
    assert (first.rate_hz, first.samples.tolist()) == (476.0, ROWS.tolist())
    assert (second.sequence, second.time_us - first.time_us) == (8, round(2e6 / 476))
    fault, third = decode(SAID % 2, VECTOR + packet(9, ROWS))
    assert (fault.kind, third.sequence) == (FaultKind.GARBAGE, 9)


def test_what_is_lost_is_a_gap_of_numbers_and_of_time() -> None:
    first, fault, second = decode(packet(1, ROWS), packet(2, ROWS)[:-4], packet(3, ROWS), packet(4, ROWS))[:3]
    assert isinstance(fault, Fault)
    assert (second.sequence - first.sequence, second.time_us - first.time_us) == (2, 2500)


def test_a_byte_too_many_costs_nothing_and_one_too_few_a_packet() -> None:
    items = decode(packet(1, ROWS) + b"\xff" + packet(2, ROWS) + packet(3, ROWS)[1:] + packet(4, ROWS))
    assert [item.sequence for item in items if isinstance(item, Frame)] == [1, 2, 4]


def test_numbers_wrap_and_repeats_stay_behind() -> None:
    frames = decode(*(packet(number, ROWS) for number in (2**32 - 1, 0, 2**32 - 1, 1)))
    assert [frame.time_us for frame in frames] == [0, 1250, 0, 2500]


def test_bare_rows_count_only_behind_a_description() -> None:
    rows = ROWS.astype("<i2").tobytes()
    assert not [item for item in decode(rows) if isinstance(item, Frame)]
    data = SAID % 1 + 3 * rows + SAID % 1 + rows
    for size in (1, 5, len(data)):
        frames = decode(*(data[at : at + size] for at in range(0, len(data), size)))
        assert np.concatenate([frame.samples for frame in frames]).tolist() == 4 * ROWS.tolist()
        assert {frame.boot_id for frame in frames} == {1, 2}
        assert frames[-1].boot_id == 2
    first, *_, last = decode(SAID % 1, rows, rows)
    assert last.time_us - first.time_us == round(2e6 / 476)


def test_braces_among_bare_rows_are_samples() -> None:
    rows = b'{"abcdefghij' + b"\n\0" * 6 + b'{"' + bytes(10)
    frames = decode(SAID % 1 + rows + bytes(12))
    assert b"".join(frame.samples.tobytes() for frame in frames) == rows + bytes(12)


@given(st.lists(st.one_of(st.binary(max_size=300), st.just(SAID % 1), st.just(SAID % 2), st.just(VECTOR))))
def test_no_bytes_raise(parts: list[bytes]) -> None:
    decoder = new_decoder("sensiml", LINE)
    for part in parts:
        assert all(isinstance(item, Frame | Fault) for item in decoder.feed(part))


@given(st.binary(max_size=200), st.integers(1, 40))
def test_packets_are_found_again_behind_anything(noise: bytes, size: int) -> None:
    data = SAID % 2 + noise + b"".join(packet(number, ROWS) for number in range(3, 30))
    frames = [
        item
        for item in decode(*(data[at : at + size] for at in range(0, len(data), size)))
        if isinstance(item, Frame)
    ]
    assert [frame.sequence for frame in frames][-20:] == list(range(10, 30))


@pytest.mark.parametrize(
    "line",
    [
        b"[1]",
        b"{}",
        b"[" * 5000,
        b'{"sample_rate":0,"column_location":{"X":0}}',
        b'{"sample_rate":NaN,"column_location":{"X":0}}',
        b'{"sample_rate":true,"column_location":{"X":0}}',
        b'{"sample_rate":100,"column_location":{"X":1}}',
        b'{"sample_rate":100,"column_location":{"X":0,"Y":0}}',
        b'{"sample_rate":100,"column_location":[0]}',
        b'{"sample_rate":100,"version":3,"column_location":{"X":0}}',
        b'{"sample_rate":100,"samples_per_packet":1e9,"column_location":{"X":0}}',
        b'{"sample_rate":100,"column_location":{"X":{}}}',
    ],
)
def test_descriptions_that_make_no_sense_are_none(line: bytes) -> None:
    assert described(line) is None


def test_a_device_is_asked_to_describe_itself_and_then_to_connect() -> None:
    talk = SensimlTalk()
    said = [talk(b""), talk(b'{"sample'), talk(b'_rate":1'), talk(b"00}\r\n"), talk(VECTOR)]
    assert said == [b"disconnect", b"", b"connect", b"", b""]


def test_what_is_simulated_is_read() -> None:
    signal = Signal(np.linspace(-1, 1, 900, dtype=np.float32).reshape(-1, 3), 1600.0, ("x", "y", "z"), "g")
    sensor = SimulatedSensor(protocol="sensiml", sample_format=SampleFormat.INT16, range=2.0)
    frames = decode(*map(sensor.encode, signal_frames(signal, sensor)))
    found = np.concatenate([frame.samples for frame in frames]) * (2.0 / 32767)
    np.testing.assert_allclose(found, signal.samples, atol=1e-4)
    with pytest.raises(ConfigError, match="does not carry float32"):
        SimulatedSensor(protocol="sensiml").check()


def test_a_board_is_connected_and_nothing_is_lost_in_silence() -> None:
    with Board() as board, Heard(board) as heard:
        until(lambda: heard.samples > 600)
        board.lose = 3
        until(lambda: heard.missing > 0)
        assert (heard.missing, heard.counted) == (18, 18)
        board.restart.set()
        until(lambda: board.connects == 2)
        until(lambda: heard.frames[-1].boot_id > 1 and heard.frames[-1].time_us > 200_000)
    assert (heard.missing, heard.counted) == (18, 18)


def test_a_board_that_was_left_streaming_is_asked_again(tmp_path: Path) -> None:
    with Board(1) as board:
        for connects in (1, 2):
            wanted = settings(board.line)
            capture = listen(port_of(wanted), new_decoder("sensiml", wanted.line), 1.5)
            assert board.connects == connects
            assert len(capture.frames) > 3
            assert capture.frames[-1].samples.shape[1] == 3
