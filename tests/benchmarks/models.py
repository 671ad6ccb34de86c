"""Detectors fitted for the benchmarks, on real bearing vibration laid side by side as three channels.

Networks are trained for one epoch only: how long a window takes does not depend on how well it was learnt.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.manifest import Calibration
from edge_runtime.core.records import Samples
from edge_runtime.models.scorer import open_trusted
from tests.shared import SAMPLE
from trainer.core.context import FitContext
from trainer.detectors import REGISTRY, create, options_of
from trainer.detectors.base import Detector
from trainer.export import onnx_file
from trainer.recordings.labels import NORMAL
from trainer.recordings.list_reading import load_list

SAMPLES = 1024
CHANNELS = ("x", "y", "z")
RATE_HZ = 12000.0
UNIT = "g"
RANGE_G = 16.0


@lru_cache
def signals() -> list[Samples]:
    """Each normal recording, its three thirds side by side: [samples, 3]."""
    thirds = []
    for recording in load_list(SAMPLE / "cwru.csv"):
        if recording.label == NORMAL:
            column = recording.samples[:, 0]
            length = len(column) // 3 // SAMPLES * SAMPLES
            parts = [column[start * length : (start + 1) * length] for start in range(3)]
            thirds.append(np.stack(parts, axis=1).astype(np.float32))
    return thirds


@lru_cache
def windows(hop: int = SAMPLES // 8) -> Samples:
    """Cut the recordings into windows [n, 1024, 3]."""
    cut = [
        signal[start : start + SAMPLES]
        for signal in signals()
        for start in range(0, len(signal) - SAMPLES + 1, hop)
    ]
    return np.stack(cut)


def fitted(name: str) -> Detector:
    """Fit a detector, quickly."""
    options = {"epochs": "1"} if "epochs" in options_of(name) else {}
    detector = create(name, options)
    detector.fit(windows(), FitContext(RATE_HZ, CHANNELS, UNIT, lowpass_hz=5000.0))
    return detector


def unsupervised() -> list[str]:
    """Names of all registered detectors that learn from normal windows."""
    return [name for name, kind in REGISTRY.items() if not kind.supervised]


def write(detector: Detector, folder: Path, *, hop: int = SAMPLES, threshold: float | None = None) -> Path:
    """Write a fitted detector with a threshold, by default one that no normal window exceeds."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{detector.name}.onnx"
    # Speed is measured here: rows far fewer than a user's make ill-conditioned fits.
    detector.parity = 1e-3  # type: ignore[misc]  # of this one detector alone
    _write(detector, path, hop, 0.0 if threshold is None else threshold)
    if threshold is None:
        # The edge refuses a threshold that nothing exceeds, so this one lies just outside what was learnt.
        scores = open_trusted(path).graph.score(windows())
        _write(detector, path, hop, float(2 * scores.max() - scores.min()))
    return path


def _write(detector: Detector, path: Path, hop: int, threshold: float) -> None:
    context = FitContext(RATE_HZ, CHANNELS, UNIT, lowpass_hz=5000.0)
    stamp = onnx_file.ExportDetails(
        name=detector.name,
        hop=hop,
        threshold=threshold,
        calibration=Calibration("quantile", 0.01, False, "for a benchmark", 100, ("all",), {"0.99": 1.0}),
        policy=AlarmPolicy(),
        data_digest="0" * 64,
        created="2026-01-01T00:00:00Z",
    )
    onnx_file.write_model(detector, windows(), context, stamp, path)
