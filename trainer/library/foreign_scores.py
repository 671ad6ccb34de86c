"""Check the scores of a graph that was not fitted here: finite, not constant, independent of the batch."""

from typing import Final

import numpy as np

from edge_runtime.core import ArtefactError, Samples
from edge_runtime.models import Graph, Scores
from trainer.export import BATCHES

TOLERANCE: Final = 1e-4
"""Relative difference of a score between batch sizes and between processors: as for our own detectors."""
_SCALES: Final = (1.0, 0.25, 4.0)
"""Levels that the golden windows will have, see `trainer.export`."""


def check_scores(graph: Graph, windows: Samples, where: str) -> None:
    """Refuse scores that no threshold can be set on, or that depend on the other windows of a batch."""
    chosen = windows[np.linspace(0, len(windows) - 1, BATCHES[-1]).round().astype(int)]
    probes = np.concatenate([chosen * np.float32(scale) for scale in _SCALES])
    alone = _scores(graph, probes, 1, where)
    if not np.isfinite(alone).all():
        raise ArtefactError(
            f"gives the score {alone[~np.isfinite(alone)][0]} to a normal window",
            where=where,
            remedy="Let it give finite scores to any finite window, also to louder and quieter ones: "
            "bound its logarithms, quotients and roots",
        )
    if alone.min() == alone.max():
        raise ArtefactError(
            f"gives every window the score {alone[0]:g}",
            where=where,
            remedy="Export the graph from the window to the score, with the weights it was fitted with",
        )
    # 1e-12 where most scores are 0: a quotient by nothing would be no number.
    typical = max(float(np.median(np.abs(alone))), 1e-12)
    for size in BATCHES:
        apart = np.abs(_scores(graph, probes, size, where) - alone) / np.maximum(np.abs(alone), typical)
        if not apart.max() <= TOLERANCE:
            raise ArtefactError(
                f"scores a window otherwise in a batch of {size} than alone, by {apart.max():.2g}, relative",
                where=where,
                remedy="Export it in evaluation mode, without dropout, noise or statistics over the batch",
            )


def _scores(graph: Graph, windows: Samples, size: int, where: str) -> Scores:
    parts = [windows[start : start + size] for start in range(0, len(windows), size)]
    try:
        found = [graph.score(part) for part in parts]
    except Exception as error:  # onnxruntime's exceptions share no other base
        raise ArtefactError(
            f"onnxruntime cannot run it on {size} windows ({str(error).splitlines()[0][:200]})",
            where=where,
            remedy="Export it with a dynamic first axis, the batch, and try it with onnxruntime",
        ) from error
    for part, scores in zip(parts, found, strict=True):
        if scores.shape != (len(part),):
            raise ArtefactError(
                f"gives scores of shape {list(scores.shape)} for {len(part)} windows",
                where=where,
                remedy="Reduce or squeeze its output to [batch], one score a window",
            )
    return np.concatenate(found)
