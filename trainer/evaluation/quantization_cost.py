"""What a smaller variant of a file costs: size, time, and what it judges otherwise."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import Samples
from edge_runtime.models import Artefact, Graph, open_trusted
from trainer.evaluation.metrics import evaluate
from trainer.evaluation.replay import score_recording
from trainer.recordings import Recording

MOST_LOSS: Final = 0.01
"""AUROC that a variant may cost."""
MOST_OTHERWISE: Final = 0.001
"""Share of windows that a variant may judge otherwise; of recordings it may none."""
_ROUNDS: Final = 300


@dataclass(frozen=True, slots=True)
class Int8Cost:
    """A variant against the file it stands for; ratios are below 1 where the variant is the smaller."""

    size_ratio: float
    latency_ratio: float
    """Median time of one window, both in one run, in turns."""
    auroc_loss: float
    """NaN without faulty recordings."""
    otherwise: float
    """Share of windows on the other side of the threshold."""
    changed: tuple[str, ...]
    """Recordings that raise an alarm with one and not with the other."""

    @property
    def refusal(self) -> str:
        """Why the variant is not worth having; empty where it is."""
        if not self.auroc_loss < MOST_LOSS:
            return f"it costs {self.auroc_loss:.4f} of AUROC, {MOST_LOSS:g} or more"
        if self.changed:
            return f"{len(self.changed)} recordings are judged otherwise ({', '.join(self.changed[:5])})"
        if self.otherwise > MOST_OTHERWISE:
            return f"{self.otherwise:.2%} of windows are judged otherwise, more than {MOST_OTHERWISE:.1%}"
        return "" if self.size_ratio < 1 else "it is no smaller"


def int8_cost(plain: Path, small: Path, recordings: Sequence[Recording]) -> Int8Cost:
    """Compare two files on labelled recordings, through the edge's own stages."""
    first, second = open_trusted(plain), open_trusted(small)
    losses = [evaluate(artefact, recordings).by_window.auroc for artefact in (first, second)]
    otherwise, changed = _verdicts(first, second, recordings)
    return Int8Cost(
        size_ratio=small.stat().st_size / plain.stat().st_size,
        latency_ratio=_latency(first.graph, second.graph, first.manifest.golden[0].samples),
        auroc_loss=losses[0] - losses[1],
        otherwise=otherwise,
        changed=changed,
    )


def _verdicts(
    first: Artefact, second: Artefact, recordings: Sequence[Recording]
) -> tuple[float, tuple[str, ...]]:
    differing, changed = [], []
    for recording in recordings:
        one, other = (score_recording(artefact, recording) for artefact in (first, second))
        above = [seen.scores > of.manifest.threshold for seen, of in ((one, first), (other, second))]
        differing.append(above[0] != above[1])
        if bool(one.alarms_us) != bool(other.alarms_us):
            changed.append(recording.name)
    return float(np.concatenate(differing).mean()), tuple(changed)


def _latency(first: Graph, second: Graph, window: Samples) -> float:
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):  # in turns: what else the machine does slows both
        for graph, taken in zip((first, second), seconds, strict=True):
            started = time.perf_counter()
            graph.score_one(window)
            taken.append(time.perf_counter() - started)
    return statistics.median(seconds[1]) / statistics.median(seconds[0])
