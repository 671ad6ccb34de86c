"""Covariances made fit for a distance: shrunk where windows are few, floored where they are singular."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

Floats = NDArray[np.float64]

FEW: Final = 10
"""With fewer windows than this a feature, a covariance is shrunk towards independence."""
SINGULAR: Final = 1e-5
"""Directions with less than this share of the largest variance are given that share."""


@dataclass(frozen=True, slots=True)
class Whitening:
    """What makes vectors uncorrelated, each with variance 1, and changes them least."""

    root: Floats
    """Symmetric inverse square root of the covariance, as float32 holds it: [features, features]."""
    notes: dict[str, str]
    """What had to be done to the covariance."""


def whitening(vectors: Floats) -> Whitening:
    """Learn from centred vectors [n, features].

    Source of the shrinkage: O. Ledoit, M. Wolf, J. Multivariate Analysis 88 (2004).
    """
    notes: dict[str, str] = {}
    covariance = vectors.T @ vectors / len(vectors)
    if len(vectors) < FEW * vectors.shape[1]:
        covariance, shrinkage = ledoit_wolf(vectors, assume_centered=True)
        notes["shrinkage"] = f"{shrinkage:.4f}, {len(vectors)} windows for {len(covariance)} features"
    variances, axes = np.linalg.eigh(covariance)
    floor = max(SINGULAR * variances[-1], 1e-30)
    if (few := int((variances < floor).sum())) > 0:
        notes["singular"] = f"{few} of {len(variances)} directions hardly vary in training"
    root = (axes / np.sqrt(np.maximum(variances, floor))) @ axes.T
    return Whitening(root.astype(np.float32).astype(np.float64), notes)
