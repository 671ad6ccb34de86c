"""Check an ONNX graph that another tool made, and rename its input and output as the edge expects.

The edge runs one graph from `window` [batch, samples, channels] to `score` [batch] in float32, of standard
operators only. What needs more than a gateway's onnxruntime, reads other files or may never end is refused.
"""

from dataclasses import dataclass
from typing import Final

import onnx
from onnx import AttributeProto, TensorProto, ValueInfoProto

from edge_runtime.core import ArtefactError
from edge_runtime.models import SCORE, WINDOW

_STANDARD: Final = ("", "ai.onnx")
_CONTROL: Final = ("Loop", "Scan", "If")


@dataclass(frozen=True, slots=True)
class ForeignGraph:
    """A checked graph with the input `window`, the output `score` and no metadata."""

    model: onnx.ModelProto
    samples: int
    channels: int
    opset: int


def read_foreign(data: bytes, where: str) -> ForeignGraph:
    """Check the bytes of an ONNX file and return its graph under the edge's names.

    Raises ArtefactError with the remedy for everything the edge does not run.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's, which has no public base of its own
        raise _refusal(
            "is not an ONNX file", where, "Give a file that ends in .onnx and opens in Netron"
        ) from error
    if not model.graph.node:
        raise _refusal("is not an ONNX file, or its graph is empty", where, "Give the exported model itself")
    _check_operators(model, where)
    attributes = [item for node in model.graph.node for item in node.attribute]
    constants = [tensor for item in attributes for tensor in (item.t, *item.tensors)]
    if any(item.data_location == TensorProto.EXTERNAL for item in (*model.graph.initializer, *constants)):
        raise _refusal(
            "keeps its weights in another file",
            where,
            "Save it whole with onnx.save(model, path, save_as_external_data=False)",
        )
    if model.graph.sparse_initializer:
        raise _refusal("holds sparse weights", where, "Export them as dense tensors")
    window, score = _input(model.graph, where), _output(model.graph, where)
    samples, channels = _window_shape(window, where)
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # the checker's exceptions share no other base
        first = str(error).strip().splitlines()[0][:200]
        raise _refusal(f"is not valid ONNX ({first})", where, "Export it again") from error
    opset = next((item.version for item in model.opset_import if item.domain in _STANDARD), 0)
    return ForeignGraph(_rename(model, window, score), samples, channels, opset)


def _check_operators(model: onnx.ModelProto, where: str) -> None:
    if model.functions:
        raise _refusal(
            f"defines the function {model.functions[0].name!r}",
            where,
            "Inline functions with onnx.inliner.inline_local_functions, then save it again",
        )
    for node in model.graph.node:
        if node.domain not in _STANDARD:
            raise _refusal(
                f"uses {node.op_type} of {node.domain}, which is no standard ONNX operator",
                where,
                "Export it with operators of the domain ai.onnx only",
            )
        graphs = any(item.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for item in node.attribute)
        if node.op_type in _CONTROL or graphs:
            raise _refusal(
                f"uses {node.op_type}, which runs a graph within the graph",
                where,
                "Export it without loops and branches: windows have one length, so loops can be unrolled",
            )


def _input(graph: onnx.GraphProto, where: str) -> ValueInfoProto:
    weights = {tensor.name for tensor in graph.initializer}  # ONNX before 2019 lists weights as inputs, too
    inputs: list[ValueInfoProto] = [item for item in graph.input if item.name not in weights]
    if len(inputs) != 1:
        raise _refusal(
            f"takes {len(inputs)} inputs ({', '.join(item.name for item in inputs) or 'none'})",
            where,
            "Export one that takes the window alone; put whatever else it needs into the graph",
        )
    _check_type("takes", inputs[0], where)
    return inputs[0]


def _output(graph: onnx.GraphProto, where: str) -> ValueInfoProto:
    if len(graph.output) != 1:
        raise _refusal(
            f"gives {len(graph.output)} outputs ({', '.join(item.name for item in graph.output)})",
            where,
            "Export the score alone",
        )
    output: ValueInfoProto = graph.output[0]
    _check_type("gives", output, where)
    shape = output.type.tensor_type
    if shape.HasField("shape") and len(shape.shape.dim) != 1:
        raise _refusal(
            f"gives {output.name!r} of shape {_shape_text(output)}, not one score a window",
            where,
            "Reduce or squeeze it to [batch] before you export",
        )
    return output


def _check_type(verb: str, value: ValueInfoProto, where: str) -> None:
    kind = value.type.tensor_type.elem_type
    if kind != TensorProto.FLOAT:
        names = {number: name.lower() for name, number in TensorProto.DataType.items()}
        raise _refusal(
            f"{verb} {value.name!r} as {names.get(kind, kind)}, not as float32",
            where,
            "Cast it to float32 inside the graph",
        )


def _window_shape(window: ValueInfoProto, where: str) -> tuple[int, int]:
    dims = window.type.tensor_type.shape.dim
    shape = _shape_text(window)
    if len(dims) != 3:
        raise _refusal(
            f"takes {window.name!r} of shape {shape}, not [batch, samples, channels]",
            where,
            "Put a Reshape or Transpose in front of it, so that it takes windows of that shape",
        )
    if dims[0].dim_value:
        raise _refusal(
            f"takes {window.name!r} of shape {shape}: always {dims[0].dim_value} windows at a time",
            where,
            "Export it with a dynamic first axis, the batch",
        )
    if not (dims[1].dim_value > 0 and dims[2].dim_value > 0):
        raise _refusal(
            f"takes {window.name!r} of shape {shape}: its window has no fixed length or channels",
            where,
            "Export it with fixed samples and channels, and only the batch dynamic",
        )
    return dims[1].dim_value, dims[2].dim_value


def _shape_text(value: ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    return "[" + ", ".join(str(dim.dim_value or dim.dim_param or "?") for dim in dims) + "]"


def _rename(model: onnx.ModelProto, window: ValueInfoProto, score: ValueInfoProto) -> onnx.ModelProto:
    """Return a model with input and output renamed; other values with those names are renamed, too."""
    graph = model.graph
    names = {window.name: WINDOW, score.name: SCORE}
    used = {name for node in graph.node for name in (*node.input, *node.output)}
    for ours in (WINDOW, SCORE):
        if ours in used and ours not in names:
            names[ours] = next(name for at in range(len(used) + 1) if (name := f"{ours}_{at}") not in used)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    dims = [dim.dim_value for dim in window.type.tensor_type.shape.dim[1:]]
    made = onnx.helper.make_graph(
        list(graph.node),
        "adopted",
        [onnx.helper.make_tensor_value_info(WINDOW, TensorProto.FLOAT, ["batch", *dims])],
        [onnx.helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["batch"])],
        list(graph.initializer),
    )
    opsets = [item for item in model.opset_import if item.domain in _STANDARD]
    return onnx.helper.make_model(made, ir_version=model.ir_version, opset_imports=opsets, producer_name="")


def _refusal(what: str, where: str, remedy: str) -> ArtefactError:
    return ArtefactError(what, where=where, remedy=remedy)
