"""Which snapshot goes when room is needed: what is left stays spread over the whole series."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.gateway.recording.thinning import Capture, next_to_thin
from edge_runtime.sensors import CaptureNote


def snapshot(part: int, recording: str = "a", every_s: float = 600.0, sensor: str = "pump") -> Capture:
    note = CaptureNote(
        sensor=sensor, recording=recording, part=part, every_s=every_s, time=f"2026-11-26T{part:06}"
    )
    return Capture(Path(f"{sensor}-{recording}-{part}.frames"), note, 1000)


def parts(captures: list[Capture]) -> list[int]:
    return sorted(capture.note.part for capture in captures)


@given(st.integers(3, 30), st.randoms())
def test_a_series_is_thinned_evenly_and_keeps_its_ends(count: int, random: "st.DrawFn") -> None:
    captures = [snapshot(part) for part in range(1, count + 1)]
    random.shuffle(captures)  # type: ignore[attr-defined]  # hypothesis names its type otherwise
    while (gone := next_to_thin(captures)) is not None:
        captures.remove(gone)
        left = parts(captures)
        assert (left[0], left[-1]) == (1, count)
        gaps = [after - before for before, after in pairwise(left)]
        # No two neighbours are closer together, taken as one, than any gap there is: nowhere is a hole made
        # that another place would not have felt less.
        assert max(gaps) <= min((a + b for a, b in pairwise(gaps)), default=count)
    assert parts(captures) == [1, count]


def test_what_somebody_asked_for_is_never_deleted() -> None:
    asked = [snapshot(part, every_s=0.0) for part in range(1, 9)]
    foreign = [Capture(Path("x.frames"), CaptureNote(), 1)] * 5
    assert next_to_thin(asked + foreign) is None
    assert next_to_thin([*asked, *foreign, *map(snapshot, (1, 2, 3))]) == snapshot(2)


def test_the_densest_series_goes_first() -> None:
    hourly = [snapshot(part, "b", 3600.0) for part in range(1, 5)]
    other = [snapshot(part, "a", 600.0, "fan") for part in range(1, 8)]
    captures = [*hourly, *other]
    gone: list[str] = []
    while (capture := next_to_thin(captures)) is not None and len(gone) < 4:
        captures.remove(capture)
        gone.append(capture.note.sensor)
    assert gone == ["fan"] * 4
