"""k-means: the distance of a window from the nearest of a few typical ones."""

import numpy as np
from sklearn.cluster import KMeans as Clusters

from trainer.core import ChoiceError
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector, rounded
from trainer.graphs import GraphValue


class KMeans(VectorDetector):
    """Euclidean distance to the nearest centre, in standard deviations of the training features."""

    name = "kmeans"
    summary = "distance to the nearest of a few typical windows"
    default_front_end = "spectrum"

    def __init__(self, front_end: str = "", centres: int = 8) -> None:
        """`centres` is the number of clusters."""
        super().__init__(front_end)
        if centres < 1:
            raise ChoiceError(f"kmeans cannot have {centres} centres", remedy="Give 1 or more")
        self._count = centres

    def needs(self, width: int) -> int:
        """Four windows per centre."""
        return 4 * self._count if width else 0

    def _learn(self, vectors: Floats) -> None:
        # Best of 10 starts: Lloyd's algorithm finds local optima.
        self._clusters = Clusters(self._count, n_init=10, random_state=self._context.seed)
        self._clusters.fit(vectors)
        self._centres = rounded(self._clusters.cluster_centers_)

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        offsets = vectors @ (-2 * self._centres.T) + np.square(self._centres).sum(axis=1)
        nearest = vectors.builder.op("ArgMin", offsets, axis=-1, keepdims=0)
        residual = vectors - vectors.builder.constant(self._centres.astype(np.float32)).take(nearest, axis=0)
        squares = residual * residual
        distance = squares.sum(keep=True).sqrt()
        # Contributions sum to the distance; 1e-12 avoids 0 / 0 at a centre.
        return distance.reshape(-1), squares / distance.at_least(1e-12)

    def _judge(self, vectors: Floats) -> Floats:
        return np.asarray(self._clusters.transform(vectors).min(axis=1))
