"""Heart disease from 13 figures of a patient: the workshop's dense network, two ways to balance classes.

`dense_classifier` is that network, 64-32-2. The workshop's table is the Cleveland set of UCI (Detrano et al.,
American Journal of Cardiology 64, 1989): 303 patients, of whom 138 have the rarer label. Its slide gives 0.86
for precision, recall and F1. A fifth of the patients is judged and has no say in the fit; five such splits,
so that every patient is judged once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.models import Graph
from trainer.core import FitContext, Progress
from trainer.detectors import create
from trainer.recordings import NORMAL, read_content

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

COLUMNS: Final = (
    *("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg"),
    *("thalach", "exang", "oldpeak", "slope", "ca", "thal", "target"),
)
SLIDE: Final = 0.86
"""Precision, recall and F1 on the workshop's slide."""
FOLDS: Final = 5
_HALF: Final = 0.5
"""Probability from which on a label is given: the likelier of two."""


@dataclass(frozen=True, slots=True)
class HeartRow:
    """One way to balance the classes; figures are means over both labels, weighted by their numbers."""

    balance: str
    precision: float
    recall: float
    f1: float
    splits: tuple[float, float]
    """F1 of the worst and the best of the five splits, of 60 patients each: what a single one would give."""
    slide: float = SLIDE
    """All three on the workshop's slide."""


def reproduce_heart(data: Path, progress: Progress) -> list[HeartRow]:
    """Fit and judge with SMOTE, with undersampling and without either.

    `data` is the folder that holds `seed_timeseries`. Raises RecordingError for a missing file.
    """
    path = data / "seed_timeseries" / "heart.csv"
    values = read_content(path, (), COLUMNS, str(path)).values.array()
    rows, classes = values[:, :-1].astype(np.float64), values[:, -1].astype(np.int64)
    lines = []
    for number, balance in enumerate(("smote", "under", "none")):
        progress(number / 3, balance)
        said, splits = np.empty(len(classes), np.int64), []
        for fold, held in enumerate(folds(classes)):
            said[held] = _judged(rows[~held], classes[~held], rows[held], balance, fold)
            splits.append(round(figures(classes[held], said[held])[2], 4))
        lines.append(HeartRow(balance, *figures(classes, said), splits=(min(splits), max(splits))))
    return lines


def folds(classes: Classes, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """Yield which rows are judged, a fifth of each class at a time: bool [n]."""
    turn = np.empty(len(classes), np.int64)
    for label in np.unique(classes):
        own = np.random.default_rng(seed).permutation(np.flatnonzero(classes == label))
        turn[own] = np.arange(len(own)) % FOLDS
    for fold in range(FOLDS):
        yield turn == fold


def figures(truth: Classes, said: Classes) -> tuple[float, float, float]:
    """Precision, recall and F1 of both labels, weighted by how often each is true."""
    labels, counts = np.unique(truth, return_counts=True)
    each = []
    for label in labels:
        hits = float(np.sum((said == label) & (truth == label)))
        precision, recall = hits / max(1, np.sum(said == label)), hits / np.sum(truth == label)
        each.append((precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)))
    precision, recall, f1 = np.average(np.array(each), axis=0, weights=counts)
    return float(precision), float(recall), float(f1)


def _judged(learnt: Floats, classes: Classes, judged: Floats, balance: str, seed: int) -> Classes:
    """Which of two labels the exported graph gives each row."""
    detector = create("dense_classifier", {"balance": balance})
    labels = [(NORMAL, "sick")[label] for label in classes.tolist()]
    context = FitContext(1.0, COLUMNS[:-1], "", seed=seed, labels=labels)
    detector.fit(learnt[:, np.newaxis].astype(np.float32), context)
    graph = Graph(detector.graph().SerializeToString(), where="heart")
    scores = graph.score(judged[:, np.newaxis].astype(np.float32))
    return np.asarray(scores > _HALF, dtype=np.int64)
