"""A Gaussian of each operating condition: a mean of its own, one covariance shared by all."""

import numpy as np

from trainer.detectors.building_blocks.covariance import whitening
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector, rounded
from trainer.graphs import GraphValue


class ConditionGaussian(VectorDetector):
    """Half the squared Mahalanobis distance to the nearest condition's mean.

    What differs from one condition to the next is in the means, so that the covariance is of what varies
    within them: linear discriminant analysis (Fisher 1936), used as a detector. For machines whose conditions
    are all in the list (`--conditions all`); where no condition is known there is one mean.
    """

    name = "condition_gaussian"
    summary = "Gaussian with a mean of each operating condition and one shared covariance; the nearest counts"
    default_front_end = "spectrum,time"
    by_condition = True
    squared = True

    def _learn(self, vectors: Floats) -> None:
        named = np.array(self._context.conditions or [""] * len(vectors))
        names = list(dict.fromkeys(named.tolist()))
        means = np.array([vectors[named == name].mean(axis=0) for name in names])
        residuals = vectors - means[[names.index(name) for name in named.tolist()]]
        estimate = whitening(residuals)
        self._whitening = estimate.root
        self._centres = rounded(means @ self._whitening)
        self._notes |= estimate.notes
        self._notes["means"] = str(len(names))

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        white = vectors @ self._whitening
        offsets = white @ (-2 * self._centres.T) + np.square(self._centres).sum(axis=1)
        nearest = white.builder.op("ArgMin", offsets, axis=-1, keepdims=0)
        residual = white - white.builder.constant(self._centres.astype(np.float32)).take(nearest, axis=0)
        parts = residual * residual * 0.5
        return parts.sum(), parts

    def _judge(self, vectors: Floats) -> Floats:
        white = vectors @ self._whitening
        squares = [np.square(white - centre).sum(axis=1) for centre in self._centres]
        return np.asarray(0.5 * np.min(squares, axis=0))
