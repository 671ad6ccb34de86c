"""Tables of the ODDS library: exported graphs compared with scikit-learn called directly, on the same split.

Source: S. Rayana, ODDS Library, Stony Brook University, 2016.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from trainer.core import Progress
from trainer.recordings import read_content
from trainer.reproduce.exported import fitted

Floats = NDArray[np.float64]
Judge = Callable[[Floats, Floats], Floats]
"""From standardised rows to fit on [n, columns] and to score [m, columns], to anomaly scores [m]."""

COLUMNS: Final[Mapping[str, int]] = {
    "cardio": 21,
    "glass": 9,
    "ionosphere": 33,
    "letter": 32,
    "pendigits": 16,
    "satimage-2": 36,
    "shuttle": 9,
    "vowels": 12,
    "wbc": 30,
}
"""Number of features of each table."""


@dataclass(frozen=True, slots=True)
class OddsRow:
    """One row of the result."""

    detector: str
    table: str
    auroc: float
    reference_auroc: float
    """Of scikit-learn's estimator, called directly."""


def reproduce_odds(data: Path, progress: Progress) -> list[OddsRow]:
    """Fit on half of each table's normal rows, score all others.

    `data` is the folder that holds `odds/*.mat`. Raises RecordingError for a missing file.
    """
    rows = []
    for number, (table, columns) in enumerate(COLUMNS.items()):
        fit_on, judged, faulty = _split(data / "odds" / f"{table}.mat", columns)
        windows, judged_windows = (part[:, np.newaxis].astype(np.float32) for part in (fit_on, judged))
        scaler = StandardScaler().fit(fit_on)
        for step, (detector, reference) in enumerate(_REFERENCES.items()):
            progress((number + step / len(_REFERENCES)) / len(COLUMNS), f"{table}, {detector}")
            scores = fitted(detector, windows, {"front_end": "raw"}).score(judged_windows)
            reference_scores = reference(scaler.transform(fit_on), scaler.transform(judged))
            auroc, expected = (float(roc_auc_score(faulty, each)) for each in (scores, reference_scores))
            rows.append(OddsRow(detector, table, auroc, expected))
    return rows


def _split(path: Path, columns: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Rows to fit on, half of the normal ones; all other rows; and which of these are anomalies."""
    rows = read_content(
        path, ("X",), tuple(f"x{number}" for number in range(columns)), str(path)
    ).values.array()
    faulty = read_content(path, ("y",), ("y",), str(path)).values.array()[:, 0] > 0
    normal = np.random.default_rng(0).permutation(np.flatnonzero(~faulty))
    learnt = normal[: len(normal) // 2]
    judged = np.setdiff1d(np.arange(len(rows)), learnt)
    return rows[learnt], rows[judged], faulty[judged]


# The options are the defaults of our detectors.
_REFERENCES: Final[Mapping[str, Judge]] = {
    "isolation_forest": lambda rows, judged: (
        -IsolationForest(n_estimators=100, max_samples=min(256, len(rows)), random_state=0)
        .fit(rows)
        .score_samples(judged)
    ),
    "local_outlier_factor": lambda rows, judged: (
        -LocalOutlierFactor(n_neighbors=20, novelty=True).fit(rows).score_samples(judged)
    ),
    "one_class_svm": lambda rows, judged: (
        -OneClassSVM(nu=0.05, gamma="scale").fit(rows).decision_function(judged)
    ),
    "gaussian_mixture": lambda rows, judged: (
        -GaussianMixture(3, reg_covar=1e-3, n_init=3, max_iter=300, random_state=0)
        .fit(rows)
        .score_samples(judged)
    ),
    "multivariate_gaussian": lambda rows, judged: (
        (LedoitWolf() if len(rows) < 10 * rows.shape[1] else EmpiricalCovariance())
        .fit(rows)
        .mahalanobis(judged)
    ),
}
