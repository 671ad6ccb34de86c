"""Tables of the ODDS library: our exported graphs against scikit-learn called directly, on the same split."""

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
"""From standardised rows to learn from and rows to judge: anomaly scores."""

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


@dataclass(frozen=True, slots=True)
class OddsRow:
    """One line of the table."""

    detector: str
    table: str
    auroc: float
    reference_auroc: float
    """Of scikit-learn's estimator, called directly."""


def reproduce_odds(data: Path, progress: Progress) -> list[OddsRow]:
    """Learn from half of each table's normal rows, judge the rest. Raises RecordingError for no file."""
    lines = []
    for number, (table, columns) in enumerate(COLUMNS.items()):
        learn, judge, faulty = _split(data / "odds" / f"{table}.mat", columns)
        for step, detector in enumerate(_REFERENCES):
            progress((number + step / len(_REFERENCES)) / len(COLUMNS), f"{table}, {detector}")
            lines.append(_line(table, detector, learn, judge, faulty))
    return lines


def _line(table: str, detector: str, learn: Floats, judge: Floats, faulty: NDArray[np.bool_]) -> OddsRow:
    graph = fitted(detector, learn[:, np.newaxis].astype(np.float32), {"front_end": "raw"})
    ours = graph.score(judge[:, np.newaxis].astype(np.float32))
    scaler = StandardScaler().fit(learn)
    theirs = _REFERENCES[detector](scaler.transform(learn), scaler.transform(judge))
    return OddsRow(
        table=table, detector=detector, auroc=_auroc(faulty, ours), reference_auroc=_auroc(faulty, theirs)
    )


def _split(path: Path, columns: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    rows = read_content(path, ("X",), tuple(f"x{number}" for number in range(columns)), str(path)).values
    faulty = read_content(path, ("y",), ("y",), str(path)).values[:, 0] > 0
    normal = np.random.default_rng(0).permutation(np.flatnonzero(~faulty))
    learnt = normal[: len(normal) // 2]
    judged = np.setdiff1d(np.arange(len(rows)), learnt)
    return rows[learnt], rows[judged], faulty[judged]


def _auroc(faulty: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    return float(roc_auc_score(faulty, scores))


def _forest(learn: Floats, judge: Floats) -> Floats:
    forest = IsolationForest(n_estimators=100, max_samples=min(256, len(learn)), random_state=0)
    return np.asarray(-forest.fit(learn).score_samples(judge))


def _factor(learn: Floats, judge: Floats) -> Floats:
    return np.asarray(-LocalOutlierFactor(n_neighbors=20, novelty=True).fit(learn).score_samples(judge))


def _machine(learn: Floats, judge: Floats) -> Floats:
    return np.asarray(-OneClassSVM(nu=0.05, gamma="scale").fit(learn).decision_function(judge))


def _mixture(learn: Floats, judge: Floats) -> Floats:
    mixture = GaussianMixture(3, reg_covar=1e-3, n_init=3, max_iter=300, random_state=0)
    return np.asarray(-mixture.fit(learn).score_samples(judge))


def _gaussian(learn: Floats, judge: Floats) -> Floats:
    few = len(learn) < 10 * learn.shape[1]
    return np.asarray((LedoitWolf() if few else EmpiricalCovariance()).fit(learn).mahalanobis(judge))


_REFERENCES: Final[Mapping[str, Judge]] = {
    "isolation_forest": _forest,
    "local_outlier_factor": _factor,
    "one_class_svm": _machine,
    "gaussian_mixture": _mixture,
    "multivariate_gaussian": _gaussian,
}
