"""Covariances that can be inverted: shrunk where windows are few, floored where they are singular."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEW: Final = 10
"""With fewer windows per feature than this a covariance is shrunk towards a multiple of the identity. The
usual rule of thumb for a sample covariance: with more windows shrinkage changes little, with fewer its
smallest eigenvalues are far too small."""
SINGULAR: Final = 1e-5
"""Directions with less than this share of the largest variance are given that share. A judgement: the score
divides by the deviation, so with a lower floor rounding in such directions decides it; a higher one hides
quiet features."""


@dataclass(frozen=True, slots=True)
class Whitening:
    """The symmetric (ZCA) whitening: makes features uncorrelated with variance 1, changing them least."""

    root: Floats
    """Symmetric inverse square root of the covariance, rounded to float32: [features, features]."""
    notes: dict[str, str]
    """For the manifest: whether the covariance was shrunk or floored."""


def whitening(vectors: Floats) -> Whitening:
    """Estimate the covariance of centred vectors [n, features] and return its whitening."""
    notes: dict[str, str] = {}
    covariance = vectors.T @ vectors / len(vectors)
    if len(vectors) < FEW * vectors.shape[1]:
        covariance, shrinkage = _shrunk(vectors, covariance)
        notes["shrinkage"] = f"{shrinkage:.4f}, {len(vectors)} windows for {len(covariance)} features"
    variances, axes = np.linalg.eigh(covariance)
    floor = max(SINGULAR * variances[-1], 1e-30)  # 1e-30: no division by zero where all variances are 0
    if (few := int((variances < floor).sum())) > 0:
        notes["singular"] = f"{few} of {len(variances)} directions hardly vary in training"
    root = (axes / np.sqrt(np.maximum(variances, floor))) @ axes.T
    return Whitening(root.astype(np.float32).astype(np.float64), notes)


def _shrunk(vectors: Floats, covariance: Floats) -> tuple[Floats, float]:
    """Shrink the covariance of centred vectors [n, features] towards a multiple of the identity, and say how
    far, 0 to 1.

    Source: O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    J. Multivariate Analysis 88 (2004), the estimators of section 3.2.
    """
    count, width = vectors.shape
    level = float(np.trace(covariance)) / width
    spread = float(np.square(covariance).sum()) - width * level**2
    # Mean squared distance of one vector's outer product from the covariance, over the number of vectors.
    fourth = float(np.square(np.square(vectors).sum(axis=1)).mean())
    error = (fourth - float(np.square(covariance).sum())) / count
    share = min(max(error, 0.0), spread) / spread if spread > 0 else 0.0
    return (1 - share) * covariance + share * level * np.eye(width), share
