"""Captures: the wire in a file, cut anywhere, played back to the same verdicts."""

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import DataError
from edge_runtime.core.records import Fault, Frame, Hello, Note, Reading
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline import library
from edge_runtime.pipeline.playback import replay, replay_capture
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors import captures
from edge_runtime.sensors.captures import is_capture, read_capture, summarize
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data, encode_hello, encode_note, encode_reading
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, play_capture, signal_frames, signal_hello
from tests.artefacts import write_artefact
from tests.edge.sites import EDGE
from tests.processes import running
from tests.waiting import HANG_S, scaled

RATE_HZ = 1000.0
SENSOR = SimulatedSensor(frame_samples=50)


def vibration(*levels: float, seed: int = 3) -> Signal:
    rng = np.random.default_rng(seed)
    parts = [level * rng.standard_normal((1000, 1)) for level in levels]
    return Signal(np.concatenate(parts).astype(np.float32), RATE_HZ, ("x",), "g")


def wire(signal: Signal, start_us: int = 5_000_000, boot: int = 1) -> list[bytes]:
    sensor = SimulatedSensor(frame_samples=50, boot_id=boot)
    frames = (encode_data(frame, SampleFormat.FLOAT32) for frame in signal_frames(signal, sensor, start_us))
    return [signal_hello(signal, sensor), *frames]


def write(folder: Path, *parts: bytes) -> str:
    path = folder / "pump.frames"
    path.write_bytes(b"".join(parts))
    return str(path)


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return Watch.of(open_trusted(write_artefact(tmp_path_factory.mktemp("model") / "rms.onnx")))


def told(items: Any) -> list[tuple[str, str, float]]:
    return [
        (item.verdict.transition.value, item.verdict.alarm.kind.value, item.verdict.score)
        for item in items
        if item.verdict.transition is not None
    ]


def test_a_capture_gives_the_verdicts_of_the_recording_it_was_taken_of(tmp_path: Path, watch: Watch) -> None:
    signal = vibration(0.3, 3.0, 0.3)
    name = write(tmp_path, *wire(signal))
    expected = [item.verdict.score for item in replay(signal, watch)]
    got = list(replay_capture(name, watch))
    assert [item.verdict.score for item in got] == expected
    assert [kind for kind, *_ in told(got)] == ["new", "end"]
    assert watch.artefact is not None
    assert [verdict.score for verdict in library.replay(watch.artefact, name)] == expected


def test_a_cut_at_any_byte_costs_the_frame_that_it_hits(tmp_path: Path) -> None:
    parts = wire(vibration(0.3))[:6]
    whole = b"".join(parts)
    ends = [sum(map(len, parts[: count + 1])) for count in range(len(parts))]
    for cut in range(len(whole)):
        pieces = list(read_capture(write(tmp_path, whole[:cut])))
        # A frame whose delimiter alone is missing is whole.
        assert sum(not isinstance(piece.item, Fault) for piece in pieces) == sum(
            end - 1 <= cut for end in ends
        )
        assert b"".join(piece.data for piece in pieces)[:cut] == whole[:cut]
    for cut in range(0, ends[1], 7):
        late = [piece.item for piece in read_capture(write(tmp_path, whole[cut:]))]
        assert sum(isinstance(item, Frame) for item in late) >= len(parts) - 2


@pytest.mark.parametrize("block", [1, 7, 64])
def test_how_it_is_read_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    noise = bytes(range(1, 200))
    name = write(
        tmp_path, noise, b"\0", *wire(vibration(0.3))[:5], b"\x55" * 60000, b"\0", *wire(vibration(0.3))[:3]
    )
    before = [piece.data for piece in read_capture(name)]
    monkeypatch.setattr(captures, "_BLOCK", block)
    pieces = list(read_capture(name))
    assert sum(isinstance(piece.item, Frame) for piece in pieces) == 6
    assert b"".join(piece.data for piece in pieces) == b"".join(before) == Path(name).read_bytes()
    assert max(len(piece.data) for piece in pieces) < 64 * 1024 + 40000


def test_its_time_goes_on_over_gaps_restarts_and_steps_of_the_clock(tmp_path: Path) -> None:
    second = vibration(0.3)
    parts = wire(second)
    del parts[10:15]  # a gap
    name = write(tmp_path, *parts, *wire(second, 0, boot=2), *wire(second, 10**15, boot=2)[1:])
    times = [piece.at_s for piece in read_capture(name)]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(3.0, abs=0.01)
    summary = summarize(name)
    assert (summary.frames, summary.damaged, summary.channels, summary.rate_hz) == (55, 0, 1, RATE_HZ)
    assert summary.hello.channels == ("x",)


def test_a_part_and_the_statements_before_it(tmp_path: Path, watch: Watch) -> None:
    note = Note(0, 0, {"condition": "full load"})
    reading = Reading(1, 1, 6_000_000, "bearing", "°C", 50.0)
    parts = wire(vibration(0.3, 3.0, 0.3))
    name = write(tmp_path, encode_note(note), *parts[:30], encode_reading(reading), *parts[30:])
    items = [piece.item for piece in read_capture(f"{name}@2-2.5")]
    assert sum(isinstance(item, Frame) for item in items) == 10
    assert [item for item in items if isinstance(item, Hello | Note | Reading)][::2] == [note, reading]
    assert summarize(name).notes == (note,)
    assert told(replay_capture(f"{name}@0-0.9", watch)) == []
    assert len(told(replay_capture(name, watch))) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"", "no steadyhum frame is in it"),
        (b"1.0,2.0\n" * 1000, "no steadyhum frame is in it"),
        (encode_hello(Hello(1, 1, ("x",), "g", 16.0, "", "")), "no steadyhum frame is in it"),
        (b"".join(wire(Signal(np.zeros((100, 2), np.float32), RATE_HZ, ("x", "y"), "g"))), "channels is 2"),
        (b"".join(wire(Signal(np.zeros((100, 1), np.float32), 2000.0, ("x",), "g"))), "rate is 2000 Hz"),
        (b"".join(wire(Signal(np.zeros((100, 1), np.float32), RATE_HZ, ("x",), "m/s2"))), "unit is m/s2"),
    ],
)
def test_what_is_no_capture_for_this_model(tmp_path: Path, watch: Watch, content: Any, says: str) -> None:
    name = str(tmp_path / "none.frames") if content is None else write(tmp_path, content)
    with pytest.raises(DataError, match=says) as refusal:
        list(replay_capture(name, watch))
    assert refusal.value.remedy


def test_names_of_captures() -> None:
    assert all(map(is_capture, ("a.frames", "a/b.FRAMES@1-2.5", "a@b.frames")))
    assert not any(map(is_capture, ("a.npz", "a.frames.csv", "a.frames@1", ".frames/a.npz@0-1")))


def test_it_is_played_as_it_came(tmp_path: Path) -> None:
    name = write(tmp_path, b"\x55\x66\0", *wire(vibration(0.3))[:5])
    sent = bytearray()
    begun_s = time.monotonic()
    play_capture(read_capture(name), sent.extend, rate_factor=2.0)
    assert bytes(sent) == Path(name).read_bytes()
    assert time.monotonic() - begun_s >= 4 * 0.05 / 2


def command(*words: object) -> str:
    done = subprocess.run(
        [*EDGE, *map(str, words)], capture_output=True, text=True, timeout=scaled(HANG_S), check=False
    )
    return done.stdout + done.stderr


def test_the_commands_take_one(tmp_path: Path) -> None:
    """What `cat` took from the simulated sensor's port is replayed and played again, to the same bytes."""
    model = write_artefact(tmp_path / "rms.onnx")
    name = write(tmp_path, *wire(vibration(0.3, 3.0))[:-1])
    assert "new" in command("replay", name, "--model", model)
    fifo = tmp_path / "port"
    link = ["--port", "pty", "--link", str(fifo), "--wait", "--rate-factor", "20"]
    got = bytearray()
    with running([*EDGE, "simulate", name, *link], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        descriptor = os.open(fifo, os.O_RDONLY | os.O_NOCTTY)

        def read() -> None:
            while len(got) < Path(name).stat().st_size:
                got.extend(os.read(descriptor, 4096))

        reader = threading.Thread(target=read)
        reader.start()
        process.stdin.write("\n")
        process.stdin.flush()
        reader.join(60)
        os.close(descriptor)
    assert bytes(got) == Path(name).read_bytes()
    assert "a capture is played alone" in command("simulate", name, name, "--port", "pty")
