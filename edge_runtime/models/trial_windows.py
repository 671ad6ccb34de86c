"""Windows that a model is tried on before it watches anything: `usual_windows`, `unlike_windows`. Both are
made from its golden windows, which say how loud the machine is."""

import math
from typing import Final

import numpy as np

from edge_runtime.core import Manifest, Samples

_LOUD: Final = (8.0, 1000.0)
"""Times the golden windows: a machine in trouble, and a sensor knocked against the bench."""
_HUGE: Final = 1e30
"""Near the end of single precision: squares of it are infinite, which must not end the program."""
_TONES: Final = (0.01, 0.1, 0.24, 0.45)
"""Shares of the sampling rate."""
_IMPACT_EVERY: Final = 97
"""Samples from one impact to the next: a prime, so that no window length is a multiple of it."""


def usual_windows(manifest: Manifest) -> dict[str, Samples]:
    """Windows that a machine or a broken sensor may bring, by name."""
    golden = manifest.golden[0].samples
    peak = float(np.abs(golden).max()) or 1.0
    return {
        **{f"{times:g} times as loud as its golden window": times * golden for times in _LOUD},
        "clipped": np.clip(4 * golden, -peak, peak),
        "silence": 0 * golden,
        "huge": np.full_like(golden, _HUGE),
    }


def unlike_windows(manifest: Manifest) -> dict[str, Samples]:
    """Noise, impacts and tones as strong as its golden window: what no machine sounds like in good order."""
    golden = manifest.golden[0].samples
    level = float(np.sqrt(np.mean(np.square(golden, dtype=np.float64)))) or 1.0
    noise = np.random.default_rng(0).standard_normal(golden.shape)
    at = np.arange(manifest.samples)[:, np.newaxis]
    impacts = np.where(at % _IMPACT_EVERY == 0, math.sqrt(_IMPACT_EVERY), 0.01) * np.sign(noise)
    tones = {f"a tone at {share:g} of its rate": np.sin(2 * math.pi * share * at) for share in _TONES}
    shapes = {"noise": noise, "impacts": impacts, **tones}
    return {
        name: np.broadcast_to(level * shape, golden.shape).astype(np.float32)
        for name, shape in shapes.items()
    }
