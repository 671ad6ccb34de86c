"""A sound machine, the same with a fault, and detectors that were fitted on it."""

import functools
from dataclasses import replace

import numpy as np

from edge_runtime.core.records import Samples
from edge_runtime.models.scorer import Graph
from trainer.core.context import FitContext
from trainer.detectors import REGISTRY, create, options_of
from trainer.detectors.base import Detector

RATE_HZ = 12000.0
SAMPLES = 128
CONTEXT = FitContext(RATE_HZ, ("x", "y"), "g", lowpass_hz=5000.0)
QUICK = {"epochs": "4"}
"""Options that keep the slow ones quick, where they have them."""


def machine(count: int, seed: int = 0, samples: int = SAMPLES, channels: int = 2) -> Samples:
    """Two tones and noise at random phases, on top of gravity: [count, samples, channels]."""
    random = np.random.default_rng(seed)
    time_s = np.arange(samples) / RATE_HZ
    tones_hz = np.array([437.0, 1310.0])
    phases = random.uniform(0, 2 * np.pi, (count, 2, 1))
    tones = np.sin(2 * np.pi * tones_hz[:, np.newaxis] * time_s + phases).sum(axis=1)
    windows = tones[..., np.newaxis] * np.linspace(1.0, 0.5, channels)
    found: Samples = (9.81 + windows + 0.2 * random.standard_normal(windows.shape)).astype(np.float32)
    return found


def stretch(count: int = 60, seed: int = 0, channels: int = 1) -> Samples:
    """As many windows of it as one recording, [samples, channels]."""
    return machine(count, seed=seed, channels=channels).reshape(-1, channels)


def knocking(windows: Samples, strength: float = 4.0) -> Samples:
    """The same with a ringing blow every 40 samples."""
    ring = np.exp(-np.arange(40) / 6.0) * np.sin(2 * np.pi * 3100.0 * np.arange(40) / RATE_HZ)
    blows = np.resize(ring, windows.shape[1])[:, np.newaxis]
    return (windows + strength * blows).astype(np.float32)


def lesson(name: str, windows: Samples, faulty: Samples, context: FitContext) -> tuple[Samples, FitContext]:
    """What a detector learns from: supervised ones see labelled faults, too."""
    if not REGISTRY[name].supervised:
        return windows, context
    labels = ["normal"] * len(windows) + ["knocking"] * len(faulty)
    return np.concatenate([windows, faulty]), replace(context, labels=labels)


def quick(name: str) -> Detector:
    """A detector that is not fitted, with the options that keep it quick."""
    return create(name, {key: value for key, value in QUICK.items() if key in options_of(name)})


@functools.cache
def fitted(name: str, seed: int = 0) -> tuple[Detector, Graph]:
    """(detector, its graph), fitted once on a sound machine."""
    detector = quick(name)
    detector.fit(*lesson(name, machine(400), knocking(machine(60, seed=20)), replace(CONTEXT, seed=seed)))
    return detector, Graph(detector.graph().SerializeToString(), where=name)
