"""All use of onnxruntime: `Graph` scores windows, `prove_model` opens an artefact and verifies it.

A file is verified before it may score: its manifest must agree with its graph, and the golden windows in it
must score here as they did at the trainer, whatever processor and onnxruntime version this is.
"""

import contextlib
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_runtime.core import ArtefactError, GoldenWindowError, Manifest, Samples, manifest_from_metadata
from edge_runtime.models.pruning import pruned, reaches_out

Scores = NDArray[np.float32]

WINDOW: Final = "window"
SCORE: Final = "score"
CONTRIBUTIONS: Final = "contributions"
"""Names of a detector's input and outputs."""
MAX_MODEL_BYTES: Final = 64 * 1024 * 1024
"""A judgement: detectors have kilobytes to a few megabytes, and onnxruntime needs several times the file."""
_BATCH: Final = 256
"""Windows of one run. A judgement: more are hardly faster, and an hour of windows shall not need an hour's
worth of activations."""
_QUOTED: Final = 200
"""Characters of onnxruntime's own message that an error quotes: its first line may be a whole graph."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """An opened .onnx file that has been verified."""

    manifest: Manifest
    graph: "Graph"


class Graph:
    """A model opened with onnxruntime: windows in, scores out.

    Scores come from a session without the contributions' share of the work, contributions from one of the
    whole model, opened when they are first asked for. Sessions may be shared between sensors, not between
    threads of this program: a single thread scores.
    """

    def __init__(self, model: bytes, where: str, threads: int = 1) -> None:
        """Open a model from its bytes; `where` names it in messages, `threads` is onnxruntime's for one run.

        Raises ArtefactError when onnxruntime refuses it or its inputs and outputs are not a detector's.
        """
        self._model, self._where, self._threads = model, where, threads
        self._whole: onnxruntime.InferenceSession | None = None
        try:
            incomplete = reaches_out(model)
        except ValueError:  # no model, which onnxruntime words better; one that it accepts is not trusted
            _open(model, where, threads)
            incomplete = True
        if incomplete:
            raise ArtefactError(
                "keeps data in other files, or is not written as an ONNX file should be",
                where=where,
                remedy="Export it with `trainer fit`, which writes one whole file",
            )
        session = _open(model, where, threads)
        self.window_shape = _window_shape(session, where)
        self.metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        """The file's metadata, which carries the manifest."""
        self.explains = CONTRIBUTIONS in [output.name for output in session.get_outputs()]
        """Whether it has contributions."""
        self._session = session
        if self.explains:
            try:
                self._session = _open(pruned(model, SCORE), where, threads)
            except (ValueError, ArtefactError):  # a file that cannot be cut scores as it is
                self._whole = session
        self._run = self._session.run
        self._binding: onnxruntime.IOBinding | None = None

    def score(self, windows: Samples) -> Scores:
        """Score windows [batch, samples, channels] in physical units: [batch], higher is more anomalous."""
        parts = [self._run((SCORE,), {WINDOW: part}, _released())[0] for part in _batches(windows)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def score_one(self, window: Samples) -> float:
        """Score one window [samples, channels]: the hot path, which makes no array."""
        if self._binding is None:  # binds input and output to two arrays that no run makes or copies again
            self._window = np.zeros((1, *self.window_shape), np.float32)
            self._score = np.zeros(1, np.float32)
            binding = self._session.io_binding()
            for bind, name, array in (
                (binding.bind_input, WINDOW, self._window),
                (binding.bind_output, SCORE, self._score),
            ):
                bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
            self._binding = binding
        self._window[0] = window
        self._session.run_with_iobinding(self._binding)
        return float(self._score[0])

    def contributions(self, windows: Samples) -> Scores:
        """Each feature's share in each score, [batch, features]; [batch, 0] where the graph has none.

        `windows` as for `score`.
        """
        if not self.explains or not len(windows):
            return np.empty((len(windows), 0), dtype=np.float32)
        if self._whole is None:
            self._whole = _open(self._model, self._where, self._threads)
        run = self._whole.run
        return np.concatenate([run((CONTRIBUTIONS,), {WINDOW: part})[0] for part in _batches(windows)])


def open_trusted(path: Path, threads: int = 1) -> Artefact:
    """Open an artefact and verify it.

    Raises ArtefactError for a missing, foreign or damaged file and for a manifest that disagrees with the
    graph; GoldenWindowError, which is one, for golden windows that score differently here.
    """
    return prove_model(read_model(path), str(path), threads)


def prove_model(model: bytes, where: str, threads: int = 1) -> Artefact:
    """Open an artefact from its bytes, as `open_trusted` does; `where` names it in messages."""
    graph = Graph(model, where, threads)
    manifest = manifest_from_metadata(graph.metadata, where=where)
    declared = (manifest.samples, len(manifest.channels))
    if declared != graph.window_shape:
        raise ArtefactError(
            f"the manifest says windows of {declared[0]} samples x {declared[1]} channels, "
            f"the graph takes {graph.window_shape[0]} x {graph.window_shape[1]}",
            where=where,
            remedy="The file was altered after export; export it again",
        )
    _check_golden(manifest, graph, where=where)
    return Artefact(manifest, graph)


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


def _open(model: bytes, where: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its messages reach the user through ArtefactError, once
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no other base
        raise ArtefactError(
            f"onnxruntime refuses it ({str(error).splitlines()[0][:_QUOTED]})",
            where=where,
            remedy="The file is not an ONNX model, is damaged, or needs a newer onnxruntime",
        ) from error


def _window_shape(session: onnxruntime.InferenceSession, where: str) -> tuple[int, int]:
    """Samples and channels that a graph takes. Raises ArtefactError where it is not a detector's."""
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    wrong = (
        f"takes {[(node.name, node.type, node.shape) for node in inputs]}, "
        f"not one float tensor {WINDOW!r} of shape [batch, samples, channels]"
    )
    with contextlib.suppress(ValueError, TypeError):
        if [node.name for node in inputs] == [WINDOW] and inputs[0].type == "tensor(float)":
            _, samples, channels = inputs[0].shape
            shape = int(samples), int(channels)
            if SCORE in outputs:
                return shape
            wrong = f"has outputs {outputs}, none is {SCORE!r}"
    raise ArtefactError(f"the graph {wrong}", where=where, remedy="Export it with `trainer fit`")


def _released() -> onnxruntime.RunOptions:
    """Options of a run that gives back the memory of its activations: of a batch they are tens of megabytes,
    and a fit has a dozen graphs open."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _batches(windows: Samples) -> Sequence[Samples]:
    if windows.dtype != np.float32:
        windows = windows.astype(np.float32)
    return [windows[start : start + _BATCH] for start in range(0, len(windows), _BATCH)]


def _check_golden(manifest: Manifest, graph: Graph, where: str) -> None:
    # Relative to the score; for one near zero, the sum of large terms, to the median of all.
    usual = float(np.median([abs(golden.score) for golden in manifest.golden]))
    for index, golden in enumerate(manifest.golden):
        try:
            score = graph.score_one(golden.samples)
        except Exception as error:  # onnxruntime's exceptions share no other base
            raise ArtefactError(
                f"onnxruntime cannot run it ({str(error).splitlines()[0][:_QUOTED]})",
                where=where,
                remedy="Export it with `trainer fit`, which tries what it writes",
            ) from error
        allowed = manifest.golden_tolerance * max(abs(golden.score), usual)
        if not abs(score - golden.score) <= allowed:  # a score of NaN is refused, too
            raise GoldenWindowError(
                f"golden window {index} scores {score:.7g} here and {golden.score:.7g} at the trainer",
                where=where,
                remedy="The file is damaged or this onnxruntime computes wrongly; keep the previous model",
            )
