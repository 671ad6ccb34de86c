"""The sensor that is not there: true pace, seeded faults, parts of recordings."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import ConfigError, DataError
from edge_runtime.core.records import Fault, Frame, Hello
from edge_runtime.sensors.faulty_line import InjectedFaults
from edge_runtime.sensors.protocols.base import SampleFormat, SensorProtocol
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data
from edge_runtime.sensors.protocols.registry import PROTOCOLS
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import (
    SimulatedSensor,
    join_signals,
    play_signals,
    read_part,
    signal_frames,
)
from tests.waiting import in_time

SIGNAL = Signal(np.sin(np.arange(3000, dtype=np.float32))[:, np.newaxis], 3000.0, ("x",), "g")


def decoded(wire: Any) -> Any:
    return FrameDecoder().feed(bytes(wire))


@pytest.mark.parametrize(
    ("sample_format", "tolerance"),
    [(SampleFormat.FLOAT32, 0), (SampleFormat.INT24, 2e-6), (SampleFormat.INT16, 3e-4)],
)
def test_frames_carry_the_signal(sample_format: Any, tolerance: float) -> None:
    sensor = SimulatedSensor(sample_format=sample_format, frame_samples=100, range=16.0)
    wire = b"".join(encode_data(frame, sample_format) for frame in signal_frames(SIGNAL, sensor, 5_000_000))
    seen = decoded(wire)
    assert [frame.sequence for frame in seen] == list(range(30))
    assert seen[1].time_us == 5_000_000 + round(100 / 3000 * 1e6)
    together = np.concatenate([frame.samples * np.float32(frame.scale) for frame in seen])
    np.testing.assert_allclose(together, SIGNAL.samples, atol=tolerance)


def test_plays_at_the_true_rate() -> None:
    """One second of signal takes one second, and nothing is sent before it would have been sampled."""
    begin_s = time.monotonic()
    arrivals = []
    half = [replace(SIGNAL, samples=SIGNAL.samples[:1500]), replace(SIGNAL, samples=SIGNAL.samples[1500:])]
    begun = []
    play_signals(
        half,
        SimulatedSensor(frame_samples=300),
        lambda data: arrivals.append((time.monotonic() - begin_s, data)),
        on_part=lambda part: begun.append((part, len(arrivals))),
    )
    assert begun == [(0, 1), (1, 6)]
    due_s = [0.0, *(300 * (i + 1) / 3000 for i in range(10))]
    late_s = [at - due for (at, _), due in zip(arrivals, due_s, strict=True)]
    assert min(late_s[1:]) > -0.001
    assert in_time(late_s[-1], 0.2)
    assert [type(item) for _, data in arrivals for item in decoded(data)] == [Hello] + [Frame] * 10


def test_a_protocol_of_the_registry_is_played_as_it_encodes(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = SensorProtocol(
        name="toy",
        summary="toy",
        decoder=lambda _line: FrameDecoder(),
        checksummed=False,
        encode=lambda item, stored: f"{type(item).__name__}:{stored.name};".encode(),
    )
    monkeypatch.setitem(PROTOCOLS, "toy", toy)
    sent = bytearray()
    play_signals([SIGNAL], SimulatedSensor(frame_samples=1000, protocol="toy"), sent.extend, rate_factor=1e6)
    assert sent == b"Hello:FLOAT32;" + 3 * b"Frame:FLOAT32;"


def test_a_protocol_that_is_only_read_is_not_simulated() -> None:
    with pytest.raises(ConfigError, match="'lines' cannot be simulated") as refusal:
        play_signals([SIGNAL], SimulatedSensor(protocol="lines"), lambda _data: None)
    assert refusal.value.remedy == "Use one of frames, sensiml"


def wire(spec: Any) -> Any:
    sent = bytearray()
    play_signals(
        [SIGNAL],
        SimulatedSensor(frame_samples=10),
        sent.extend,
        rate_factor=1e6,
        faults=InjectedFaults.parse(spec),
    )
    return sent


def kinds(spec: Any) -> Any:
    return Counter(type(item).__name__ for item in decoded(wire(spec)))


def test_faults_are_seeded_and_do_what_they_say() -> None:
    def stable(spec: Any) -> Any:
        return [item.samples.tobytes() for item in decoded(wire(spec)) if isinstance(item, Frame)]

    assert kinds("") == {"Hello": 1, "Frame": 300}
    assert stable("drop=0.3,seed=1") == stable("drop=0.3,seed=1")
    assert stable("drop=0.3,seed=1") != stable("drop=0.3,seed=2")
    assert 150 < kinds("drop=0.3")["Frame"] < 250
    assert kinds("repeat=1")["Frame"] == 600
    assert kinds("flip=1")["Frame"] == 0
    assert kinds("cut=0.2")["Frame"] < 250
    assert kinds("noise=0.5")["Fault"] > 50
    assert all(isinstance(item, Frame | Fault | Hello) for item in decoded(wire("noise=1,flip=0.5,cut=0.5")))


@pytest.mark.parametrize("spec", ["drop", "drop=x", "drops=0.1", "drop=2", "seed=a", "seed=inf", "seed=nan"])
def test_bad_fault_specs(spec: str) -> None:
    with pytest.raises(ConfigError):
        InjectedFaults.parse(spec)


def test_parts_and_joins(tmp_path: Path) -> None:
    path = tmp_path / "a@b.npz"
    np.savez(path, samples=SIGNAL.samples, rate_hz=3000.0, channels=["x"], unit="g")
    assert len(read_part(str(path)).samples) == 3000
    part = read_part(f"{path}@0.25-0.5")
    np.testing.assert_array_equal(part.samples, SIGNAL.samples[750:1500])
    assert len(join_signals([part, part, SIGNAL]).samples) == 4500
    for span in ("0.5-0.25", "0-1.5", "-1-1"):
        with pytest.raises(DataError):
            read_part(f"{path}@{span}")
    with pytest.raises(DataError, match="disagree"):
        join_signals([SIGNAL, Signal(SIGNAL.samples, 1500.0, ("x",), "g")])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate_hz": 1e8}, "rates of 0.001 to 4294967 Hz"),
        ({"rate_hz": 1e-5}, "rates of 0.001 to 4294967 Hz"),
        ({"channels": ("x" * 256,)}, "at most 255 bytes"),
        (
            {"channels": tuple("abcdefghijklmnopq"), "samples": np.zeros((9, 17), np.float32)},
            "1 to 16 channels",
        ),
    ],
)
def test_what_no_frame_can_carry_is_refused_before_anything_is_sent(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        join_signals([replace(SIGNAL, **changes)])
