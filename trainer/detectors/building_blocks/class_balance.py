"""Unequal class frequencies: weigh the classes in the loss, or resample their rows."""

from typing import Final

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from numpy.typing import NDArray

from trainer.core import ChoiceError, FitError, nearest

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

BALANCES: Final = ("weights", "over", "under", "smote", "none")
_NEIGHBOURS: Final = 5
"""Neighbours that SMOTE interpolates between, the paper's choice."""


def check(balance: str) -> str:
    """Return `balance` unchanged. Raises ChoiceError if it is not one of BALANCES."""
    if balance not in BALANCES:
        raise ChoiceError(f"there is no balance {balance!r}", remedy=nearest(balance, BALANCES))
    return balance


def weights(balance: str, classes: Classes) -> Floats:
    """Return one weight per class [classes] from class numbers [n].

    With balance `weights` every class has the same total weight, n / classes; otherwise all weights are 1.
    """
    counts = np.bincount(classes).astype(np.float64)
    return counts.sum() / (len(counts) * counts) if balance == "weights" else np.ones(len(counts))


def resample(balance: str, vectors: Floats, classes: Classes, seed: int) -> tuple[Floats, Classes]:
    """Resample vectors [n, features] and class numbers [n] so that all classes are equally frequent.

    `over` repeats rows of rare classes, `under` leaves out rows of frequent ones, `smote` interpolates new
    rows: N. V. Chawla et al., "SMOTE", JAIR 16 (2002). Raises FitError where a class is too small for SMOTE.
    """
    if balance == "smote" and (least := int(np.bincount(classes).min())) <= _NEIGHBOURS:
        raise FitError(
            f"SMOTE needs more than {_NEIGHBOURS} windows of each label and got {least}",
            remedy="Choose balance=over, or give more windows",
        )
    samplers = {
        "over": lambda: RandomOverSampler(random_state=seed),
        "under": lambda: RandomUnderSampler(random_state=seed),
        "smote": lambda: SMOTE(random_state=seed, k_neighbors=_NEIGHBOURS),
    }
    if balance not in samplers:
        return vectors, classes
    resampled, labels = samplers[balance]().fit_resample(vectors, classes)
    return np.asarray(resampled, dtype=np.float64), np.asarray(labels, dtype=np.int64)
