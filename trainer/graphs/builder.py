"""An ONNX graph under construction: arithmetic on `GraphValue`s writes nodes.

Graphs are written node by node and not traced from torch: tracing took 1.3 to 136 s a detector, and
calibration would take that for every condition it leaves out. Here it takes milliseconds. Graph and fitted
object could disagree, so export always compares the two; see docs/decisions/0006.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.models import WINDOW

OPSET: Final = 20
ML_OPSET: Final = 3
IR_VERSION: Final = 10
"""onnxruntime runs these from 1.18 on; the edge asks for at least 1.20."""

_BATCH: Final = "batch"

Axes = Sequence[int]


class GraphValue:
    """Output of a node, or a constant; arithmetic on it writes further nodes. The first axis is the batch."""

    __slots__ = ("_builder", "double", "name")

    def __init__(self, builder: GraphBuilder, name: str, double: bool = False) -> None:
        """Made by `GraphBuilder` only."""
        self._builder = builder
        self.name = name
        self.double = double

    @property
    def builder(self) -> GraphBuilder:
        """The graph that it belongs to."""
        return self._builder

    def __add__(self, other: GraphValue | ArrayLike) -> GraphValue:
        """Write an elementwise sum."""
        return self._builder.op("Add", self, _float(other))

    def __sub__(self, other: GraphValue | ArrayLike) -> GraphValue:
        """Write an elementwise difference."""
        return self._builder.op("Sub", self, _float(other))

    def __mul__(self, other: GraphValue | ArrayLike) -> GraphValue:
        """Write an elementwise product."""
        return self._builder.op("Mul", self, _float(other))

    def __truediv__(self, other: GraphValue | ArrayLike) -> GraphValue:
        """Write an elementwise quotient."""
        return self._builder.op("Div", self, _float(other))

    def __matmul__(self, other: GraphValue | ArrayLike) -> GraphValue:
        """Write a matrix product over the last two axes."""
        return self._builder.op("MatMul", self, _float(other))

    def sum(self, axes: Axes = (-1,), keep: bool = False) -> GraphValue:
        """Write a sum over `axes`."""
        return self._reduce("ReduceSum", axes, keep)

    def mean(self, axes: Axes = (-1,), keep: bool = False) -> GraphValue:
        """Write a mean over `axes`."""
        return self._reduce("ReduceMean", axes, keep)

    def max(self, axes: Axes = (-1,), keep: bool = False) -> GraphValue:
        """Write the largest over `axes`."""
        return self._reduce("ReduceMax", axes, keep)

    def min(self, axes: Axes = (-1,), keep: bool = False) -> GraphValue:
        """Write the smallest over `axes`."""
        return self._reduce("ReduceMin", axes, keep)

    def at_least(self, floor: ArrayLike) -> GraphValue:
        """Write the larger of this and `floor`."""
        return self._builder.op("Max", self, _float(floor))

    def clip(self, limit: float) -> GraphValue:
        """Write a limit to plus and minus `limit`."""
        return self._builder.op("Clip", self, -limit, limit)

    def log(self) -> GraphValue:
        """Write the natural logarithm."""
        return self._builder.op("Log", self)

    def sqrt(self) -> GraphValue:
        """Write the square root."""
        return self._builder.op("Sqrt", self)

    def abs(self) -> GraphValue:
        """Write the magnitude."""
        return self._builder.op("Abs", self)

    def as_double(self) -> GraphValue:
        """Write a cast to double precision, which all computed from it has."""
        return self if self.double else GraphValue(self._builder, self._cast(TensorProto.DOUBLE), double=True)

    def as_float(self) -> GraphValue:
        """Write a cast to single precision."""
        return GraphValue(self._builder, self._cast(TensorProto.FLOAT)) if self.double else self

    def _cast(self, kind: int) -> str:
        return self._builder.op("Cast", self, to=kind).name

    def exp(self) -> GraphValue:
        """Write the exponential."""
        return self._builder.op("Exp", self)

    def sign(self) -> GraphValue:
        """Write the sign: -1, 0 or 1."""
        return self._builder.op("Sign", self)

    def power(self, exponent: ArrayLike) -> GraphValue:
        """Write a power of a value that is not negative."""
        return self._builder.op("Pow", self, _float(exponent))

    def take(self, columns: ArrayLike | GraphValue, axis: int = -1) -> GraphValue:
        """Write a choice of entries along one axis."""
        chosen = columns if isinstance(columns, GraphValue) else np.asarray(columns, dtype=np.int64)
        return self._builder.op("Gather", self, chosen, axis=axis)

    def transpose(self, *order: int) -> GraphValue:
        """Write a permutation of all axes."""
        return self._builder.op("Transpose", self, perm=list(order))

    def reshape(self, *shape: int) -> GraphValue:
        """Write another shape: 0 keeps an axis, -1 takes what is left."""
        return self._builder.op("Reshape", self, np.array(shape, dtype=np.int64))

    def part(self, start: int, stop: int, axis: int = -1) -> GraphValue:
        """Write a slice of one axis."""
        ends = (np.array([end], dtype=np.int64) for end in (start, stop, axis))
        return self._builder.op("Slice", self, *ends)

    def _reduce(self, kind: str, axes: Axes, keep: bool) -> GraphValue:
        return self._builder.op(kind, self, np.array(axes, dtype=np.int64), keepdims=int(keep))


class GraphBuilder:
    """One graph from `window`, float32 [batch, samples, channels], to the outputs that `model` names."""

    def __init__(self, samples: int, channels: int, int8: bool = False, prefix: str = "") -> None:
        """Start a graph for windows of this shape; `int8` keeps a network's weights as 8-bit integers. Names
        begin with `prefix`, so that two graphs make one model."""
        self.int8, self._prefix = int8, prefix
        self.samples = samples
        self.channels = channels
        self.window = GraphValue(self, WINDOW)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[Any, ...], onnx.TensorProto] = {}

    def op(
        self, kind: str, *inputs: GraphValue | ArrayLike, domain: str = "", **attributes: Any
    ) -> GraphValue:
        """Write one node with one output; arrays and numbers among the inputs become constants."""
        return self.ops(kind, 1, *inputs, domain=domain, **attributes)[0]

    def ops(
        self, kind: str, outputs: int, *inputs: GraphValue | ArrayLike, domain: str = "", **attributes: Any
    ) -> tuple[GraphValue, ...]:
        """Write one node with several outputs."""
        double = any(isinstance(item, GraphValue) and item.double for item in inputs)
        names = [self._input(item, double) for item in inputs]
        results = [f"{self._prefix}v{len(self._nodes)}_{index}" for index in range(outputs)]
        node = helper.make_node(kind, names, results, domain=domain or None, **attributes)
        self._nodes.append(node)
        return tuple(GraphValue(self, name, double) for name in results)

    def constant(self, array: ArrayLike) -> GraphValue:
        """Write a constant that several nodes read."""
        return GraphValue(self, self._input(np.asarray(array)))

    def named(self, name: str, array: ArrayLike, like: GraphValue) -> GraphValue:
        """Write a constant of that name and of the precision of `like`, which no other node shares."""
        values = np.ascontiguousarray(array, np.float64 if like.double else np.float32)
        self._constants["named", name] = numpy_helper.from_array(values, name)
        return GraphValue(self, name, like.double)

    def compact(self, array: ArrayLike, like: GraphValue) -> GraphValue:
        """Write a constant kept in single precision, read in that of `like`: a file half as large."""
        kept = self.constant(np.asarray(array, dtype=np.float32))
        return kept.as_double() if like.double else kept

    def concat(self, *parts: GraphValue, axis: int = -1) -> GraphValue:
        """Write a concatenation along one axis."""
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=axis)

    def model(self, outputs: Mapping[str, GraphValue], widths: Mapping[str, int]) -> onnx.ModelProto:
        """Return the model. `widths` gives the second axis of outputs with two; the others are [batch]."""
        renamed = [helper.make_node("Identity", [value.name], [name]) for name, value in outputs.items()]
        shapes = {name: (_BATCH, widths[name]) if name in widths else (_BATCH,) for name in outputs}
        graph = helper.make_graph(
            [*self._nodes, *renamed],
            "detector",
            [_info(WINDOW, (_BATCH, self.samples, self.channels))],
            [_info(name, shape, outputs[name].double) for name, shape in shapes.items()],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", OPSET)]
        if any(node.domain == "ai.onnx.ml" for node in self._nodes):
            opsets.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))
        return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets, producer_name="")

    def _input(self, value: GraphValue | ArrayLike, double: bool = False) -> str:
        if isinstance(value, GraphValue):
            return value.name
        array = np.asarray(value)
        exact = np.float64 if double else np.float32
        array = np.ascontiguousarray(array, exact if array.dtype.kind == "f" else array.dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"{self._prefix}c{len(self._constants)}"
            self._constants[key] = numpy_helper.from_array(array.reshape(np.shape(value)), name)
        return str(self._constants[key].name)


def _float(value: GraphValue | ArrayLike) -> GraphValue | ArrayLike:
    return value if isinstance(value, GraphValue) else np.asarray(value, dtype=np.float64)


def _info(name: str, shape: Sequence[int | str], double: bool = False) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE if double else TensorProto.FLOAT, shape)
