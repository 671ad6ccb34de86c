"""A seasonal series with four values changed: which rows stand out?

Each row's score is the least of all windows that hold it: next to a changed value there is always a window
without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.core import Progress
from trainer.recordings import read_content
from trainer.reproduce.exported import fitted, sliding

Floats = NDArray[np.float64]

CHANGED: Final = (104, 204, 304, 422)
LENGTH: Final = 8
_LONG: Final = {"front_end": "raw", "epochs": "120", "patience": "40", "batch": "32"}
DETECTORS: Final[Mapping[str, Mapping[str, str]]] = {
    "multivariate_gaussian": {"front_end": "raw"},
    "lstm_autoencoder": _LONG,
    "gru_autoencoder": _LONG,
    "lstm_forecaster": _LONG,
    "gru_forecaster": _LONG,
}


@dataclass(frozen=True, slots=True)
class TimeseriesRow:
    """One line of the table."""

    detector: str
    rows: tuple[int, ...]
    """The highest peaks, as many as values were changed, in order of time."""


def reproduce_timeseries(data: Path, progress: Progress) -> list[TimeseriesRow]:
    """Fit on the untouched series, score the changed one. Raises RecordingError for missing files."""
    folder = data / "seed_timeseries"
    normal, changed = (_series(folder / name) for name in ("timeseries4.csv", "timeseries5_anomaly.csv"))
    lines = []
    for number, (detector, options) in enumerate(DETECTORS.items()):
        progress(number / len(DETECTORS), detector)
        graph = fitted(detector, sliding(normal, LENGTH), options)
        by_row = least_of_windows(graph.score(sliding(changed, LENGTH)).astype(np.float64), LENGTH)
        lines.append(TimeseriesRow(detector, peaks(by_row, len(CHANGED), LENGTH)))
    return lines


def least_of_windows(scores: Floats, length: int) -> Floats:
    """Scores of windows, one row apart, to scores of rows: [n] to [n + length - 1]."""
    edges = np.full(length - 1, np.inf)
    padded = np.concatenate([edges, scores, edges])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, length).min(axis=1))


def peaks(scores: Floats, count: int, length: int) -> tuple[int, ...]:
    """The rows of the highest scores; rows within a window's length of a higher one are the same peak."""
    left, found = scores.copy(), []
    for _ in range(count):
        row = int(np.argmax(left))
        found.append(row)
        left[max(row - length + 1, 0) : row + length] = -np.inf
    return tuple(sorted(found))


def _series(path: Path) -> Floats:
    return read_content(path, (), ("value",), str(path)).values
