"""The table of a widely copied notebook on recurrent autoencoders for bearing faults.

It fits on file 118 as its "normal", which is a bearing with a ball fault, and tells it from file 144, one
with an outer-race fault. Repeated as it is: three channels, short windows of every row, the threshold with
the best F1 of 1000 on a part of the test windows, and AUROC of the hard verdicts, not of the scores.

The autoencoders' width and length of training are chosen where the protocol gives labels: by the same F1 on
the same validation windows, afresh for each split. The windows judged have no say in it.
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
TEST_ROWS: Final = 1000
WINDOWS: Final = (5, 16)
SPLITS: Final = 20
VALIDATION: Final = 0.4
THRESHOLDS: Final = 1000
CHANNELS: Final = ("DE", "FE", "BA")
Settings = Mapping[str, str]
# On validation windows 16 and 32 units, and 32 epochs, are worse: they learn to rebuild the fault, too.
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
"""Settings to choose among, simplest first."""
NOTEBOOK: Final[Mapping[str, float]] = {"frr": 0.0137, "far": 0.0541, "f1": 0.9639, "auroc": 0.9661}


@dataclass(frozen=True, slots=True)
class RecurrentRow:
    """One line of the table: medians over the splits."""

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
    """Fit every detector for every window length and judge it. Raises RecordingError for missing files."""
    rows, faulty = _rows(data)
    lines = []
    for number, (detector, length) in enumerate(tasks := [(d, w) for d in DETECTORS for w in windows]):
        tell = _part(progress, number / len(tasks), 1 / len(tasks), f"{detector}, windows of {length} rows")
        scores = _scores(detector, rows, length, tell)
        lines.append(_line(detector, length, scores, faulty[length - 1 :]))
    return lines


def _scores(detector: str, rows: Floats, length: int, progress: Progress) -> list[Floats]:
    """Scores of the tested windows, one array for each of the detector's settings."""
    learnt, judged = rows[:FIT_ROWS], rows[FIT_ROWS : FIT_ROWS + TEST_ROWS]
    found = []
    for number, settings in enumerate(DETECTORS[detector]):
        progress(number / len(DETECTORS[detector]), "fitting")
        graph = fitted(detector, sliding(learnt, length), settings, rate_hz=12000.0)
        found.append(graph.score(sliding(judged, length)).astype(np.float64))
    return found


def _part(progress: Progress, start: float, share: float, what: str) -> Progress:
    return lambda done, _: progress(start + share * done, what)


def _rows(data: Path) -> tuple[Floats, Flags]:
    """Rows of 118 and then 144, and whether each of the tested ones is of 144."""
    folder = data / "cwru" / "12k_drive_end"
    parts = []
    for number in ("118", "144"):
        path = folder / f"{number}.mat"
        signals = tuple(f"X{number}_{channel}_time" for channel in CHANNELS)
        parts.append(read_content(path, signals, CHANNELS, str(path)).values)
    tested = np.arange(FIT_ROWS, FIT_ROWS + TEST_ROWS)
    return np.concatenate(parts), tested >= len(parts[0])


def _line(detector: str, length: int, candidates: Sequence[Floats], faulty: Flags) -> RecurrentRow:
    splits = [_split(candidates, faulty, np.random.default_rng(seed)) for seed in range(SPLITS)]
    f1, auroc, frr, far = (float(value) for value in np.median([found for _, found in splits], axis=0))
    counts = np.bincount([choice for choice, _ in splits])
    chosen = _told(DETECTORS.get(detector, ())[int(counts.argmax())]) if len(candidates) > 1 else ""
    return RecurrentRow(
        detector, length, f1, auroc, frr, far, f"{chosen} ({counts.max()} of {SPLITS})" if chosen else ""
    )


def _told(settings: Settings) -> str:
    return f"hidden {settings['hidden']}, epochs {settings['epochs']}"


def _split(
    candidates: Sequence[Floats], faulty: Flags, random: np.random.Generator
) -> tuple[int, tuple[float, float, float, float]]:
    """Choose settings and threshold on validation windows; F1, AUROC, FRR and FAR are of the others."""
    order = random.permutation(len(faulty))
    cut = round(VALIDATION * len(order))
    known, judged = order[:cut], order[cut:]
    choice = _choose([scores[known] for scores in candidates], faulty[known])
    threshold = _best_threshold(candidates[choice][known], faulty[known])
    called, truth = candidates[choice][judged] > threshold, faulty[judged]
    frr, far = float((~called[truth]).mean()), float(called[~truth].mean())
    return choice, (_f1(called, truth), 1 - (frr + far) / 2, frr, far)


def _choose(candidates: Sequence[Floats], faulty: Flags) -> int:
    """Take the settings with the best F1; of equally good ones the first, which are the simplest."""
    return int(np.argmax([_f1(scores > _best_threshold(scores, faulty), faulty) for scores in candidates]))


def _best_threshold(scores: Floats, faulty: Flags) -> float:
    tried = np.linspace(scores.min(), scores.max(), THRESHOLDS)
    return float(tried[np.argmax([_f1(scores > threshold, faulty) for threshold in tried])])


def _f1(called: Flags, truth: Flags) -> float:
    hits = float((called & truth).sum())
    return 2 * hits / max(float(called.sum() + truth.sum()), 1.0)
