"""Text lines as Edge Impulse's data forwarder sends them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core.records import MAX_FRAME_SAMPLES, Fault, FaultKind, Frame
from edge_runtime.sensors.protocols.text_lines import MAX_LINE, LineDecoder
from tests.faults.hostile import buffered


def decode(data: Any, channels: int = 3, **options: Any) -> Any:
    return LineDecoder(channels, 100.0, **options).feed(b"cut off\n" + data)


def rows(items: Any) -> Any:
    return [row for item in items if isinstance(item, Frame) for row in item.samples.tolist()]


@pytest.mark.parametrize(
    "line",
    [b"-0.5,-6.25,7.75\n", b"-0.5\t-6.25\t7.75\r\n", b"  -0.5 -6.25  7.75 \n", b"-0.5, -6.25,,7.75\n"],
)
def test_separators(line: bytes) -> None:
    assert rows(decode(line)) == [[-0.5, -6.25, 7.75]]


def test_first_line_is_dropped_for_it_may_be_cut() -> None:
    assert rows(LineDecoder(1, 100.0).feed(b"999\n1\n2\n")) == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"1,2\n", FaultKind.LINE),
        (b"1,2,3,4\n", FaultKind.LINE),
        (b"1,2,x\n", FaultKind.LINE),
        (b"1,2,1_000\n", FaultKind.LINE),
        (b"1,2,nan\n", FaultKind.LINE),
        (b"1,2,inf\n", FaultKind.LINE),
        (b"1,2,1e39\n", FaultKind.LINE),
        (b"\xff\xfe\x00\n", FaultKind.LINE),
        (b"9" * (MAX_LINE + 1) + b"\n", FaultKind.LINE),
        (b"ERR: sensor not found\n", FaultKind.DEVICE),
        (b"<err> i2c\n", FaultKind.DEVICE),
    ],
)
def test_bad_line_is_counted_and_leaves_a_gap(line: Any, kind: Any) -> None:
    before, fault, after = decode(b"1,2,3\n" + line + b"4,5,6\n")
    assert fault.kind is kind
    assert after.sequence - before.sequence == 2


def test_times_count_samples_at_the_stated_rate() -> None:
    decoder = LineDecoder(1, 100.0)
    first, *_ = decoder.feed(b"x\n1\n2\n3\n")
    second, *_ = decoder.feed(b"4\n")
    assert (first.time_us, second.time_us, second.sequence) == (0, 30_000, 1)


def test_many_lines_at_once_become_frames_of_bounded_length() -> None:
    items = decode(b"1\n" * (MAX_FRAME_SAMPLES + 5), channels=1)
    assert [len(item.samples) for item in items] == [MAX_FRAME_SAMPLES, 5]
    assert [item.sequence for item in items] == [0, 1]


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=2), min_size=1, max_size=20),
    st.data(),
)
def test_split_anywhere_changes_nothing(values: list[list[float]], data: st.DataObject) -> None:
    text = b"x\n" + b"".join(f"{a!r},{b!r}\n".encode() for a, b in values)
    cut = data.draw(st.integers(0, len(text)))
    decoder = LineDecoder(2, 100.0)
    got = rows(decoder.feed(text[:cut]) + decoder.feed(text[cut:]))
    np.testing.assert_array_equal(np.float32(got), np.array(values, np.float32))


@given(st.lists(st.binary(max_size=2000), max_size=10))
def test_random_bytes_raise_nothing_and_no_buffer_grows(chunks: list[bytes]) -> None:
    decoder = LineDecoder(3, 100.0)
    for chunk in chunks:
        assert all(isinstance(item, Frame | Fault) for item in decoder.feed(chunk))
        assert buffered(decoder) <= MAX_LINE + 1
