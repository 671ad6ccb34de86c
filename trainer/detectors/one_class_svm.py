"""One-class support vector machine with a Gaussian kernel.

Source: B. Schoelkopf et al., "Estimating the support of a high-dimensional distribution", Neural Computation
13 (2001). Far from all support vectors the decision function is constant and all faults would have one score.
Its logarithm orders windows in the same way and goes on falling.
"""

from typing import Final

import numpy as np
from scipy.special import logsumexp
from sklearn.svm import OneClassSVM as Machine

from trainer.core import ChoiceError
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector, rounded
from trainer.graphs import GraphValue

_RESOLVED: Final = 1e-6
"""Smallest density to take from libsvm: it subtracts its offset, scikit-learn adds it again, and of smaller
densities only rounding errors remain."""


class OneClassSvm(VectorDetector):
    """Minus the logarithm of the weighted kernel density of the support vectors; 0 is the least."""

    name = "one_class_svm"
    summary = "one-class support vector machine: -log of its decision function before the offset"
    squared = True
    default_front_end = "spectrum"

    def __init__(self, front_end: str = "", nu: float = 0.05, gamma: str = "scale") -> None:
        """`nu`: share of training windows that may lie outside; `gamma`: scale, auto or a number."""
        super().__init__(front_end)
        if not 0 < nu <= 1:
            raise ChoiceError(f"one_class_svm cannot have nu={nu:g}", remedy="Give a share between 0 and 1")
        self._nu = nu
        try:
            self._gamma = gamma if gamma in {"scale", "auto"} else float(gamma)
        except ValueError as error:
            raise ChoiceError(
                f"one_class_svm cannot have gamma {gamma!r}", remedy="Give scale, auto or a number"
            ) from error

    def needs(self, width: int) -> int:
        """Enough windows that a share `nu` of them is at least one."""
        return max(8, int(1 / self._nu)) if width else 0

    def _learn(self, vectors: Floats) -> None:
        self._machine = Machine(nu=self._nu, gamma=self._gamma)
        self._machine.fit(rounded(vectors))
        self._support = rounded(self._machine.support_vectors_)
        weights = self._machine.dual_coef_[0]
        self._logs = np.log(weights / weights.sum())
        # scikit-learn's "scale" and "auto", computed here because it does not publish the value.
        self._kernel_gamma = 1 / vectors.shape[1] if isinstance(self._gamma, str) else self._gamma
        if self._gamma == "scale":
            self._kernel_gamma = float(1 / (vectors.shape[1] * rounded(vectors).var()))
        self._notes["support_vectors"] = str(len(weights))

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        # Of -gamma |x - s|^2 the terms with s; the term of x alone is the same for all support vectors.
        cross = vectors @ (2 * self._kernel_gamma * self._support.T)
        own = (vectors * vectors).sum() * self._kernel_gamma
        logs = cross + (self._logs - self._kernel_gamma * np.square(self._support).sum(axis=1))
        density = vectors.builder.op("ReduceLogSumExp", logs, np.array([-1]), keepdims=0)
        return own - density, None

    def _judge(self, vectors: Floats) -> Floats:
        """Use the fitted object's own decision function, or the kernel sum in logarithms if it is too
        small."""
        squares = np.square(vectors[:, np.newaxis] - self._support).sum(axis=2)
        logs = -np.asarray(logsumexp(self._logs - self._kernel_gamma * squares, axis=1))
        direct = self._machine.score_samples(vectors) / self._machine.dual_coef_.sum()
        return np.where(direct > _RESOLVED, -np.log(np.maximum(direct, _RESOLVED)), logs)
