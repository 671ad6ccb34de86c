"""Windows against the obvious slicing; never across a gap."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.analysis.windows import Windower
from edge_runtime.core.records import FaultKind, Frame

RATE_HZ = 1000.0


def make(
    sequence: Any,
    samples: Any,
    *,
    time_us: Any = None,
    at: Any = None,
    boot: int = 1,
    rate_hz: Any = RATE_HZ,
    overruns: int = 0,
    scale: float = 1.0,
) -> Any:
    samples = np.atleast_2d(np.asarray(samples, np.float32).T).T
    time_us = at * 1000 if time_us is None else time_us
    return Frame(1, boot, sequence, time_us, rate_hz, scale, overruns, samples)


def stream(values: Any, sizes: Any, first_sequence: int = 0) -> Iterator[Any]:
    at = 0
    for index, size in enumerate(sizes):
        yield make((first_sequence + index) % 2**32, values[at : at + size], at=at)
        at += size


def run(windower: Any, frames: Any) -> tuple[Any, Any]:
    windows, faults = [], []
    for frame in frames:
        new, wrong = windower.push(frame)
        windows += [(window.index, window.time_us, window.samples.copy()) for window in new]
        faults += wrong
    return windows, faults


@given(
    st.integers(1, 40),
    st.data(),
    st.lists(st.integers(1, 200), min_size=1, max_size=40),
)
def test_equals_slicing_the_whole_signal(samples: int, data: st.DataObject, sizes: list[int]) -> None:
    hop = data.draw(st.integers(1, samples))
    values = np.arange(sum(sizes), dtype=np.float32)
    windows, faults = run(Windower(samples, hop, 1, RATE_HZ), stream(values, sizes))
    starts = range(0, len(values) - samples + 1, hop)
    assert not faults
    assert [(index, time_us) for index, time_us, _ in windows] == [
        (i, s * 1000) for i, s in enumerate(starts)
    ]
    for (_, _, got), start in zip(windows, starts, strict=True):
        np.testing.assert_array_equal(got[:, 0], values[start : start + samples])


def test_counts_become_physical_units() -> None:
    (window,), _ = Windower(2, 2, 1, RATE_HZ).push(make(0, [2, -4], at=0, scale=0.5))
    assert window.samples.tolist() == [[1.0], [-2.0]]


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (make(3, range(10), at=30), FaultKind.GAP),
        (make(1, range(10), at=25), FaultKind.GAP),
        (make(1, range(10), at=10, overruns=5), FaultKind.GAP),
        (make(0, range(10), at=10, boot=2), FaultKind.REBOOT),
    ],
)
def test_no_window_spans_a_gap(second: Any, kind: Any) -> None:
    windower = Windower(16, 4, 1, RATE_HZ)
    windows, faults = run(windower, [make(0, range(10), at=0), second])
    assert not windows
    assert [fault.kind for fault in faults] == [kind]
    windows, _ = run(
        windower,
        [
            make(
                second.sequence + 1,
                range(10, 20),
                time_us=second.time_us + 10_000,
                boot=second.boot_id,
                overruns=second.overruns,
            )
        ],
    )
    assert windows[0][2][:, 0].tolist() == list(map(float, range(16)))


def test_gap_says_how_many_frames() -> None:
    _, (fault,) = run(Windower(16, 4, 1, RATE_HZ), [make(0, range(4), at=0), make(5, range(4), at=20)])
    assert fault.count == 4


@pytest.mark.parametrize("sequence", [4, 5, 2])
def test_repeated_and_late_frames_are_ignored(sequence: int) -> None:
    windower = Windower(8, 8, 1, RATE_HZ)
    run(windower, [make(5, range(4), at=0)])
    _, (fault,) = run(windower, [make(sequence, [9] * 4, at=0)])
    assert fault.kind is FaultKind.DUPLICATE
    ((_, _, samples),), _ = run(windower, [make(6, range(4, 8), at=4)])
    assert samples[:, 0].tolist() == list(range(8))


def test_sequence_wraps_without_a_gap() -> None:
    windows, faults = run(Windower(8, 8, 1, RATE_HZ), stream(np.arange(16), [4] * 4, 2**32 - 2))
    assert (len(windows), faults) == (2, [])


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (make(0, np.zeros((4, 3)), at=0), "3 channels, model has 1"),
        (make(0, range(4), at=0, rate_hz=1020.0), "1020.0 Hz, model at 1000.0"),
    ],
)
def test_a_frame_of_another_shape_or_rate_is_not_used(frame: Any, text: str) -> None:
    windows, (fault,) = run(Windower(4, 4, 1, RATE_HZ), [frame])
    assert not windows
    assert fault.kind is FaultKind.MISMATCH
    assert text in fault.detail


def test_times_follow_a_drifting_clock() -> None:
    """0.5 % fast for an hour: windows are timed by the sensor's clock, not by counting from the first."""
    windower = Windower(100, 100, 1, RATE_HZ)
    frames = (make(i, np.zeros(100), time_us=round(i * 100_000 * 1.005)) for i in range(36_000))
    windows, faults = run(windower, frames)
    assert not faults
    assert windows[-1][1] == round(35_999 * 100_000 * 1.005)


def test_reset_forgets() -> None:
    windower = Windower(8, 8, 1, RATE_HZ)
    run(windower, [make(0, range(6), at=0)])
    windower.reset()
    windows, faults = run(windower, [make(9, range(6), at=90)])
    assert (windows, faults) == ([], [])


def test_counts_too_large_for_the_unit_become_infinite() -> None:
    [(_, _, samples)], _ = run(Windower(2, 2, 1, RATE_HZ), [make(0, [1e30, -1e30], at=0, scale=1e30)])
    assert samples.ravel().tolist() == [np.inf, -np.inf]


@given(
    before=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    after=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    sizes=st.lists(st.integers(1, 30), min_size=4, max_size=30),
    at=st.integers(1, 30),
)
def test_windows_of_another_length_begin_with_what_is_buffered(
    before: Any, after: Any, sizes: Any, at: int
) -> None:
    """Every window is a whole stretch, a hop apart, and none waits for samples that were there."""
    (samples, hop), (wanted, step) = ((length, min(length, gap)) for length, gap in (before, after))
    values = np.arange(sum(sizes), dtype=np.float32)
    frames = list(stream(values, sizes))
    windower = Windower(samples, hop, 1, RATE_HZ)
    for frame in frames[:at]:
        windower.push(frame)
    windower.recut(wanted, step)
    read = sum(sizes[:at])
    starts = []
    for frame in frames[at:]:
        windows, faults = windower.push(frame)
        assert faults == []
        for window in windows:
            first = int(window.samples[0, 0])
            assert window.samples[:, 0].tolist() == values[first : first + wanted].tolist()
            starts.append(first)
    assert all(later - earlier == step for earlier, later in pairwise(starts))
    if sum(sizes) >= read + wanted:  # at the latest the first window of samples that came afterwards
        assert starts
        assert read - wanted <= starts[0] <= read
