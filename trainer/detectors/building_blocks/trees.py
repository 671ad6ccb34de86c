"""Fitted decision trees as one node of a graph."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.graphs import GraphValue

Floats = NDArray[np.float64]


class Tree(Protocol):
    """What scikit-learn's `tree_` tells of a fitted tree; children are -1 at leaves."""

    node_count: int
    children_left: NDArray[np.int64]
    children_right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    n_node_samples: NDArray[np.int64]


def forest(
    vectors: GraphValue, trees: Sequence[tuple[Tree, Floats]], columns: Sequence[Sequence[int]] | None = None
) -> GraphValue:
    """Write the sum over trees of the value of the leaf that vectors [batch, features] fall into: [batch, 1].

    With each tree comes the value of each of its nodes; `columns` says which feature its own numbers mean.
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
    every = range(tree.node_count)
    return {
        "nodes_treeids": [number] * tree.node_count,
        "nodes_nodeids": list(every),
        "nodes_featureids": feature.tolist(),
        "nodes_modes": ["BRANCH_LEQ" if branch else "LEAF" for branch in inner],
        "nodes_values": _at_most(np.where(inner, tree.threshold, 0.0)).tolist(),
        "nodes_truenodeids": np.where(inner, tree.children_left, 0).tolist(),
        "nodes_falsenodeids": np.where(inner, tree.children_right, 0).tolist(),
        "target_treeids": [number] * len(leaves),
        "target_nodeids": leaves.tolist(),
        "target_ids": [0] * len(leaves),
        "target_weights": values[leaves].tolist(),
    }


def _at_most(thresholds: Floats) -> NDArray[np.float32]:
    """Round down to float32: a float32 feature is at most the one exactly if it is at most the other."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
