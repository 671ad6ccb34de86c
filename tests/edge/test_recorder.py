"""One recording: what is written is the wire; snapshots, files, a disk that refuses, a restart, lines."""

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.core import Fault, Hello, Note
from edge_runtime.gateway.recording.job import Job
from edge_runtime.gateway.recording.recorder import Recorder
from edge_runtime.gateway.recording.store import CaptureStore
from edge_runtime.gateway.recording.tap import Tapped
from edge_runtime.sensors import CaptureNote
from edge_runtime.sensors.captures import read_capture, summarize
from tests.edge.disks import fill
from tests.edge.recorded import (
    FRAME_S,
    LIMITS,
    captures_of,
    frames_in,
    items_in,
    job,
    pour,
    recorder,
    target,
    vibration,
    wire,
)


def beside(paths: list[Path]) -> bytes:
    """The bytes of captures without what the recorder wrote before the first frame."""
    found = b""
    for path in paths:
        pieces = list(read_capture(str(path)))
        first = next(
            number for number, piece in enumerate(pieces) if not isinstance(piece.item, Note | Hello)
        )
        found += b"".join(piece.data for piece in pieces[first:])
    return found


def test_what_is_written_is_what_came(tmp_path: Path) -> None:
    parts = wire(vibration(0.3, 0.3))
    parts.insert(9, b"\x55\x66 no frame \0")
    recording = recorder(tmp_path, job())
    pour(recording, parts)
    recording.end("stopped")
    (path,) = captures_of(tmp_path)
    note, hello, *_ = items_in(path)
    assert isinstance(hello, Hello)
    said = CaptureNote.of(note)
    assert (said.sensor, said.condition, said.label, said.machine) == (
        "pump",
        "full load",
        "normal",
        "pump-7",
    )
    assert (said.started_by, said.recording, said.part, said.every_s) == (
        "anna (uid 1000)",
        "0a1b2c3d",
        1,
        0.0,
    )
    assert said.time.startswith("20")
    assert beside([path]) == b"".join(parts[1:])
    summary = summarize(str(path))
    assert (summary.frames, summary.damaged) == (40, 1)
    assert summary.seconds == pytest.approx(2.0)
    assert recording.written_bytes == path.stat().st_size


@pytest.mark.parametrize("size", [1, 7, 333])
def test_how_the_bytes_come_changes_nothing(tmp_path: Path, size: int) -> None:
    data = b"".join(wire(vibration(0.3))[:9])
    recording = recorder(tmp_path, job())
    cut = [Tapped(data[at : at + size], at / 1e6, None) for at in range(0, len(data), size)]
    recording.take(cut[: len(cut) // 2])
    recording.take(cut[len(cut) // 2 :])
    recording.end("stopped")
    assert beside(captures_of(tmp_path)) == b"".join(wire(vibration(0.3))[1:9])


def test_the_hello_that_was_heard_before_stands_first(tmp_path: Path) -> None:
    hello = Hello(1, 1, ("x",), "g", 16.0, "S7", "1.0")
    recording = recorder(tmp_path, job())
    recording.take([Tapped(part, 0.1, hello) for part in wire(vibration(0.3))[1:4]])
    recording.end("stopped")
    assert items_in(*captures_of(tmp_path))[1] == hello


def test_snapshots_are_files_and_cover_what_was_asked_for(tmp_path: Path) -> None:
    recording = recorder(tmp_path, job(20.0, take_s=1.0, every_s=5.0))
    for begin in range(5):
        pour(recording, wire(vibration(*[0.3] * 5), 5_000_000 * begin), 5.0 * begin)
    assert recording.job.ended == "complete"
    paths = captures_of(tmp_path)
    assert len(paths) == recording.job.files == 4
    assert [summarize(str(path)).seconds for path in paths] == [pytest.approx(1.0, abs=2 * FRAME_S)] * 4
    notes = [CaptureNote.of(items_in(path)[0]) for path in paths]
    assert sorted(note.part for note in notes) == [1, 2, 3, 4]
    assert {note.every_s for note in notes} == {5.0}


def test_a_long_recording_is_cut_between_frames(tmp_path: Path) -> None:
    parts = wire(vibration(*[0.3] * 4))
    store = CaptureStore(tmp_path, LIMITS)
    recording = Recorder(job(), target(), store, lambda _job: None, 0.0, file_bytes=3000)
    pour(recording, parts)
    recording.end("stopped")
    paths = sorted(captures_of(tmp_path), key=lambda path: CaptureNote.of(items_in(path)[0]).part)
    assert len(paths) > 5
    assert all(path.stat().st_size < 6000 for path in paths)
    frames = frames_in(*paths)
    assert [frame.sequence for frame in frames] == list(range(80)), "nothing is lost between two files"
    assert not any(isinstance(item, Fault) for path in paths for item in items_in(path))


def test_a_restart_goes_on_in_a_new_file_and_leaves_the_old_one(tmp_path: Path) -> None:
    saved: list[Job] = []
    parts = wire(vibration(*[0.3] * 12))
    first = recorder(tmp_path, job(9.0), saved)
    pour(first, parts[:30])
    kept = {path: path.read_bytes() for path in captures_of(tmp_path)}
    interrupted = replace(saved[-1], elapsed_s=1.5)
    again = recorder(tmp_path, interrupted, saved, now_s=500.0)
    pour(again, parts[30:], 500.0)
    assert again.job.ended == "complete"
    assert again.job.elapsed_s == pytest.approx(9.0, abs=0.1)
    assert len(captures_of(tmp_path)) == 2
    assert all(path.read_bytes() == data for path, data in kept.items())
    assert {CaptureNote.of(items_in(path)[0]).part for path in captures_of(tmp_path)} == {1, 2}
    assert saved[-1].ended == "complete"


def test_a_full_disk_holds_the_recording_until_there_is_room(small_disk: Path) -> None:
    recording = recorder(small_disk / "captures", job(60.0))
    parts = wire(vibration(*[0.3] * 40))
    end_s = pour(recording, parts[:100])
    stone = fill(small_disk)
    end_s = pour(recording, parts[100:300], end_s)
    progress = recording.progress(end_s)
    assert progress.state == "held"
    assert "No space left" in progress.held or "stay free" in progress.held
    assert progress.lost_bytes > 0
    assert progress.level.rms, "the sensor is still looked at"
    stone.unlink()
    end_s = pour(recording, parts[300:500], end_s)
    assert recording.progress(end_s).state == "recording"
    pour(recording, parts[500:], end_s)
    for second in range(31, 61):
        recording.tick(float(second))
    assert recording.job.ended.startswith("complete, but ")
    assert "s are missing" in recording.job.ended
    frames = frames_in(*captures_of(small_disk))
    numbers = [frame.sequence for frame in frames]
    assert numbers == sorted(set(numbers)), "gaps stay gaps"
    assert max(after - before for before, after in pairwise(numbers)) > 50
    assert numbers[:90] == list(range(90))


def test_lines_go_on_from_one_file_to_the_next(tmp_path: Path) -> None:
    store, sensor = CaptureStore(tmp_path, LIMITS), target(protocol="lines", scale=0.5)
    recording = Recorder(job(), sensor, store, lambda _job: None, 0.0, file_bytes=4000)
    values = np.arange(4000) / 8
    for number, rows in enumerate(np.split(values, 80)):
        text = "".join(f"{value}\n" for value in rows)
        text = text.replace("\n", "\nnoise\n", 1) if number == 40 else text
        recording.take([Tapped(text.encode(), number * 0.05, None)])
        recording.tick(number * 0.05)
    recording.end("stopped")
    paths = sorted(captures_of(tmp_path), key=lambda path: CaptureNote.of(items_in(path)[0]).part)
    assert len(paths) > 2
    note, hello, *_ = items_in(paths[0])
    assert isinstance(note, Note)
    assert (hello.channels, hello.unit) == (("x",), "g"), "what the site states"
    frames = frames_in(*paths)
    got = np.concatenate([frame.samples[:, 0] * frame.scale for frame in frames])
    assert got.tolist() == (values[1:] / 2).tolist()
    jumps = [(after.sequence - before.sequence) % 2**32 for before, after in pairwise(frames)]
    assert sorted(jumps)[-2:] == [1, 2], "the bad line is a gap, and nothing else is"


def test_many_lines_at_a_time_fit_frames(tmp_path: Path) -> None:
    store = CaptureStore(tmp_path, LIMITS)
    channels = ("x", "y", "z")
    recording = Recorder(job(), target(protocol="lines", channels=channels), store, lambda _job: None, 0.0)
    rows = np.arange(9000).reshape(3000, 3)
    text = "0,0,0\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    recording.take([Tapped(text.encode(), 0.0, None)])
    recording.end("stopped")
    frames = frames_in(*captures_of(tmp_path))
    assert np.concatenate([frame.samples for frame in frames]).tolist() == rows.tolist()
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    starts = np.cumsum([0, *(len(frame.samples) for frame in frames)])[:-1]
    assert [frame.time_us for frame in frames] == (starts * 1000).tolist()


def test_a_clock_that_is_set_is_said_and_moves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_s, real = 0.0, time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead_s)
    recording = recorder(tmp_path, job(3.0), now_s=time.monotonic())
    begin_s = time.monotonic()
    parts = wire(vibration(*[0.3] * 4))
    recording.take([Tapped(part, begin_s, None) for part in parts[:10]])
    recording.tick(time.monotonic())
    ahead_s = 7200.0
    recording.tick(time.monotonic())
    progress = recording.progress(time.monotonic())
    assert "set by +7200 s" in progress.clock
    assert progress.job.elapsed_s < 3.0
    recording.end("stopped")
    notes = [CaptureNote.of(item) for item in items_in(*captures_of(tmp_path)) if isinstance(item, Note)]
    assert len(notes) == 2, "where it was set is known within the file"
    assert notes[0].time < notes[1].time


def test_another_line_begins_another_file(tmp_path: Path) -> None:
    recording = recorder(tmp_path, job())
    end_s = pour(recording, wire(vibration(0.3)))
    recording.follow(target(range=8.0), end_s)
    pour(recording, wire(vibration(0.3)), end_s)
    recording.end("stopped")
    assert len(captures_of(tmp_path)) == 2
    assert len(frames_in(*captures_of(tmp_path))) == 40


def test_progress_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    def refuse(_job: Job) -> None:
        raise OSError(28, "No space left on device")

    store = CaptureStore(tmp_path, LIMITS)
    recording = Recorder(job(), target(), store, refuse, 0.0)
    end_s = pour(recording, wire(vibration(0.3)))
    assert "progress cannot be written (No space left" in recording.progress(end_s).held
    assert len(frames_in(*captures_of(tmp_path))) == 20
