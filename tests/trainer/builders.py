"""Small recordings and lists for the trainer's tests."""

import hashlib

import numpy as np
import scipy.io

from trainer.recordings.listing import COLUMNS, ListRow
from trainer.recordings.recording import Recording


def row(path, **changes):
    fields = {
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


def noise(count=4096, channels=1, seed=0):
    return np.random.default_rng(seed).normal(size=(count, channels))


def mat(path, **variables):
    scipy.io.savemat(path, variables)
    return path


def write_lines(path, *lines):
    path.write_text("\n".join((",".join(COLUMNS), *lines)) + "\n")
    return path


def recording(count=4096, channels=1, seed=0, label="normal", condition="0 hp", level=1.0, rate_hz=1000.0):
    """Noise of rms `level` as a recording; every seed another file."""
    samples = (level * noise(count, channels, seed)).astype(np.float32)
    names = tuple("xyz"[:channels])
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    return Recording(f"r{seed}", f"r{seed}.npz", samples, rate_hz, None, names, "g", label, condition, digest)
