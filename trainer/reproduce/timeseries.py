"""Find four changed values in a seasonal series.

The score of a row is the least of all windows that contain it: rows next to a changed value are also in
windows without it.
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
"""Rows whose values were changed in the second file."""
LENGTH: Final = 8
"""Rows of a window. A judgement: short beside the 80 rows or more between changes."""
_LONG: Final = {"front_end": "raw", "epochs": "120", "patience": "40", "batch": "32"}
"""A short series has few batches per epoch, so more epochs than usual."""
DETECTORS: Final[Mapping[str, Mapping[str, str]]] = {
    "multivariate_gaussian": {"front_end": "raw"},
    "lstm_autoencoder": _LONG,
    "gru_autoencoder": _LONG,
    "lstm_forecaster": _LONG,
    "gru_forecaster": _LONG,
}


@dataclass(frozen=True, slots=True)
class TimeseriesRow:
    """One row of the result."""

    detector: str
    rows: tuple[int, ...]
    """Rows of the highest peaks, as many as values were changed, in order of time."""


def reproduce_timeseries(data: Path, progress: Progress) -> list[TimeseriesRow]:
    """Fit on the original series, score the changed one.

    `data` is the folder that holds `seed_timeseries`. Raises RecordingError for a missing file.
    """
    folder = data / "seed_timeseries"
    paths = (folder / "timeseries4.csv", folder / "timeseries5_anomaly.csv")
    normal, changed = (read_content(path, (), ("value",), str(path)).values.array() for path in paths)
    lines = []
    for number, (detector, options) in enumerate(DETECTORS.items()):
        progress(number / len(DETECTORS), detector)
        graph = fitted(detector, sliding(normal, LENGTH), options)
        by_row = least_of_windows(graph.score(sliding(changed, LENGTH)).astype(np.float64), LENGTH)
        lines.append(TimeseriesRow(detector, peaks(by_row, len(CHANGED), LENGTH)))
    return lines


def least_of_windows(scores: Floats, length: int) -> Floats:
    """Turn scores of windows [n], one row apart, into scores of rows [n + length - 1]."""
    edges = np.full(length - 1, np.inf)
    padded = np.concatenate([edges, scores, edges])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, length).min(axis=1))


def peaks(scores: Floats, count: int, length: int) -> tuple[int, ...]:
    """Return the rows of the `count` highest peaks; rows closer than `length` belong to one peak."""
    left, found = scores.copy(), []
    for _ in range(count):
        row = int(np.argmax(left))
        found.append(row)
        left[max(row - length + 1, 0) : row + length] = -np.inf
    return tuple(sorted(found))
