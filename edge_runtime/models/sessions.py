"""Sessions of onnxruntime: a model's bytes, read once and opened; what its input and outputs must be."""

import contextlib
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import onnxruntime

from edge_runtime.core import ArtefactError, Manifest
from edge_runtime.models.initializers import Floats
from edge_runtime.models.pruning import reaches_out

Initializers = Mapping[str, Floats]
"""Values for constants of a graph, by name."""

WINDOW: Final = "window"
SCORE: Final = "score"
CONTRIBUTIONS: Final = "contributions"
STATE: Final = "state"
"""Names of a detector's inputs and outputs: `state` is both, and a file may have either or none."""
FEATURES: Final = "features"
"""Name of the output, in files of detectors that can be adapted, with what mean and scale standardise."""
MAX_MODEL_BYTES: Final = 64 * 1024 * 1024
"""A judgement: detectors have kilobytes to a few megabytes, and onnxruntime needs several times the file."""
QUOTED: Final = 200
"""Characters of onnxruntime's own message that an error quotes: its first line may be a whole graph."""


def read_model(path: Path) -> bytes:
    """Read a model's file, once, so that what is checked is what is opened.

    Raises ArtefactError for a file that is missing, too large or no file at all.
    """
    try:
        status = path.stat()
        # A folder fails below, with the system's own message.
        if not (stat.S_ISREG(status.st_mode) or path.is_dir()):
            raise ArtefactError(
                "is no plain file",
                where=str(path),
                remedy="Give the path of an .onnx file made by `trainer fit`",
            )
        if status.st_size > MAX_MODEL_BYTES:
            raise ArtefactError(
                f"the file is larger than {MAX_MODEL_BYTES} bytes",
                where=str(path),
                remedy="Detectors are far smaller; check that this is the right file",
            )
        return path.read_bytes()
    except OSError as error:
        raise ArtefactError(
            error.strerror or "cannot be read",
            where=str(path),
            remedy="Give the path of an .onnx file made by `trainer fit`",
        ) from error


def open_session(
    model: bytes, where: str, threads: int, constants: Mapping[str, onnxruntime.OrtValue]
) -> onnxruntime.InferenceSession:
    """Open a model's bytes with these values for its constants, which must outlive the session.

    Raises ArtefactError where onnxruntime refuses it; `where` names it in messages, `threads` are for one
    run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its messages reach the user through ArtefactError, once
    for name, value in constants.items():
        options.add_initializer(name, value)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no other base
        raise ArtefactError(
            f"onnxruntime refuses it ({str(error).splitlines()[0][:QUOTED]})",
            where=where,
            remedy="The file is not an ONNX model, is damaged, or needs a newer onnxruntime",
        ) from error


def open_whole(
    model: bytes, where: str, threads: int, constants: Mapping[str, onnxruntime.OrtValue]
) -> onnxruntime.InferenceSession:
    """Open a foreign model as `open_session` does; raise ArtefactError also where it keeps data elsewhere."""
    try:
        incomplete = reaches_out(model)
    except ValueError:  # no model, which onnxruntime words better; one that it accepts is not trusted
        open_session(model, where, threads, constants)
        incomplete = True
    if incomplete:
        raise ArtefactError(
            "keeps data in other files, or is not written as an ONNX file should be",
            where=where,
            remedy="Export it with `trainer fit`, which writes one whole file",
        )
    return open_session(model, where, threads, constants)


def shape_of_window(session: onnxruntime.InferenceSession, where: str) -> tuple[int, int]:
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


def check_states(manifest: Manifest, told: int, where: str) -> None:
    """Raise ArtefactError where the manifest names another number of operating states than the graph has."""
    named = len(manifest.states["names"]) if manifest.states is not None else 0
    if named != told:
        raise ArtefactError(
            f"the manifest names {named} operating states, the graph tells {told} apart",
            where=where,
            remedy="The file was altered after export; export it again",
        )
