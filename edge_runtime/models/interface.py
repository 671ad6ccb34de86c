"""What the graph of a detector takes and gives, and what of it a file has."""

import contextlib
from typing import Final

import onnxruntime

from edge_runtime.core import ArtefactError

WINDOW: Final = "window"
SCORE: Final = "score"
CONTRIBUTIONS: Final = "contributions"
STATE: Final = "state"
"""Names of a detector's inputs and outputs: `state` is both, and a file may have either or none."""


def window_shape(session: onnxruntime.InferenceSession, where: str) -> tuple[int, int]:
    """Samples and channels that a graph takes. Raises ArtefactError where it is not a detector's."""
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    wrong = (
        f"takes {[(node.name, node.type, node.shape) for node in inputs]}, "
        f"not one float tensor {WINDOW!r} of shape [batch, samples, channels]"
    )
    kinds = {node.name: node.type for node in inputs}
    asked = kinds.pop(STATE, "tensor(int64)") == "tensor(int64)"
    with contextlib.suppress(ValueError, TypeError):
        if asked and kinds == {WINDOW: "tensor(float)"}:
            _, samples, channels = next(node for node in inputs if node.name == WINDOW).shape
            shape = int(samples), int(channels)
            if SCORE in outputs:
                return shape
            wrong = f"has outputs {outputs}, none is {SCORE!r}"
    raise ArtefactError(f"the graph {wrong}", where=where, remedy="Export it with `trainer fit`")


def states_told(session: onnxruntime.InferenceSession, where: str) -> int:
    """How many states the output `state` tells apart, 0 without one. Raises ArtefactError for another kind of
    output."""
    outputs = {output.name: output for output in session.get_outputs()}
    if (told := outputs.get(STATE)) is None:
        return 0
    columns = told.shape[-1] if told.shape else None
    if told.type == "tensor(float)" and len(told.shape) == 2 and isinstance(columns, int) and columns > 1:
        return columns - 1
    raise ArtefactError(
        f"the graph's output {STATE!r} is {told.type} {told.shape}, not float [batch, states + 1]",
        where=where,
        remedy="Export it with `trainer fit --states`",
    )
