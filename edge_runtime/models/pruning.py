"""A model reduced to what some of its outputs need, and its metadata apart; whether it is complete.

onnxruntime computes every node of a file, whatever outputs it is asked for; the contributions take a fifth of
some detectors' time and are wanted for few windows. The edge does not install `onnx`, and needs little of it:
the wire format of protobuf (`wire`) and a few field numbers of onnx.proto, which never change.
"""

from collections.abc import Callable
from typing import Final

from edge_runtime.models.wire import BYTES, fields

# Field numbers of onnx.proto.
_GRAPH: Final = 7  # of a model
_METADATA: Final = 14  # of a model
_KEY, _VALUE = 1, 2  # of an entry of the metadata
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12  # of a graph
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE = 1, 2, 5  # of a node
_SUBGRAPHS: Final = (6, 11)  # of an attribute
_TENSOR_NAME: Final = 8  # of a tensor
_OUTPUT_NAME: Final = 1  # of an output
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor
_PARTS: Final = {
    "model": {_GRAPH: "graph", 25: "function"},
    "graph": {_NODE: "node", _INITIALIZER: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {_NODE_ATTRIBUTE: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""What of each kind of message may hold, or lead to, a tensor: field number to kind."""
_DEEPEST: Final = 64
"""Deepest nesting of messages that is followed. A judgement: no exporter nests so deep, and Python's stack
allows more."""


def pruned(model: bytes, *outputs: str) -> bytes:
    """Return the model without whatever the `outputs` do not need, and without its metadata.

    Raises ValueError for bytes that are no model, and for a graph within the graph: what that needs is not
    among its node's inputs.
    """
    parts = []
    for number, content, whole in fields(model):
        if number == _GRAPH:
            graph = _cut(content, [output.encode() for output in outputs])
            parts += [_varint(_GRAPH << 3 | BYTES), _varint(len(graph)), graph]
        elif number != _METADATA:
            parts.append(whole)
    return b"".join(parts)


def metadata_of(model: bytes) -> dict[str, str]:
    """The metadata of a model. Raises ValueError for bytes that are no model."""
    found = {}
    for number, entry, _ in fields(model):
        if number == _METADATA:
            parts = {part: content.decode("utf-8", "replace") for part, content, _ in fields(entry)}
            found[parts.get(_KEY, "")] = parts.get(_VALUE, "")
    return found


def without_metadata(model: bytes) -> bytes:
    """Return the model without its metadata. Raises ValueError for bytes that are no model."""
    return b"".join(whole for number, _, whole in fields(model) if number != _METADATA)


def reaches_out(model: bytes) -> bool:
    """Whether any tensor's data lies in another file, which onnxruntime would look for in the current folder.

    Raises ValueError for bytes that are no model.
    """
    return _reaches_out(memoryview(model), "model", 0)  # a view: however deep it goes, nothing is copied


def _reaches_out(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("graphs within graphs within graphs")
    for number, content, _ in fields(message):
        elsewhere = number == _EXTERNAL_DATA or (number == _DATA_LOCATION and any(content))
        if kind == "tensor" and elsewhere:
            return True
        part = _PARTS[kind].get(number)
        if part is not None and _reaches_out(content, part, depth + 1):
            return True
    return False


def _cut(graph: bytes, outputs: list[bytes]) -> bytes:
    """The graph's bytes with only those nodes, initializers and outputs that `outputs` need."""
    parts = list(fields(graph))
    nodes, needed = set(), set(outputs)
    for number, node, _ in reversed(parts):  # nodes stand in the order of their computation
        if number != _NODE:
            continue
        if needed.intersection(_texts(node, _NODE_OUTPUT)):
            for attribute in _texts(node, _NODE_ATTRIBUTE):
                if any(number in _SUBGRAPHS for number, _, _ in fields(attribute)):
                    raise ValueError("a node holds a graph of its own")
            nodes.add(node)
            needed.update(_texts(node, _NODE_INPUT))
            needed.discard(b"")  # stands for an input that is left out
    wanted: dict[int, Callable[[bytes], bool]] = {
        _NODE: nodes.__contains__,
        _INITIALIZER: lambda tensor: not needed.isdisjoint(_texts(tensor, _TENSOR_NAME)),
        _OUTPUT: lambda value: not set(outputs).isdisjoint(_texts(value, _OUTPUT_NAME)),
    }
    return b"".join(
        whole for number, content, whole in parts if number not in wanted or wanted[number](content)
    )


def _texts(message: bytes, wanted: int) -> list[bytes]:
    return [content for number, content, _ in fields(message) if number == wanted]


def _varint(value: int) -> bytes:
    """A number as `wire.varint` reads it: seven bits a byte, lowest first, the eighth where more follow."""
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*coded, value))
