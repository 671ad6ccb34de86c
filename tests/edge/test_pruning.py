"""Cutting a model down changes no score, takes away what no score needs, and refuses what it cannot judge."""

import contextlib
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.models.pruning import metadata_of, pruned
from edge_runtime.models.scorer import Graph
from tests.artefacts import rms_graph


def branching() -> Any:
    """`score` needs one of two constants and two of four nodes; `contributions` needs all but one."""
    nodes = [
        helper.make_node("Abs", ["window"], ["size"]),
        helper.make_node("ReduceMax", ["size", "axes"], ["score"], keepdims=0),
        helper.make_node("Mul", ["size", "weights"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "time"], ["contributions"], keepdims=0),
    ]
    constants = {"axes": np.array([1, 2]), "time": np.array([1]), "weights": np.ones((8, 2), np.float32)}
    graph = helper.make_graph(
        nodes,
        "branching",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", 8, 2])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("contributions", TensorProto.FLOAT, ["batch", 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.helper.set_model_props(model, {"said": "x" * 1000})
    return model


def test_keeps_what_the_score_needs_and_nothing_else() -> None:
    cut = onnx.load_from_string(pruned(branching().SerializeToString(), "score"))
    onnx.checker.check_model(cut, full_check=True)
    assert [node.op_type for node in cut.graph.node] == ["Abs", "ReduceMax"]
    assert [item.name for item in cut.graph.initializer] == ["axes"]
    assert [item.name for item in cut.graph.output] == ["score"]
    assert [item.name for item in cut.graph.input] == ["window"]
    assert (list(cut.metadata_props), cut.ir_version, cut.opset_import[0].version) == ([], 10, 20)


@pytest.mark.parametrize("model", [branching(), rms_graph()], ids=["branching", "rms"])
def test_scores_and_contributions_are_those_of_the_whole(model: Any) -> None:
    whole = onnxruntime.InferenceSession(model.SerializeToString())
    shape = whole.get_inputs()[0].shape
    windows = np.random.default_rng(0).standard_normal((5, *shape[1:])).astype(np.float32)
    graph = Graph(model.SerializeToString(), "m")
    score, contributions = whole.run(["score", "contributions"], {"window": windows})
    np.testing.assert_array_equal(graph.score(windows), score)
    np.testing.assert_array_equal(graph.contributions(windows), contributions)
    assert graph.score_one(windows[2]) == pytest.approx(score[2], rel=1e-6)
    assert metadata_of(model.SerializeToString()) == {item.key: item.value for item in model.metadata_props}


def test_a_graph_within_a_graph_is_left_whole() -> None:
    """What the inner graph takes from outside does not show in the node's inputs."""
    model = branching()
    inner = [
        helper.make_graph(
            [helper.make_node("Identity", [name], ["chosen"])],
            "inner",
            [],
            [helper.make_tensor_value_info("chosen", TensorProto.FLOAT, None)],
        )
        for name in ("size", "window")
    ]
    condition = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
    choice = helper.make_node("If", ["yes"], ["branch"], then_branch=inner[0], else_branch=inner[1])
    model.graph.node[1].input[0] = "branch"
    model.graph.node.insert(1, condition)
    model.graph.node.insert(2, choice)
    with pytest.raises(ValueError, match="graph of its own"):
        pruned(model.SerializeToString(), "score")
    windows = np.random.default_rng(0).standard_normal((5, 8, 2)).astype(np.float32)
    graph = Graph(model.SerializeToString(), "m")
    np.testing.assert_array_equal(graph.score(windows), np.abs(windows).max(axis=(1, 2)))
    assert graph.contributions(windows).shape == (5, 2)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_model_are_refused_or_cut_but_raise_nothing_else(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(pruned(data, "score"), bytes)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_damage_is_refused_or_survives(at: int, flip: int) -> None:
    whole = bytearray(branching().SerializeToString())
    whole[at % len(whole)] ^= flip
    with contextlib.suppress(ValueError):
        assert len(pruned(bytes(whole), "score")) <= len(whole)
