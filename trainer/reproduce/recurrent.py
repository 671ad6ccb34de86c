"""The table of a widely copied notebook on recurrent autoencoders for bearing faults.

Its "normal" is CWRU file 118, which is a bearing with a ball fault; its anomaly is file 144, an outer-race
fault. Repeated as it is: three channels, a short window at every row, the threshold with the best F1 of 1000
on some of the test windows, and the AUROC of binary decisions, not of scores.

The autoencoders' width and number of epochs are chosen by the same F1 on the same validation windows, for
each split separately. The windows that are evaluated have no influence on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.core import Progress
from trainer.recordings import read_content
from trainer.reproduce.exported import fitted, sliding

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIT_ROWS: Final = 122_000
"""Rows fitted on, of the two files joined; the notebook's number, nearly all of file 118."""
TEST_ROWS: Final = 1000
"""Rows after them that are tested: the end of 118 and the beginning of 144; the notebook's."""
RATE_HZ: Final = 12000.0
"""Of these recordings."""
WINDOWS: Final = (5, 16)
"""Window lengths in rows, the notebook's and a longer one."""
SPLITS: Final = 20
"""Random splits into validation and evaluation, of which the median is given: one split of so few windows is
chance."""
VALIDATION: Final = 0.4
"""Share of the test windows that settings and threshold are chosen on, the notebook's."""
THRESHOLDS: Final = 1000
"""Thresholds tried, evenly spaced over the scores, as in the notebook."""
CHANNELS: Final = ("DE", "FE", "BA")
"""Drive end, fan end, base."""
Settings = Mapping[str, str]
# On validation windows 16 and 32 units, and 32 epochs, are worse: they learn to reconstruct the fault, too.
_GRID: Final[Sequence[Settings]] = tuple(
    {"front_end": "raw", "batch": "512", "hidden": hidden, "epochs": epochs}
    for hidden in ("1", "2", "4", "8")
    for epochs in ("2", "8")
)
DETECTORS: Final[Mapping[str, Sequence[Settings]]] = {
    "multivariate_gaussian": ({"front_end": "raw"},),
    "lstm_autoencoder": _GRID,
    "gru_autoencoder": _GRID,
}
"""Settings to choose from, simplest first."""
NOTEBOOK: Final[Mapping[str, float]] = {"frr": 0.0137, "far": 0.0541, "f1": 0.9639, "auroc": 0.9661}
"""What the notebook reports for windows of 5 rows."""


@dataclass(frozen=True, slots=True)
class RecurrentRow:
    """One row of the result: medians over the splits."""

    detector: str
    window: int
    f1: float
    auroc: float
    frr: float
    """Share of faulty windows called normal."""
    far: float
    """Share of normal windows called faulty."""
    chosen: str
    """The settings chosen most often, and in how many of the splits."""


def reproduce_recurrent(
    data: Path, progress: Progress, windows: Sequence[int] = WINDOWS
) -> list[RecurrentRow]:
    """Fit and evaluate every detector for every window length.

    `data` is the folder that holds `cwru`. Raises RecordingError for a missing file.
    """
    rows, faulty = _rows(data)
    lines = []
    for number, (detector, length) in enumerate(tasks := [(d, w) for d in DETECTORS for w in windows]):
        learnt, judged = (
            sliding(part, length) for part in (rows[:FIT_ROWS], rows[FIT_ROWS : FIT_ROWS + TEST_ROWS])
        )
        scores = []
        for step, settings in enumerate(DETECTORS[detector]):
            done = (number + step / len(DETECTORS[detector])) / len(tasks)
            progress(done, f"{detector}, windows of {length} rows")
            graph = fitted(detector, learnt, settings, rate_hz=RATE_HZ)
            scores.append(graph.score(judged).astype(np.float64))
        lines.append(_line(detector, length, scores, faulty[length - 1 :]))
    return lines


def _rows(data: Path) -> tuple[Floats, Flags]:
    """Rows of 118 and then 144 [rows, channels], and whether each of the tested ones is of 144 [tested]."""
    folder = data / "cwru" / "12k_drive_end"
    parts = []
    for number in ("118", "144"):
        path = folder / f"{number}.mat"
        signals = tuple(f"X{number}_{channel}_time" for channel in CHANNELS)
        parts.append(read_content(path, signals, CHANNELS, str(path)).values.array())
    tested = np.arange(FIT_ROWS, FIT_ROWS + TEST_ROWS)
    return np.concatenate(parts), tested >= len(parts[0])


def _line(detector: str, length: int, candidates: Sequence[Floats], faulty: Flags) -> RecurrentRow:
    splits = [_split(candidates, faulty, np.random.default_rng(seed)) for seed in range(SPLITS)]
    f1, auroc, frr, far = (float(value) for value in np.median([found for _, found in splits], axis=0))
    counts = np.bincount([choice for choice, _ in splits])
    chosen = ""
    if len(candidates) > 1:
        settings = DETECTORS[detector][int(counts.argmax())]
        chosen = f"hidden {settings['hidden']}, epochs {settings['epochs']} ({counts.max()} of {SPLITS})"
    return RecurrentRow(detector, length, f1, auroc, frr, far, chosen)


def _split(
    candidates: Sequence[Floats], faulty: Flags, random: np.random.Generator
) -> tuple[int, tuple[float, float, float, float]]:
    """Choose settings and threshold on validation windows; F1, AUROC, FRR and FAR are of the others.

    Of settings with equal F1 the first are taken, which are the simplest.
    """
    order = random.permutation(len(faulty))
    cut = round(VALIDATION * len(order))
    known, judged = order[:cut], order[cut:]
    thresholds = []
    for scores in candidates:
        limits = np.linspace(scores[known].min(), scores[known].max(), THRESHOLDS)
        found = [_f1(scores[known] > limit, faulty[known]) for limit in limits]
        thresholds.append(float(limits[np.argmax(found)]))
    tried = zip(candidates, thresholds, strict=True)
    choice = int(np.argmax([_f1(scores[known] > threshold, faulty[known]) for scores, threshold in tried]))
    threshold = thresholds[choice]
    called, truth = candidates[choice][judged] > threshold, faulty[judged]
    frr, far = float((~called[truth]).mean()), float(called[~truth].mean())
    return choice, (_f1(called, truth), 1 - (frr + far) / 2, frr, far)


def _f1(called: Flags, truth: Flags) -> float:
    hits = float((called & truth).sum())
    return 2 * hits / max(float(called.sum() + truth.sum()), 1.0)
