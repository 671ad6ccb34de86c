"""Isolation forest: a window that few random splits isolate is unusual.

Source: F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation forest", ICDM 2008. All trees are one node of the graph,
which scores a window in a tenth of the time that one node per tree takes.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest as Forest

from trainer.core import ChoiceError
from trainer.detectors.building_blocks.trees import Tree, forest
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector
from trainer.graphs import GraphValue


class IsolationForest(VectorDetector):
    """Random trees; the shorter the mean path to a window's leaf, the higher the score, at most 1."""

    name = "isolation_forest"
    summary = "how few random cuts set a window apart, at most 1"
    default_front_end = "spectrum,time"
    # A feature that another processor rounds to the other side of a split changes one path of a hundred.
    golden_tolerance = 1e-2

    def __init__(self, front_end: str = "", trees: int = 100, windows_per_tree: int = 256) -> None:
        """Grow `trees`, each on at most `windows_per_tree` windows; the defaults are the paper's."""
        super().__init__(front_end)
        if trees < 1 or windows_per_tree < 2:
            raise ChoiceError(
                f"isolation_forest cannot have {trees} trees of {windows_per_tree} windows",
                remedy="Give at least one tree and two windows",
            )
        self._trees = trees
        self._windows_per_tree = windows_per_tree

    def needs(self, width: int) -> int:
        """Enough windows for a tree of a few levels."""
        return 16 if width else 0

    def _learn(self, vectors: Floats) -> None:
        size = min(self._windows_per_tree, len(vectors))
        self._forest = Forest(n_estimators=self._trees, max_samples=size, random_state=self._context.seed)
        self._forest.fit(vectors.astype(np.float32))
        self._normalisation = float(_mean_path(np.array([size]))[0])

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        trees = [_paths(estimator.tree_) for estimator in self._forest.estimators_]
        columns = [list(columns) for columns in self._forest.estimators_features_]
        total = forest(vectors, trees, columns)
        return (total * (-np.log(2) / (len(trees) * self._normalisation))).exp().reshape(-1), None

    def _judge(self, vectors: Floats) -> Floats:
        return np.asarray(-self._forest.score_samples(vectors.astype(np.float32)))


def _paths(tree: Tree) -> tuple[Tree, Floats]:
    """Return a tree and each node's path length: its depth, and the mean depth below it."""
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children have larger numbers than their parents
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    return tree, depth + _mean_path(tree.n_node_samples)


def _mean_path(windows: NDArray[np.int64]) -> Floats:
    """Mean path of an unsuccessful search in a search tree of so many windows; Liu et al., equation 1."""
    count = np.maximum(windows.astype(np.float64), 2.0)
    longer = 2 * (np.log(count - 1) + np.euler_gamma) - 2 * (count - 1) / count
    return np.where(windows <= 1, 0.0, np.where(windows == 2, 1.0, longer))
