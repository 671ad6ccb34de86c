"""Small recordings and lists for the trainer's tests."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from trainer.recordings.listing import COLUMNS, ListRow
from trainer.recordings.recording import Recording


def row(path: Path, **changes: Any) -> ListRow:
    fields: dict[str, Any] = {
        "file": path,
        "signals": (),
        "label": "normal",
        "condition": "0 hp",
        "rate_hz": 12000.0,
        "target_rate_hz": None,
        "lowpass_hz": None,
        "channels": ("DE",),
        "unit": "g",
    }
    return ListRow(**{**fields, **changes})


def noise(count: int = 4096, channels: int = 1, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(count, channels))


def mat(path: Path, **variables: Any) -> Path:
    scipy.io.savemat(path, variables)
    return path


def write_lines(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((",".join(COLUMNS), *lines)) + "\n")
    return path


def recording(
    count: int = 4096,
    channels: int = 1,
    seed: int = 0,
    label: str = "normal",
    condition: str = "0 hp",
    level: float = 1.0,
    rate_hz: float = 1000.0,
) -> Recording:
    """Noise of rms `level` as a recording; every seed another file."""
    samples = (level * noise(count, channels, seed)).astype(np.float32)
    names = tuple("xyz"[:channels])
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    return Recording(f"r{seed}", f"r{seed}.npz", samples, rate_hz, None, names, "g", label, condition, digest)
