"""A decision tree on features (CART). Supervised, for contrast."""

import numpy as np
from sklearn.tree import DecisionTreeClassifier, export_text

from trainer.core import ChoiceError
from trainer.detectors.building_blocks.class_balance import Classes
from trainer.detectors.building_blocks.supervised import SupervisedDetector
from trainer.detectors.building_blocks.trees import forest
from trainer.detectors.building_blocks.vectors import Floats
from trainer.graphs import GraphValue


class DecisionTree(SupervisedDetector):
    """Splits of features, learnt from labelled faults: 1 - p(normal) of the leaf."""

    name = "decision_tree"
    summary = "cuts of features: 1 - p(normal)"
    default_front_end = "spectrum,time"
    # A feature that another processor rounds to the other side of a split leads to another leaf.
    golden_tolerance = 1e-2

    def __init__(
        self, front_end: str = "", *, balance: str = "weights", depth: int = 6, leaf: int = 5
    ) -> None:
        """At most `depth` splits, at least `leaf` windows per leaf; `balance` is one of BALANCES."""
        super().__init__(front_end, balance)
        if depth < 1 or leaf < 1:
            raise ChoiceError(
                f"decision_tree cannot have depth {depth} and leaf {leaf}", remedy="Give 1 or more"
            )
        self._depth = depth
        self._leaf = leaf

    def _learn_classes(self, vectors: Floats, classes: Classes, weights: Floats) -> None:
        self._tree = DecisionTreeClassifier(
            max_depth=self._depth,
            min_samples_leaf=self._leaf,
            class_weight=dict(enumerate(weights)),
            random_state=self._context.seed,
        )
        self._tree.fit(vectors.astype(np.float32), classes)
        self._notes["cuts"] = " ".join(export_text(self._tree, max_depth=1).split())

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        shares = self._tree.tree_.value[:, 0, :]
        shares = shares / shares.sum(axis=1, keepdims=True)
        score, *faults = (
            forest(vectors, [(self._tree.tree_, values)]) for values in (1 - shares[:, 0], *shares[:, 1:].T)
        )
        return score.reshape(-1), vectors.builder.concat(*faults)

    def _judge(self, vectors: Floats) -> Floats:
        return np.asarray(1 - self._tree.predict_proba(vectors.astype(np.float32))[:, 0])
