"""One-class support vector machine with a Gaussian kernel.

Source: B. Schoelkopf et al., "Estimating the support of a high-dimensional distribution", Neural Computation
13 (2001). Far from all support vectors the decision function is flat and every fault would score alike; its
logarithm orders windows the same way and keeps falling.
"""

from typing import Final

import numpy as np
from scipy.special import logsumexp
from sklearn.svm import OneClassSVM as Machine

from trainer.core import ChoiceError
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector, rounded
from trainer.graphs import GraphValue

_SEEN: Final = 1e-6
"""Densities below this come out of libsvm as what rounding left of its offset, subtracted and added again."""


class OneClassSvm(VectorDetector):
    """Minus the logarithm of the kernel density that the support vectors give, at most 0 on top of one."""

    name = "one_class_svm"
    summary = "one-class support vector machine: -log of its decision function before the offset"
    default_front_end = "spectrum"

    def __init__(self, front_end: str = "", nu: float = 0.05, gamma: str = "scale") -> None:
        """`nu`: share of training windows that may lie outside; `gamma`: scale, auto or a number."""
        super().__init__(front_end)
        if not 0 < nu <= 1:
            raise ChoiceError(f"one_class_svm cannot have nu={nu:g}", remedy="Give a share between 0 and 1")
        self._nu = nu
        self._gamma = _read_gamma(gamma)

    def needs(self, width: int) -> int:
        """Ask for enough windows that `nu` of them is one."""
        return max(8, int(1 / self._nu)) if width else 0

    def _learn(self, vectors: Floats) -> None:
        self._machine = Machine(nu=self._nu, gamma=self._gamma)
        self._machine.fit(rounded(vectors))
        self._support = rounded(self._machine.support_vectors_)
        weights = self._machine.dual_coef_[0]
        self._logs = np.log(weights / weights.sum())
        self._steep = _steepness(self._gamma, vectors)
        self._notes["support_vectors"] = str(len(weights))

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        near = vectors @ (2 * self._steep * self._support.T)
        own = (vectors * vectors).sum() * self._steep
        logs = near + (self._logs - self._steep * np.square(self._support).sum(axis=1))
        density = vectors.builder.op("ReduceLogSumExp", logs, np.array([-1]), keepdims=0)
        return own - density, None

    def _judge(self, vectors: Floats) -> Floats:
        """Take the machine's own decision function, or its logarithm's sum where its offset swallows it."""
        squares = np.square(vectors[:, np.newaxis] - self._support).sum(axis=2)
        logs = -np.asarray(logsumexp(self._logs - self._steep * squares, axis=1))
        direct = self._machine.score_samples(vectors) / self._machine.dual_coef_.sum()
        return np.where(direct > _SEEN, -np.log(np.maximum(direct, _SEEN)), logs)


def _read_gamma(text: str) -> str | float:
    if text in {"scale", "auto"}:
        return text
    try:
        return float(text)
    except ValueError as error:
        raise ChoiceError(
            f"one_class_svm cannot have gamma {text!r}", remedy="Give scale, auto or a number"
        ) from error


def _steepness(gamma: str | float, vectors: Floats) -> float:
    if gamma == "scale":
        return float(1 / (vectors.shape[1] * rounded(vectors).var()))
    return 1 / vectors.shape[1] if isinstance(gamma, str) else gamma
