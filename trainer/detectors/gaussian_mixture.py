"""A mixture of Gaussians, for a machine with several operating states."""

import numpy as np
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture as Mixture

from trainer.core import ChoiceError
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector, rounded
from trainer.graphs import GraphValue


class GaussianMixture(VectorDetector):
    """Several Gaussians with full covariances: -log p(x), less a constant that keeps it above 0."""

    name = "gaussian_mixture"
    summary = "several Gaussian operating states: -log p(x)"
    default_front_end = "spectrum"

    def __init__(self, front_end: str = "", states: int = 3, ridge: float = 1e-3) -> None:
        """`states` is the number of Gaussians; `ridge` is added to every variance of the features."""
        super().__init__(front_end)
        if states < 1 or ridge < 0:
            raise ChoiceError(
                f"gaussian_mixture cannot have {states} states and a ridge of {ridge:g}",
                remedy="Give at least one state and a ridge of 0 or more",
            )
        self._states = states
        self._ridge = ridge

    def needs(self, width: int) -> int:
        """Eight windows per state; the ridge keeps covariances of fewer windows than features regular."""
        return 8 * self._states if width else 0

    def _learn(self, vectors: Floats) -> None:
        # Best of 3 starts: expectation maximisation finds local optima. One that has not settled after three
        # times the 100 steps that scikit-learn gives is refused below.
        mixture = Mixture(
            self._states, reg_covar=self._ridge, n_init=3, max_iter=300, random_state=self._context.seed
        )
        mixture.fit(vectors)
        if not mixture.converged_:
            self._notes["convergence"] = f"not within {mixture.n_iter_} steps"
        self._mixture = mixture
        roots = mixture.precisions_cholesky_
        levels = np.log(mixture.weights_) + np.linalg.slogdet(roots)[1]
        # The density is at most the sum of the peaks of all states.
        self._ceiling = float(logsumexp(levels))
        self._whitening = rounded(np.concatenate(list(roots), axis=1))
        self._shift = np.concatenate([mean @ root for mean, root in zip(mixture.means_, roots, strict=True)])
        self._levels = levels - self._ceiling

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        white = (vectors @ self._whitening - self._shift).reshape(0, self._states, -1)
        logs = (white * white).sum() * -0.5 + self._levels
        return vectors.builder.op("ReduceLogSumExp", logs, np.array([-1]), keepdims=0) * -1.0, None

    def _judge(self, vectors: Floats) -> Floats:
        constant = 0.5 * vectors.shape[1] * np.log(2 * np.pi)
        return np.asarray(self._ceiling - constant - self._mixture.score_samples(vectors))
