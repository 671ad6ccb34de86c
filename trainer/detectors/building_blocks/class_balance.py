"""What to do when some labels are rarer than others: weigh them, or draw them more or less often."""

from typing import Final

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from numpy.typing import NDArray

from trainer.core import ChoiceError, FitError, nearest

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

KINDS: Final = ("weights", "over", "under", "smote", "none")
_NEIGHBOURS: Final = 5


def check(kind: str) -> str:
    """Give the kind back. Raises ChoiceError for one that there is not."""
    if kind not in KINDS:
        raise ChoiceError(f"there is no balance {kind!r}", remedy=nearest(kind, KINDS))
    return kind


def weights(kind: str, classes: Classes) -> Floats:
    """One weight a class, so that all classes weigh alike with kind `weights`; otherwise 1."""
    counts = np.bincount(classes).astype(np.float64)
    return counts.sum() / (len(counts) * counts) if kind == "weights" else np.ones(len(counts))


def resample(kind: str, vectors: Floats, classes: Classes, seed: int) -> tuple[Floats, Classes]:
    """Draw rows so that all classes are as frequent: more of the rare, fewer of the common, or made-up ones.

    SMOTE: N. V. Chawla et al., JAIR 16 (2002). Raises FitError where a class is too small for it.
    """
    if kind == "smote" and (least := int(np.bincount(classes).min())) <= _NEIGHBOURS:
        raise FitError(
            f"SMOTE needs more than {_NEIGHBOURS} windows of each label and got {least}",
            remedy="Choose balance=over, or give more windows",
        )
    makers = {
        "over": lambda: RandomOverSampler(random_state=seed),
        "under": lambda: RandomUnderSampler(random_state=seed),
        "smote": lambda: SMOTE(random_state=seed, k_neighbors=_NEIGHBOURS),
    }
    if kind not in makers:
        return vectors, classes
    drawn, labels = makers[kind]().fit_resample(vectors, classes)
    return np.asarray(drawn, dtype=np.float64), np.asarray(labels, dtype=np.int64)
