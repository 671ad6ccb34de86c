"""Local outlier factor: how much sparser a window's neighbourhood is than those of its nearest neighbours.

Source: M. M. Breunig, H.-P. Kriegel, R. T. Ng, J. Sander, "LOF: identifying density-based local outliers",
SIGMOD 2000.
"""

from typing import Final

import numpy as np
from sklearn.neighbors import LocalOutlierFactor as Factor

from trainer.core import ChoiceError
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector, rounded
from trainer.graphs import GraphValue

ROOM_BYTES: Final = 1_500_000
"""For the training windows; what remains of the 2 MB of a file is for golden windows and the front end."""


class LocalOutlierFactor(VectorDetector):
    """Density at the window's neighbours in training over the density at the window; 1 is usual."""

    name = "local_outlier_factor"
    summary = "how much sparser it is round a window than round its nearest neighbours; 1 is usual"
    default_front_end = "spectrum"
    # Two distances that another processor rounds into the other order exchange one neighbour of twenty.
    golden_tolerance = 1e-2

    def __init__(self, front_end: str = "", neighbours: int = 20) -> None:
        """`neighbours` is the number of nearest training windows; 20 is scikit-learn's default."""
        super().__init__(front_end)
        if neighbours < 1:
            raise ChoiceError(
                f"local_outlier_factor cannot have {neighbours} neighbours", remedy="Give 1 or more"
            )
        self._neighbours = neighbours

    def needs(self, width: int) -> int:
        """More windows than neighbours."""
        return self._neighbours + 1 if width else 0

    def _learn(self, vectors: Floats) -> None:
        # Four bytes for each feature, and for reach, density and squared length.
        room = max(ROOM_BYTES // (4 * (vectors.shape[1] + 3)), self._neighbours + 1)
        if len(vectors) > room:
            self._notes["kept"] = f"{room} of {len(vectors)} windows, evenly chosen: the file stays small"
            vectors = vectors[np.linspace(0, len(vectors) - 1, room).round().astype(int)]
        self._rows = rounded(vectors)
        self._factor = Factor(n_neighbors=self._neighbours, novelty=True)
        self._factor.fit(self._rows)
        distances, nearest = self._factor.kneighbors()
        self._reach = distances[:, -1]
        reached = np.maximum(distances, self._reach[nearest]).mean(axis=1)
        self._density = 1 / (reached + 1e-10)  # as scikit-learn: duplicates have distance 0

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        # The square of the window's own length is not in the comparison: added, it would round the
        # differences away.
        offsets = vectors @ (-2 * self._rows.T) + np.square(self._rows).sum(axis=1)
        count = np.array([self._neighbours])
        least, nearest = vectors.builder.ops("TopK", 2, offsets, count, largest=0, sorted=0)
        squares = least + (vectors * vectors).sum(keep=True)
        reach = vectors.builder.constant(self._reach.astype(np.float32)).take(nearest, axis=0)
        reached = vectors.builder.op("Max", squares.at_least(0.0).sqrt(), reach).mean() + 1e-10
        around = vectors.builder.constant(self._density.astype(np.float32)).take(nearest, axis=0).mean()
        return around * reached, None

    def _judge(self, vectors: Floats) -> Floats:
        return np.asarray(-self._factor.score_samples(vectors))
