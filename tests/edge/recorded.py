"""What the tests of recordings share: a sensor's settings, its wire, jobs, and what captures hold."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edge_runtime.analysis import Identity
from edge_runtime.core import Frame
from edge_runtime.gateway.recording.job import Job, Order
from edge_runtime.gateway.recording.recorder import Recorder, Target
from edge_runtime.gateway.recording.store import CaptureStore
from edge_runtime.gateway.recording.tap import Tapped
from edge_runtime.sensors import RecordingSettings, SensorSettings
from edge_runtime.sensors.captures import read_capture
from tests.edge.test_captures import vibration, wire

LIMITS = RecordingSettings(max_bytes=2**30, free_bytes=0)
FRAME_S = 0.05
"""Of one frame of `wire`."""


def target(**changes: Any) -> Target:
    """The sensor `pump`, one channel at 1 kHz."""
    settings: dict[str, Any] = {"name": "pump", "port": "/dev/none", "model": Path("none.onnx")}
    settings |= {"rate_hz": 1000.0, "channels": ("x",), "unit": "g"} | changes
    made = SensorSettings(**settings)
    return Target(made, Identity(made.unit, made.channels))


def job(for_s: float = 10.0, **changes: Any) -> Job:
    """A job for `pump`; `changes` are of its order."""
    order: dict[str, Any] = {"sensor": "pump", "condition": "full load", "for_s": for_s} | changes
    return Job(Order(**order), "0a1b2c3d", "pump-7", "anna (uid 1000)", "2026-11-26T10:00:00.000000Z")


def recorder(folder: Path, what: Job, saved: list[Job] | None = None, now_s: float = 0.0) -> Recorder:
    """One that writes into `folder`, which it has scanned."""
    store = CaptureStore(folder, LIMITS)
    store.scan()
    kept: list[Job] = [] if saved is None else saved
    return Recorder(what, target(), store, kept.append, now_s)


def pour(recording: Recorder, parts: Iterable[bytes], begin_s: float = 0.0) -> float:
    """Let parts of `wire` come at a sensor's pace, the hello first; returns when the last one came."""
    now_s = begin_s
    for number, part in enumerate(parts):
        now_s = begin_s + number * FRAME_S
        recording.take([Tapped(part, now_s, None)])
        recording.tick(now_s)
    return now_s


def captures_of(folder: Path) -> list[Path]:
    """Every capture below a folder, in the order of their names."""
    return sorted(folder.glob("**/*.frames"))


def frames_in(*paths: Path) -> list[Frame]:
    """All frames of captures, one after the other."""
    return [item for path in paths for item in items_in(path) if isinstance(item, Frame)]


def items_in(path: Path) -> list[Any]:
    """What a capture holds."""
    return [piece.item for piece in read_capture(str(path))]


__all__ = [
    "FRAME_S",
    "LIMITS",
    "captures_of",
    "frames_in",
    "items_in",
    "job",
    "pour",
    "recorder",
    "target",
    "vibration",
    "wire",
]
