"""Gaussian detectors: with independent features, and with their full covariance.

Scores are -log p(x) less a constant, so that they are never negative: the mean of all windows scores 0, and
the score is the sum of what the features contribute.
"""

from typing import Final

import numpy as np

from trainer.detectors.building_blocks.covariance import whitening
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector
from trainer.graphs import GraphValue

TEXTBOOK: Final = 3.0
"""The three-sigma rule: 0.27 % of a single Gaussian feature exceeds it."""


class GaussianFeatures(VectorDetector):
    """Base of the three detectors, with their options."""

    adapts = True

    def __init__(self, front_end: str = "", transform: str = "none", ratios: bool = False) -> None:
        """Options that make features more Gaussian, or less dependent on the level.

        `transform`: none, log, sqrt, cbrt, yeo-johnson, or auto for the one that makes each feature most
        Gaussian. `ratios`: whether to add the share of each frequency band in the sum of all bands.
        """
        super().__init__(front_end)
        self.transform = transform
        self.ratios = ratios

    def _front_end(self, samples: int) -> str:
        names = super()._front_end(samples)
        return f"{names},ratios" if self.ratios and "ratios" not in names else names


class ZScore(GaussianFeatures):
    """The largest absolute standard score of all features; the textbook's rule is z > 3."""

    name = "zscore"
    summary = "largest absolute standard score over features; the textbook's threshold is 3"
    default_front_end = "spectrum,time"
    contributions_combine_by = "max"

    def _learn(self, vectors: Floats) -> None:
        above = float((np.abs(vectors).max(axis=1) > TEXTBOOK).mean())
        self._notes["textbook"] = f"z > {TEXTBOOK:g} would mark {above:.2%} of the training windows"

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        parts = vectors.abs()
        return parts.max(), parts

    def _judge(self, vectors: Floats) -> Floats:
        return np.asarray(np.abs(vectors).max(axis=1))


class Gaussian(GaussianFeatures):
    """One independent Gaussian per feature: standardisation has learnt all there is."""

    name = "gaussian"
    summary = "independent Gaussian features: -log p(x)"
    squared = True
    default_front_end = "spectrum"

    def _learn(self, vectors: Floats) -> None:
        self._notes["windows"] = str(len(vectors))

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        parts = vectors * vectors * 0.5
        return parts.sum(), parts

    def _judge(self, vectors: Floats) -> Floats:
        return np.asarray(0.5 * np.square(vectors).sum(axis=1))


class MultivariateGaussian(GaussianFeatures):
    """Gaussian with a full covariance: half the squared Mahalanobis distance.

    Contributions split the squared distance by the corr-max transformation: Garthwaite and Koch, "Evaluating
    the contributions of individual variables to a quadratic form", Aust. N. Z. J. Stat. 58 (2016).
    """

    name = "multivariate_gaussian"
    summary = "Gaussian with full covariance: half the squared Mahalanobis distance"
    squared = True
    default_front_end = "spectrum,time"

    def _learn(self, vectors: Floats) -> None:
        estimate = whitening(vectors)
        self._whitening = estimate.root
        self._notes |= estimate.notes

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        white = vectors @ self._whitening
        parts = white * white * 0.5
        return parts.sum(), parts

    def _judge(self, vectors: Floats) -> Floats:
        return np.asarray(0.5 * np.square(vectors @ self._whitening).sum(axis=1))
