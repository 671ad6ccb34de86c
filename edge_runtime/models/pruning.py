"""A model cut down to what one of its outputs needs: `pruned`; and whether it is whole: `reaches_out`.

onnxruntime computes every node of a file, whatever outputs it is asked for; the contributions take a fifth of
some detectors' time and are wanted for few windows. The edge has no `onnx` to take a graph apart, and needs
little of it: the wire format of protobuf (protobuf.dev/programming-guides/encoding) and a few field numbers
of onnx.proto, which never change.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

_GRAPH: Final = 7  # of a model
_METADATA: Final = 14
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12  # of a graph
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE = 1, 2, 5
_SUBGRAPHS: Final = (6, 11)  # of an attribute
_TENSOR_NAME: Final = 8
_OUTPUT_NAME: Final = 1
_FIXED: Final = {1: 8, 5: 4}
_BYTES: Final = 2
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
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor
_DEEPEST: Final = 64

Raw = TypeVar("Raw", bytes, memoryview)


def pruned(model: bytes, output: str) -> bytes:
    """Give the model without whatever `output` does not need; without its metadata, too.

    Raises ValueError for bytes that are no model, and for a graph within the graph: its needs do not show.
    """
    fields = [field for field in _fields(model) if field[0] != _METADATA]
    return b"".join(
        _written(_GRAPH, _cut(content, output.encode())) if number == _GRAPH else whole
        for number, content, whole in fields
    )


def reaches_out(model: bytes) -> bool:
    """Whether any tensor's data lies in another file, which onnxruntime would look for where we happen to be.

    Raises ValueError for bytes that are no model.
    """
    return _reaches_out(memoryview(model), "model", 0)  # a view: however deep it goes, nothing is copied


def _reaches_out(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("graphs within graphs within graphs")
    for number, content, _ in _fields(message):
        elsewhere = number == _EXTERNAL_DATA or (number == _DATA_LOCATION and any(content))
        if kind == "tensor" and elsewhere:
            return True
        part = _PARTS[kind].get(number)
        if part is not None and _reaches_out(content, part, depth + 1):
            return True
    return False


def _cut(graph: bytes, output: bytes) -> bytes:
    fields = list(_fields(graph))
    nodes, needed = _needed([content for number, content, _ in fields if number == _NODE], output)
    wanted: dict[int, Callable[[bytes], bool]] = {
        _NODE: nodes.__contains__,
        _INITIALIZER: lambda content: not needed.isdisjoint(_texts(content, _TENSOR_NAME)),
        _OUTPUT: lambda content: _texts(content, _OUTPUT_NAME) == [output],
    }
    return b"".join(
        whole for number, content, whole in fields if number not in wanted or wanted[number](content)
    )


def _needed(nodes: list[bytes], output: bytes) -> tuple[set[bytes], set[bytes]]:
    """Nodes, and names of values, that an output needs; nodes stand in the order of their work."""
    kept, names = set(), {output}
    for node in reversed(nodes):
        if names.intersection(_texts(node, _NODE_OUTPUT)):
            _check_flat(node)
            kept.add(node)
            names.update(_texts(node, _NODE_INPUT))
            names.discard(b"")  # stands for an input that is left out
    return kept, names


def _check_flat(node: bytes) -> None:
    for attribute in _texts(node, _NODE_ATTRIBUTE):
        if any(number in _SUBGRAPHS for number, _, _ in _fields(attribute)):
            raise ValueError("a node holds a graph of its own")


def _texts(message: bytes, wanted: int) -> list[bytes]:
    return [content for number, content, _ in _fields(message) if number == wanted]


def _fields(message: Raw) -> Iterator[tuple[int, Raw, Raw]]:
    """Number, content, and the whole field as it was written, of each."""
    at = 0
    while at < len(message):
        begin = at
        key, at = _number(message, at)
        kind = key & 7
        if kind == 0:
            start, end = at, _number(message, at)[1]
        elif kind == _BYTES:
            size, start = _number(message, at)
            end = start + size
        elif kind in _FIXED:
            start, end = at, at + _FIXED[kind]
        else:
            raise ValueError(f"no field of kind {kind}")
        if end > len(message):
            raise ValueError("a field runs past the end")
        yield key >> 3, message[start:end], message[begin:end]
        at = end


def _number(message: bytes | memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number runs past the end")


def _written(number: int, content: bytes) -> bytes:
    return _coded(number << 3 | _BYTES) + _coded(len(content)) + content


def _coded(value: int) -> bytes:
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*coded, value))
