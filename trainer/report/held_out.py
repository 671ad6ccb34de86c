"""What the model did not learn from, first: which recordings a page's figures are of, and in which order."""

from collections.abc import Sequence

import numpy as np

from edge_runtime.analysis.diagnosis import VELOCITY_BAND_HZ
from trainer.core import natural_key
from trainer.evaluation import ByRecording, Evaluation, ScoredRecording
from trainer.recordings import NORMAL, channel_velocities
from trainer.report.trend import Origin


def unseen_of(watched: Sequence[ScoredRecording], evaluation: Evaluation) -> list[ScoredRecording]:
    """What the model did not learn from; all where no healthy recording is among that."""
    held_out = [item for item, row in zip(watched, evaluation.by_recording, strict=True) if not row.learnt]
    return held_out if any(item.recording.label == NORMAL for item in held_out) else list(watched)


def loudest(unseen: Sequence[ScoredRecording], threshold: float) -> float:
    """The highest score of a healthy window, as a share of the threshold; NaN where there is none."""
    scores = [item.scores for item in unseen if item.recording.label == NORMAL]
    highest = np.nanmax(np.concatenate(scores)) if np.isfinite(np.concatenate(scores)).any() else np.nan
    return float(highest) / threshold if threshold > 0 else np.nan


def rows_of(
    watched: Sequence[ScoredRecording], evaluation: Evaluation
) -> list[tuple[ByRecording, float, Origin]]:
    """Each recording's figures, its highest velocity in mm/s, NaN where that is not known, and of what it is.

    Held-out ones come first, healthy ones before faulty ones, conditions in natural order.
    """
    rows = []
    for item, row in zip(watched, evaluation.by_recording, strict=True):
        whole = (item.recording.lowpass_hz or np.inf) >= VELOCITY_BAND_HZ[1]
        speeds = channel_velocities(item.recording) if whole else None
        velocity = np.nan if speeds is None else float(speeds.max())
        rows.append((row, velocity, Origin.of(item.recording.further)))
    return sorted(
        rows,
        key=lambda pair: (
            pair[0].learnt,
            pair[0].label != NORMAL,
            natural_key(pair[0].label),
            natural_key(pair[0].condition),
        ),
    )
