"""A graph's named constants, read from the file's bytes: `read_initializer`.

Field numbers are those of onnx.proto (github.com/onnx/onnx, onnx/onnx.proto), which never change.
"""

import contextlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.models.wire import fields, varint

_GRAPH: Final = 7  # of a model
_INITIALIZER: Final = 5  # of a graph
_TYPE, _NAME, _RAW = 2, 8, 9  # of a tensor
_SINGLE, _DOUBLE = 1, 11
"""Element types of onnx.proto."""
Floats = NDArray[np.float32] | NDArray[np.float64]


def read_initializer(model: bytes, name: str) -> Floats | None:
    """The constant of that name, float32 or float64 [values]; None where the graph has none such.

    Raises ValueError for bytes that are no model.
    """
    wanted = name.encode()
    for number, graph, _ in fields(memoryview(model)):
        if number != _GRAPH:
            continue
        for part, tensor, _ in fields(graph):
            if part == _INITIALIZER:
                found = {field: content for field, content, _ in fields(tensor)}
                if bytes(found.get(_NAME, b"")) == wanted:
                    return _values(found)
    return None


def _values(tensor: dict[int, memoryview]) -> Floats | None:
    raw, kind = tensor.get(_RAW), varint(tensor.get(_TYPE, memoryview(b"\0")), 0)[0]
    with contextlib.suppress(ValueError):  # a size that is no multiple of the type's
        if raw is not None and kind == _SINGLE:
            return np.frombuffer(raw, np.dtype("<f4"))
        if raw is not None and kind == _DOUBLE:
            return np.frombuffer(raw, np.dtype("<f8"))
    return None
