"""Cost of a smaller variant of a file: size, latency, and verdicts that differ."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.models import open_trusted
from trainer.evaluation.metrics import evaluate
from trainer.evaluation.replay import score_recording
from trainer.recordings import Recording

MOST_LOSS: Final = 0.01
"""AUROC that a variant may lose. A judgement: less than the differences between good detectors."""
MOST_OTHERWISE: Final = 0.001
"""Share of windows whose verdict may differ: those at the threshold, which noise decides."""
_ROUNDS: Final = 300
"""Runs of each file: the median of so many is steady."""


@dataclass(frozen=True, slots=True)
class Int8Cost:
    """A variant compared with the original; ratios are below 1 where the variant is smaller or faster."""

    size_ratio: float
    latency_ratio: float
    """Of the median times of one window, measured alternately in one run."""
    auroc_loss: float
    """NaN without faulty recordings."""
    otherwise: float
    """Share of windows on the other side of the threshold."""
    changed: tuple[str, ...]
    """Recordings that raise an alarm with one file only."""

    @property
    def refusal(self) -> str:
        """Why the variant is of no use; empty where it is."""
        if not self.auroc_loss < MOST_LOSS:
            return f"it costs {self.auroc_loss:.4f} of AUROC, {MOST_LOSS:g} or more"
        if self.changed:
            return f"{len(self.changed)} recordings are judged otherwise ({', '.join(self.changed[:5])})"
        if self.otherwise > MOST_OTHERWISE:
            return f"{self.otherwise:.2%} of windows are judged otherwise, more than {MOST_OTHERWISE:.1%}"
        return "" if self.size_ratio < 1 else "it is no smaller"


def int8_cost(plain: Path, small: Path, recordings: Sequence[Recording]) -> Int8Cost:
    """Compare two files on labelled recordings, through the edge's own stages.

    Raises ArtefactError for a file that is no model, RecordingError as `evaluate` does.
    """
    first, second = open_trusted(plain), open_trusted(small)
    losses = [evaluate(artefact, recordings).by_window.auroc for artefact in (first, second)]
    differing, changed = [], []
    for recording in recordings:
        one, other = (score_recording(artefact, recording) for artefact in (first, second))
        differing.append(
            (one.scores > first.manifest.threshold) != (other.scores > second.manifest.threshold)
        )
        if bool(one.alarms_us) != bool(other.alarms_us):
            changed.append(recording.name)
    window = first.manifest.golden[0].samples
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):  # alternately: other load slows both
        for artefact, taken in zip((first, second), seconds, strict=True):
            started = time.perf_counter()
            artefact.graph.score_one(window)
            taken.append(time.perf_counter() - started)
    return Int8Cost(
        size_ratio=small.stat().st_size / plain.stat().st_size,
        latency_ratio=statistics.median(seconds[1]) / statistics.median(seconds[0]),
        auroc_loss=losses[0] - losses[1],
        otherwise=float(np.concatenate(differing).mean()),
        changed=tuple(changed),
    )
