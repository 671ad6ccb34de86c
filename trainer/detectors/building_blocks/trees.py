"""Fitted decision trees as one TreeEnsembleRegressor node (ONNX-ML) of a graph."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.graphs import GraphValue

Floats = NDArray[np.float64]


class Tree(Protocol):
    """Attributes of scikit-learn's `tree_`, one value per node; the children of leaves are -1."""

    node_count: int
    children_left: NDArray[np.int64]
    children_right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    n_node_samples: NDArray[np.int64]


def forest(
    vectors: GraphValue, trees: Sequence[tuple[Tree, Floats]], columns: Sequence[Sequence[int]] | None = None
) -> GraphValue:
    """Add the sum over trees of the value of the leaf that vectors [batch, features] fall into: [batch, 1].

    `trees` are pairs of a tree and the values of its nodes [nodes]; `columns` maps the feature numbers of
    each tree to those of the vectors.
    """
    parts = [
        _nodes(number, tree, values, None if columns is None else columns[number])
        for number, (tree, values) in enumerate(trees)
    ]
    attributes = {name: [item for part in parts for item in part[name]] for name in parts[0]}
    return vectors.builder.op(
        "TreeEnsembleRegressor",
        vectors,
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        **attributes,
    )


def _nodes(number: int, tree: Tree, values: Floats, columns: Sequence[int] | None) -> dict[str, list[Any]]:
    inner = tree.children_left >= 0
    feature = np.where(inner, tree.feature, 0)
    feature = feature if columns is None else np.asarray(columns)[feature]
    leaves = np.flatnonzero(~inner)
    # scikit-learn compares float32 features with float64 thresholds. Rounded down to float32, a threshold
    # gives the same answer for every float32 feature.
    exact = np.where(inner, tree.threshold, 0.0)
    near = exact.astype(np.float32)
    thresholds = np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)
    return {
        "nodes_treeids": [number] * tree.node_count,
        "nodes_nodeids": list(range(tree.node_count)),
        "nodes_featureids": feature.tolist(),
        "nodes_modes": ["BRANCH_LEQ" if branch else "LEAF" for branch in inner],
        "nodes_values": thresholds.tolist(),
        "nodes_truenodeids": np.where(inner, tree.children_left, 0).tolist(),
        "nodes_falsenodeids": np.where(inner, tree.children_right, 0).tolist(),
        "target_treeids": [number] * len(leaves),
        "target_nodeids": leaves.tolist(),
        "target_ids": [0] * len(leaves),
        "target_weights": values[leaves].tolist(),
    }
