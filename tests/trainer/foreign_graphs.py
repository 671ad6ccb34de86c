"""Graphs as another tool might write them: the rms of a window, and what the edge cannot run or use."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SAMPLES, RATE_HZ = 64, 1000.0


FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def info(name: str, shape: Any, kind: Any = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def rms_nodes(axes: str = "axes", end: str = "Sqrt") -> list[Any]:
    return [
        helper.make_node("Mul", ["x", "x"], ["window"]),  # bears a name that the edge uses
        helper.make_node("ReduceMean", ["window", axes], ["mean"], keepdims=0),
        helper.make_node(end, ["mean"], ["y"]),
    ]


def model_of(
    nodes: Any = None,
    inputs: Any = None,
    outputs: Any = None,
    weights: Any = None,
    opsets: Any = (("", 20),),
    **more: Any,
) -> Any:
    """The window's rms, written by hand, but for what is changed."""
    graph = helper.make_graph(
        nodes or rms_nodes(),
        "rms",
        inputs or [info("x", ["b", SAMPLES, 1])],
        outputs or [info("y", ["b"])],
        [numpy_helper.from_array(np.array([1, 2], np.int64), "axes"), *(weights or [])],
    )
    imports = [helper.make_opsetid(*item) for item in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, **more)


def numbered(values: Any, name: str) -> Any:
    return numpy_helper.from_array(np.array(values), name)


def looped() -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["held"], ["next"])],
        "body",
        [info("at", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("held", None)],
        [info("on", [], TensorProto.BOOL), info("next", None)],
    )
    nodes = [*rms_nodes(), helper.make_node("Loop", ["count", "", "y"], ["z"], body=body)]
    return model_of(nodes, outputs=[info("z", ["b"])], weights=[numbered(3, "count")])


def functional() -> Any:
    part = helper.make_function(
        "mine",
        "Twice",
        ["a"],
        ["c"],
        [helper.make_node("Add", ["a", "a"], ["c"])],
        [helper.make_opsetid("", 20)],
    )
    nodes = [*rms_nodes(), helper.make_node("Twice", ["y"], ["z"], domain="mine")]
    return model_of(nodes, outputs=[info("z", ["b"])], opsets=(("", 20), ("mine", 1)), functions=[part])


def elsewhere() -> Any:
    model = model_of(weights=[numbered([1.0], "unused")])
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return model


def tail(*nodes: Any, weights: Any = (), shape: Any = ("b",), kind: Any = FLOAT) -> Any:
    """The rms `y` and what follows it, to `z`."""
    return model_of([*rms_nodes(), *nodes], outputs=[info("z", shape, kind)], weights=weights)


def logarithm() -> Any:
    return tail(
        helper.make_node("Sub", ["y", "one"], ["less"]),
        helper.make_node("Log", ["less"], ["z"]),
        weights=[numbered(np.float32(1.0), "one")],
    )


def batch_mean() -> Any:
    return tail(
        helper.make_node("ReduceMean", ["y"], ["all"], keepdims=1),
        helper.make_node("Sub", ["y", "all"], ["z"]),
    )


def noisy() -> Any:
    return tail(
        helper.make_node("RandomNormalLike", ["y"], ["r"]),
        helper.make_node("Add", ["y", "r"], ["z"]),
    )


def constant() -> Any:
    return tail(helper.make_node("Mul", ["y", "no"], ["z"]), weights=[numbered(np.float32(0.0), "no")])


def reshaped() -> Any:
    return tail(helper.make_node("Reshape", ["y", "shape"], ["z"]), weights=[numbered([-1, 1], "shape")])


def fixed_inside() -> Any:
    return tail(helper.make_node("Reshape", ["y", "shape"], ["z"]), weights=[numbered([1], "shape")])


REFUSED = {
    "text": (b"not a model at all", "is not an ONNX file"),
    "nothing": (b"", "graph is empty"),
    "half": (model_of().SerializeToString()[:-40], "ONNX"),
    "loop": (looped(), "uses Loop, which runs a graph within the graph"),
    "function": (functional(), "defines the function 'Twice'"),
    "domain": (
        model_of(
            [*rms_nodes(), helper.make_node("Gelu", ["y"], ["z"], domain="com.microsoft")],
            outputs=[info("z", ["b"])],
            opsets=(("", 20), ("com.microsoft", 1)),
        ),
        "uses Gelu of com.microsoft, which is no standard ONNX operator",
    ),
    "external": (elsewhere(), "keeps its weights in another file"),
    "unknown operator": (tail(helper.make_node("Hum", ["y"], ["z"])), "is not valid ONNX"),
    "two inputs": (
        model_of(inputs=[info("x", ["b", SAMPLES, 1]), info("speed", ["b"])]),
        r"takes 2 inputs \(x, speed\)",
    ),
    "two outputs": (
        model_of(outputs=[info("y", ["b"]), info("mean", ["b"])]),
        r"gives 2 outputs \(y, mean\)",
    ),
    "flat windows": (
        model_of(rms_nodes("axis"), inputs=[info("x", ["b", SAMPLES])], weights=[numbered([1], "axis")]),
        r"of shape \[b, 64\], not \[batch, samples, channels\]",
    ),
    "double": (
        model_of(inputs=[info("x", ["b", SAMPLES, 1], DOUBLE)], outputs=[info("y", ["b"], DOUBLE)]),
        "takes 'x' as double, not as float32",
    ),
    "double score": (
        tail(helper.make_node("Cast", ["y"], ["z"], to=DOUBLE), kind=DOUBLE),
        "gives 'z' as double, not as float32",
    ),
    "dynamic samples": (model_of(inputs=[info("x", ["b", "n", 1])]), "no fixed length or channels"),
    "dynamic channels": (model_of(inputs=[info("x", ["b", SAMPLES, None])]), "no fixed length or channels"),
    "one window": (model_of(inputs=[info("x", [1, SAMPLES, 1])]), "always 1 windows at a time"),
    "column of scores": (
        tail(
            helper.make_node("Reshape", ["y", "shape"], ["z"]),
            weights=[numbered([-1, 1], "shape")],
            shape=("b", 1),
        ),
        r"of shape \[b, 1\], not one score a window",
    ),
    "hidden column of scores": (reshaped(), r"scores of shape \[1, 1\] for 1 windows"),
    "turned": (
        model_of(inputs=[info("x", ["b", 1, SAMPLES])]),
        "takes windows of 1 samples x 64 channels, the recordings have 1 channel",
    ),
    "NaN": (logarithm(), "gives the score nan to a normal window"),
    "constant": (constant(), "gives every window the score 0"),
    "batch statistics": (batch_mean(), "gives every window the score 0|otherwise in a batch of"),
    "noise": (noisy(), "otherwise in a batch of 1 than alone"),
    "batch of one inside": (fixed_inside(), "onnxruntime cannot run it on 2 windows"),
}
