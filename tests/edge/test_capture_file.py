"""A capture that is written: kept over kills and cuts, bounded, other protocols put into frames."""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import DataError, UnavailableError
from edge_runtime.core.records import Fault, Frame, Note
from edge_runtime.sensors.capture_file import CaptureFile
from edge_runtime.sensors.captures import read_capture, summarize
from edge_runtime.sensors.protocols.base import LineFormat, SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.edge.test_captures import vibration, wire
from tests.processes import running
from tests.waiting import until

NOTE = Note(0, 0, {"sensor": "pump", "condition": "full load", "clock_ok": True})


def frames_of(path: Path) -> int:
    return sum(isinstance(piece.item, Frame) for piece in read_capture(str(path)))


def test_what_is_written_is_the_wire(tmp_path: Path) -> None:
    path, parts = tmp_path / "pump.frames", wire(vibration(0.3))
    with CaptureFile(path) as capture:
        capture.note(NOTE)
        for now_s, part in enumerate(parts):
            capture.write(part[:7], now_s)
            capture.write(part[7:], now_s)
        assert capture.size == path.stat().st_size
    assert path.read_bytes().endswith(b"".join(parts))
    summary = summarize(str(path))
    assert (summary.notes, summary.frames, summary.damaged) == ((NOTE,), 20, 0)


@pytest.mark.parametrize("cut", [0, 1, 30, 100])
def test_a_capture_that_was_cut_goes_on(tmp_path: Path, cut: int) -> None:
    path, parts = tmp_path / "pump.frames", wire(vibration(0.3))
    whole = b"".join(parts[:4])
    path.write_bytes(whole[: len(whole) - cut])
    with CaptureFile(path) as capture:
        capture.write(b"".join(parts[4:]), 0.0)
    # The frame whose delimiter alone was missing is whole again.
    assert frames_of(path) == (20 if cut <= 1 else 19)
    assert sum(isinstance(piece.item, Fault) for piece in read_capture(str(path))) == (cut > 1)


def test_lines_are_put_into_frames(tmp_path: Path) -> None:
    path, values = tmp_path / "pump.frames", np.arange(100) / 8
    with CaptureFile(path, "lines", LineFormat(1, 1000.0, 0.5)) as capture:
        for start in range(0, 100, 10):
            text = "".join(f"{value}\n" for value in values[start : start + 10])
            capture.write(text.encode(), start / 1000)
    frames = [piece.item for piece in read_capture(str(path)) if isinstance(piece.item, Frame)]
    got = np.concatenate([frame.samples[:, 0] * frame.scale for frame in frames])
    assert got.tolist() == (values[1:] / 2).tolist()  # the first line may have begun before
    assert {frame.rate_hz for frame in frames} == {1000.0}


def test_a_file_and_a_disk_are_never_filled(tmp_path: Path) -> None:
    path, parts = tmp_path / "pump.frames", wire(vibration(0.3))
    with CaptureFile(path, most_bytes=1000) as capture:
        for part in parts[:4]:
            capture.write(part, 0.0)
        with pytest.raises(UnavailableError, match="would exceed 1000 bytes") as refusal:
            capture.write(b"".join(parts[4:8]), 0.0)
        assert refusal.value.remedy
    assert 0 < path.stat().st_size <= 1000
    kept = frames_of(path)
    assert kept >= 3
    with CaptureFile(path, free_bytes=2**60) as capture, pytest.raises(UnavailableError, match="left"):
        capture.write(parts[0], 0.0)
    assert frames_of(path) == kept


@pytest.mark.parametrize(
    ("name", "says"),
    [("pump.npz", "not named"), ("none/pump.frames", "No such file"), ("d.frames", "directory")],
)
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "d.frames").mkdir()
    with pytest.raises((DataError, UnavailableError), match=says) as refusal:
        CaptureFile(tmp_path / name)
    assert refusal.value.remedy


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_disk_that_refuses(tmp_path: Path) -> None:
    path = tmp_path / "pump.frames"
    path.symlink_to("/dev/full")
    capture = CaptureFile(path)
    with pytest.raises(UnavailableError, match="No space left"):
        capture.write(b"x", 0.0)
    with pytest.raises(UnavailableError):  # a device that cannot be synced
        capture.close()


WRITER = """
import sys, time
from pathlib import Path
from edge_runtime.sensors.capture_file import CaptureFile
data = sys.stdin.buffer.read()
with CaptureFile(Path(sys.argv[1])) as capture:
    while True:
        for start in range(0, len(data), 97):
            capture.write(data[start : start + 97], time.monotonic())
"""


def grown(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size > size


def test_killed_while_it_writes_every_whole_frame_is_read(tmp_path: Path) -> None:
    path, source = tmp_path / "pump.frames", tmp_path / "data"
    frames = list(signal_frames(vibration(0.3), SimulatedSensor(frame_samples=50)))
    source.write_bytes(b"".join(encode_data(frame, SampleFormat.FLOAT32) for frame in frames))
    for size in (10_000, 200_000, 300_000):
        writer = [sys.executable, "-c", WRITER, path]
        with source.open("rb") as data, running(writer, stdin=data) as process:
            until(partial(grown, path, size), what="the capture's growth")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    items: list[Any] = [piece.item for piece in read_capture(str(path))]
    damaged = sum(isinstance(item, Fault) for item in items)
    assert damaged <= 3
    assert (
        len(items) - damaged >= path.stat().st_size // len(encode_data(frames[0], SampleFormat.FLOAT32)) - 8
    )
