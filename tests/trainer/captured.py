"""Captures for the trainer's tests, as a gateway's recorder leaves them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Note
from edge_runtime.sensors import Signal, SimulatedSensor, signal_frames, signal_hello
from edge_runtime.sensors.protocols import SampleFormat, encode_note

RATE_HZ = 12000.0


def hum(
    seconds: float, seed: int = 0, level: float = 0.1, rate_hz: float = RATE_HZ, channels: int = 1
) -> Any:
    """A machine's hum in g: four lines and noise, [samples, channels] float32."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * rate_hz))[:, np.newaxis] / rate_hz
    lines = sum(
        np.sin(2 * np.pi * (hz * time_s + rng.uniform(size=channels))) / place
        for place, hz in enumerate((29.5, 118.0, 1030.0, 2400.0), 1)
    )
    noise = 0.7 * rng.standard_normal((len(time_s), channels))
    return (level * (lines + noise)).astype(np.float32)


def knocking(samples: NDArray[np.float32], rate_hz: float = RATE_HZ, hz: float = 107.0) -> Any:
    """The same with a bearing's knocks: bursts at 3 kHz that ring off, `hz` a second."""
    time_s = np.arange(len(samples)) / rate_hz
    phase_s = (time_s * hz % 1.0) / hz
    burst = np.exp(-phase_s * 1500) * np.sin(2 * np.pi * 3000 * phase_s)
    return (samples + 8 * samples.std() * burst[:, np.newaxis]).astype(np.float32)


def write_capture(
    path: Path,
    samples: NDArray[np.float32],
    rate_hz: float = RATE_HZ,
    *,
    boot: int = 1,
    start_us: int = 5_000_000,
    channels: tuple[str, ...] = (),
    **members: Any,
) -> Path:
    """Write a hello, a note of `members`, and frames with float32 samples."""
    names = channels or tuple("xyz"[: samples.shape[1]])
    signal = Signal(samples, rate_hz, names, "g")
    sensor = SimulatedSensor(frame_samples=128, boot_id=boot, sample_format=SampleFormat.FLOAT32)
    note = [encode_note(Note(0, 0, members))] if members else []
    frames = map(sensor.encode, signal_frames(signal, sensor, start_us))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join([signal_hello(signal, sensor), *note, *frames]))
    return path
