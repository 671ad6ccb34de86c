"""Captures as recordings: gaps stay gaps, notes say what they are of, the numbers are the edge's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core import Frame
from edge_runtime.sensors import read_capture
from edge_runtime.sensors.protocols import SampleFormat, encode_data
from tests.trainer.builders import row
from tests.trainer.captured import RATE_HZ, hum, write_capture
from tests.trainer.test_cli import Run
from trainer.core.errors import RecordingError
from trainer.recordings.folder_list import list_folder
from trainer.recordings.folds import long_enough
from trainer.recordings.glance import glance_at
from trainer.recordings.list_reading import load_list, read_recordings
from trainer.recordings.listing import write_list


def listed(path: Path, **changes: Any) -> Any:
    return row(path, **{"channels": ("x",), "rate_hz": RATE_HZ, **changes})


def test_the_numbers_are_those_that_the_edge_scores(tmp_path: Path) -> None:
    samples = hum(2.0)
    path = write_capture(tmp_path / "pump.frames", samples)
    (found,) = read_recordings([listed(path)])
    np.testing.assert_array_equal(found.samples, samples)
    assert (found.rate_hz, found.unit, found.name, found.stretches) == (RATE_HZ, "g", "pump", 1)


def test_int16_counts_are_scaled_as_the_edge_does(tmp_path: Path) -> None:
    counts = np.arange(-2000, 2000, dtype=np.int16)[:, np.newaxis]
    frames = [
        Frame(1, 1, number, round(number * 1e6 * 100 / RATE_HZ), RATE_HZ, 0.000488, 0, counts[at : at + 100])
        for number, at in enumerate(range(0, 4000, 100))
    ]
    path = tmp_path / "pump.frames"
    path.write_bytes(b"".join(map(encode_data, frames)))
    (found,) = read_recordings([listed(path)])
    np.testing.assert_array_equal(found.samples, counts.astype(np.float32) * np.float32(0.000488))


def test_a_lost_frame_parts_it(tmp_path: Path) -> None:
    whole = write_capture(tmp_path / "whole.frames", hum(2.0))
    frames = [piece.data for piece in read_capture(str(whole))]
    path = tmp_path / "gap.frames"
    path.write_bytes(b"".join(frames[:51] + frames[52:]))
    first, second = read_recordings([listed(path)])
    assert (first.name, second.name) == ("gap", "gap from 0.544 s")
    assert len(first.samples) == 50 * 128
    assert first.stretches == second.stretches == 2
    np.testing.assert_array_equal(second.samples, hum(2.0)[51 * 128 :])


@pytest.mark.parametrize("cut", [3000, 4001, 5555, 9999])
def test_a_capture_that_was_cut_anywhere_gives_its_whole_frames(tmp_path: Path, cut: int) -> None:
    whole = write_capture(tmp_path / "whole.frames", hum(1.0))
    path = tmp_path / "cut.frames"
    path.write_bytes(whole.read_bytes()[:cut])
    (found,) = read_recordings([listed(path)])
    np.testing.assert_array_equal(found.samples, hum(1.0)[: len(found.samples)])
    assert len(found.samples) >= 128 * (cut // (128 * 4 + 50) - 1)


def test_seconds_of_a_capture_are_read_by_its_name(tmp_path: Path) -> None:
    write_capture(tmp_path / "pump.frames", hum(3.0))
    (found,) = read_recordings([listed(tmp_path / "pump.frames@1.0-2.0")])
    assert found.duration_s == pytest.approx(1.0, abs=0.03)
    place = round(128 * np.ceil(RATE_HZ / 128)) - 128
    np.testing.assert_array_equal(found.samples[:500], hum(3.0)[place : place + 500])


def test_stretches_too_short_for_a_window_are_left_out_as_long_as_one_is_not(tmp_path: Path) -> None:
    whole = write_capture(tmp_path / "whole.frames", hum(2.0))
    frames = [piece.data for piece in read_capture(str(whole))]
    path = tmp_path / "gaps.frames"
    path.write_bytes(b"".join(frames[:5] + frames[6:]))
    found = read_recordings([listed(path)])
    assert [len(item.samples) // 128 for item in found] == [4, 182]
    assert [len(item.samples) // 128 for item in long_enough(found, 1024)] == [182]
    with pytest.raises(RecordingError, match=r"2 stretches, the longest of [0-9]+ samples: 30000 without"):
        long_enough(found, 30000)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"channels": ("x", "y")}, "its frames have 1 channels|calls its channels x, the list x y"),
        ({"channels": ("DE",)}, "calls its channels x, the list DE"),
        ({"rate_hz": 6000.0}, "the file's own rate is 12000 Hz, the list says 6000 Hz"),
        ({"unit": "m/s2"}, "values are in g, the list says m/s2"),
    ],
)
def test_a_capture_of_another_sensor_is_refused(tmp_path: Path, changes: Any, what: str) -> None:
    path = write_capture(tmp_path / "pump.frames", hum(1.0))
    with pytest.raises(RecordingError, match=what):
        read_recordings([listed(path, **changes)])


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"x" * 200_000, bytes(range(256)) * 50])
def test_what_holds_no_frame_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pump.frames"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="holds no steadyhum frame"):
        read_recordings([listed(path)])
    with pytest.raises(RecordingError, match="holds no steadyhum frame"):
        list_folder(tmp_path)


def test_a_list_without_channels_takes_them_from_the_sensor_and_the_second_reading_is_the_first(
    tmp_path: Path,
) -> None:
    write_capture(tmp_path / "pump.frames", hum(2.0))
    listing = tmp_path / "list.csv"
    listing.write_text("file,label\npump.frames,normal\npump.frames@0.5-1.0,worn\n", encoding="utf-8")
    first, again = load_list(listing), load_list(listing)
    assert [(item.channels, item.unit, item.rate_hz) for item in first] == [(("x",), "g", RATE_HZ)] * 2
    assert [(item.name, item.digest, item.begin_s) for item in first] == [
        (item.name, item.digest, item.begin_s) for item in again
    ]
    np.testing.assert_array_equal(first[0].samples, hum(2.0))


def test_seconds_of_a_capture_belong_to_its_name(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "pump.frames", hum(1.0))
    with pytest.raises(RecordingError, match=r"from_s and to_s are for other files .*pump\.frames@10-20"):
        read_recordings([listed(path, from_s=0.5)])
    with pytest.raises(RecordingError, match=r"is a capture, .*trainer recordings list"):
        glance_at(path)


def test_frames_of_two_sensors_are_refused(tmp_path: Path) -> None:
    one = write_capture(tmp_path / "one.frames", hum(1.0)).read_bytes()
    frames = [piece.item for piece in read_capture(str(tmp_path / "one.frames"))]
    others = (item._replace(sensor_id=77) for item in frames if isinstance(item, Frame))
    other = b"".join(encode_data(frame, SampleFormat.FLOAT32) for frame in others)
    path = tmp_path / "two.frames"
    path.write_bytes(one + other)
    with pytest.raises(RecordingError, match=r"frames of the sensors .* and 77"):
        read_recordings([listed(path)])


def test_a_list_of_a_folder_says_what_the_notes_say(tmp_path: Path) -> None:
    write_capture(tmp_path / "a" / "one.frames", hum(1.0), label="normal", condition="full load")
    write_capture(tmp_path / "a" / "two.frames", hum(1.0, seed=1), label="inner race", condition="idle, cold")
    write_capture(tmp_path / "b.frames", hum(1.0, seed=2))
    rows = list_folder(tmp_path)
    assert [(item.file.name, item.label, item.condition) for item in rows] == [
        ("one.frames", "normal", "full load"),
        ("two.frames", "inner race", "idle, cold"),
        ("b.frames", "normal", "recorded"),
    ]
    write_list(rows, tmp_path / "list.csv")
    again = load_list(tmp_path / "list.csv")
    assert (again[0].condition, again[0].channels, again[0].unit) == ("full load", ("x",), "g")


def test_a_note_within_a_capture_begins_a_row_of_its_own(tmp_path: Path) -> None:
    parts = [
        write_capture(tmp_path / name, hum(1.0, seed=at), boot=at, condition=name).read_bytes()
        for at, name in enumerate(("idle", "load"), 1)
    ]
    for name in ("idle", "load"):
        (tmp_path / name).unlink()
    (tmp_path / "both.frames").write_bytes(b"".join(parts))
    rows = list_folder(tmp_path)
    assert [item.condition for item in rows] == ["idle", "load"]
    write_list(rows, tmp_path / "list.csv")
    first, second = load_list(tmp_path / "list.csv")
    np.testing.assert_array_equal(first.samples, hum(1.0, seed=1)[: len(first.samples)])
    np.testing.assert_array_equal(second.samples, hum(1.0, seed=2)[: len(second.samples)])


def test_the_command_writes_a_list_that_fit_takes(tmp_path: Path, run: Run) -> None:
    for load in range(3):
        samples = hum(4.0, seed=load, level=0.1 + 0.005 * load)
        write_capture(tmp_path / "captures" / f"{load}.frames", samples, condition=f"load {load}")
    code, said, _ = run("recordings", "list", tmp_path / "captures", "-o", tmp_path / "list.csv")
    assert (code, "3 recordings, 3 normal" in said) == (0, True)
    model = tmp_path / "model.onnx"
    assert run("fit", tmp_path / "list.csv", "--detector", "gaussian", "-o", model)[0] == 0
    code, said, _ = run("evaluate", model, tmp_path / "list.csv", "--json", "-")
    assert (code, json.loads(said)["by_window"]["false_alarms"]) == (0, 0)


def test_a_folder_without_captures_is_refused_with_a_remedy(tmp_path: Path, run: Run) -> None:
    code, _, said = run("recordings", "list", tmp_path, "-o", tmp_path / "list.csv")
    assert (code, said.count("\n")) == (65, 1)
    assert "holds no captures" in said
    assert ".frames" in said
