"""How well scores alone tell faulty windows from normal ones, at every threshold at once."""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]


def auroc(scores: Scores, faulty: Flags) -> float:
    """Area under the ROC curve: the share of pairs of a faulty and a normal window in which the faulty one
    has the higher score; a tie counts half. `scores` and `faulty` are [windows], with windows of both kinds.

    Source: J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143 (1982).
    """
    normal, above = np.sort(scores[~faulty]), scores[faulty]
    lower = np.searchsorted(normal, above, "left").sum() + np.searchsorted(normal, above, "right").sum()
    return float(lower / (2 * len(normal) * len(above)))


def average_precision(scores: Scores, faulty: Flags) -> float:
    """Mean precision over thresholds at each faulty window, the step-wise area under precision and recall.

    `scores` and `faulty` are [windows], with a faulty one among them; windows of one score pass a threshold
    together. Source: M. Zhu, "Recall, precision and average precision", University of Waterloo (2004).
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(faulty[order])[ends]
    gained = np.diff(found, prepend=0)
    # A sum of shares may exceed 1 by a rounding error.
    return min(1.0, float((gained * found / (ends + 1)).sum() / found[-1]))
