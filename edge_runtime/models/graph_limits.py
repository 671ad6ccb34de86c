"""What a model file may hold before onnxruntime sees it: `check_graph`.

A file is foreign. onnxruntime runs whatever is in it: loops without end, functions that call functions (a few
kilobytes become millions of nodes), tensors read from other files. A detector needs none of them. What is
allowed is listed, so that an operator which a later onnxruntime brings is refused until somebody has looked
at it.

Field numbers are those of onnx.proto (github.com/onnx/onnx, onnx/onnx.proto), which never change.
"""

from itertools import chain
from typing import Final

from edge_runtime.core import ArtefactError
from edge_runtime.models.wire import fields

MAX_NODES: Final = 20_000
"""The largest detector of the trainer has 1,300; onnxruntime takes about a second to open this many."""
MAX_DEPTH: Final = 16
"""Messages within messages: model, graph, node, attribute, tensor are five."""

# Field numbers of onnx.proto.
_GRAPH, _OPSET = 7, 8  # of a model
_BROUGHT: Final = {20: "training", 25: "functions"}
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15  # of a graph
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_TENSORS: Final = (5, 10)  # one, and several
_ATTRIBUTE_GRAPHS: Final = (6, 11)  # one, and several
_ATTRIBUTE_SPARSE: Final = (22, 23)  # one, and several
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_DOMAIN: Final = 1  # of an imported operator set

_ML: Final = frozenset(
    {"TreeEnsembleRegressor", "TreeEnsembleClassifier", "TreeEnsemble", "Scaler", "Normalizer"}
)
"""Of the domain ai.onnx.ml: trees, and what scales their inputs."""
# Of the standard domain, as listed in onnx/docs/Operators.md for opset 22: what computes on tensors of
# numbers, the same every time. Not in it: control flow (If, Loop, Scan, SequenceMap), sequences, optionals
# and text, random numbers (Bernoulli, Dropout, Multinomial, Random...), images, training.
_STANDARD: Final = frozenset(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift
    BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu Clip Compress
    Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DFT DepthToSpace
    DequantizeLinear Det Div DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor
    GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
    GreaterOrEqual GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity
    InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log
    LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool Mean MeanVarianceNormalization
    MelWeightMatrix Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu Pad Pow QLinearConv QLinearMatMul
    QuantizeLinear RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round STFT ScatterElements
    ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth
    Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Where
    Xor
    """.split()  # noqa: SIM905  one name a line would be two pages
)
OPERATORS: Final = {"": _STANDARD, "ai.onnx": _STANDARD, "ai.onnx.ml": _ML}
"""What a graph may compute with, by domain."""
_SIZING: Final = {
    "BlackmanWindow": (0,),
    "ConstantOfShape": (0,),
    "DFT": (1,),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "MelWeightMatrix": (0, 1, 2, 3, 4),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "STFT": (1, 3),
    "Tile": (1,),
}
"""Inputs that say how large a result becomes. They may depend on the shape of the window, never on its
values: then every window takes the memory and the work that the proving windows took."""
_OF_SHAPE: Final = ("Shape", "Size")
WINDOW: Final = "window"
_NOTHING: Final = memoryview(b"")


def check_graph(model: bytes, where: str) -> None:
    """Refuse a model that holds more than a graph of allowed operators; `where` names it in messages.

    Raises ArtefactError, which says what it found. Reads the file's structure only: no tensor is made.
    """
    try:
        wrong = _wrong(memoryview(model))
    except ValueError:
        return  # no protobuf message: onnxruntime says better what it is instead, in the child process
    if wrong:
        raise ArtefactError(
            wrong,
            where=where,
            remedy="A detector is one graph of standard operators without loops, as `trainer fit` writes it",
        )


def _wrong(model: memoryview) -> str:
    for number, content, _ in fields(model):
        if number in _BROUGHT:
            return f"the model brings {_BROUGHT[number]} of its own"
        if number == _OPSET:
            domain = next((_text(part) for field, part, _ in fields(content) if field == _DOMAIN), "")
            if domain not in OPERATORS:
                return f"the model needs operators of the domain {domain[:80]!r}"
        if number == _GRAPH and (wrong := _wrong_graph(content)):
            return wrong
    return ""


def _wrong_graph(graph: memoryview) -> str:
    nodes, of_values = 0, {WINDOW}
    for number, content, _ in fields(graph):
        if number == _SPARSE:
            return "the graph holds a sparse tensor"
        if number == _INITIALIZER and (wrong := _wrong_tensor(content)):
            return wrong
        if number != _NODE:
            continue
        nodes += 1
        if nodes > MAX_NODES:
            return f"the graph has more than {MAX_NODES} nodes"
        if wrong := _wrong_node(content, of_values):
            return wrong
    return ""


def _wrong_node(node: memoryview, of_values: set[str]) -> str:
    """Say what is wrong with one node; add to `of_values` its outputs that the window's values reach."""
    parts: dict[int, list[memoryview]] = {}
    for number, content, _ in fields(node):
        parts.setdefault(number, []).append(content)
    operator, domain = (_text(parts.get(number, [_NOTHING])[-1]) for number in (_NODE_TYPE, _NODE_DOMAIN))
    for number, content, _ in chain.from_iterable(map(fields, parts.get(_NODE_ATTRIBUTE, ()))):
        if number in _ATTRIBUTE_GRAPHS:
            return f"the graph holds a graph within a node ({operator[:80]})"
        if number in _ATTRIBUTE_SPARSE:
            return f"the graph holds a sparse tensor ({operator[:80]})"
        if number in _ATTRIBUTE_TENSORS and (wrong := _wrong_tensor(content)):
            return f"{wrong} ({operator[:80]})"
    if operator not in OPERATORS.get(domain, ()):
        named = f"{domain[:80]}.{operator[:80]}" if domain else operator[:80]
        return f"the graph computes with {named!r}, which no detector may use"
    inputs = [_text(content) for content in parts.get(_NODE_INPUT, ())]
    if not of_values.isdisjoint(inputs[at] for at in _SIZING.get(operator, ()) if at < len(inputs)):
        return f"the size of what {operator} makes depends on the window's values"
    if operator not in _OF_SHAPE and not of_values.isdisjoint(inputs):
        of_values.update(_text(content) for content in parts.get(_NODE_OUTPUT, ()))
    return ""


def _wrong_tensor(tensor: memoryview) -> str:
    for number, content, _ in fields(tensor):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and any(content)):
            return "keeps data in other files"
    return ""


def _text(content: memoryview) -> str:
    return bytes(content).decode("utf-8", "replace")
