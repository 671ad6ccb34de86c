"""All use of onnxruntime: `Graph` scores windows, `prove_model` opens an artefact and verifies it.

A file is verified before it may score: its manifest must agree with its graph, and the golden windows in it
must score here as they did at the trainer, whatever processor and onnxruntime version this is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_runtime.core import ArtefactError, GoldenWindowError, Manifest, Samples, manifest_from_metadata
from edge_runtime.models.interface import CONTRIBUTIONS, SCORE, STATE, WINDOW, states_told, window_shape
from edge_runtime.models.model_file import read_model
from edge_runtime.models.pruning import pruned, reaches_out

Scores = NDArray[np.float32]

UNKNOWN_STATE: Final = -1
"""Input `state` where nobody says which one it is."""
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
        self.window_shape = window_shape(session, where)
        self.states = states_told(session, where)
        """How many operating states it tells apart; 0 where it has no such output."""
        self._asks_state = STATE in [given.name for given in session.get_inputs()]
        self.metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        """The file's metadata, which carries the manifest."""
        self.explains = CONTRIBUTIONS in [output.name for output in session.get_outputs()]
        """Whether it has contributions."""
        self._session = session
        if self.explains:
            try:
                self._session = _open(pruned(model, SCORE, STATE), where, threads)
            except (ValueError, ArtefactError):  # a file that cannot be cut scores as it is
                self._whole = session
        self._run = self._session.run
        self._binding: onnxruntime.IOBinding | None = None

    def score(self, windows: Samples) -> Scores:
        """Score windows [batch, samples, channels] in physical units: [batch], higher is more anomalous."""
        parts = [self._run((SCORE,), self._feed(part))[0] for part in _batches(windows)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def score_one(self, window: Samples, state: int = UNKNOWN_STATE) -> float:
        """Score one window [samples, channels]: the hot path, which makes no array.

        `state` is the column of the state that the site says it is. `state_row` is then this window's.
        """
        if self._binding is None:  # binds input and output to arrays that no run makes or copies again
            self._bind()
        self._window[0], self._said[0] = window, state
        self._session.run_with_iobinding(self._binding)
        return float(self._score[0])

    @property
    def state_row(self) -> Scores:
        """The output `state` for the window that was scored last: a column a state, and one for none of them;
        the largest says which. Empty where the graph has none. A view, valid until the next score."""
        return self._row[0] if self.states and self._binding is not None else np.empty(0, np.float32)

    def state_rows(self, windows: Samples) -> Scores:
        """The output `state` of windows as for `score`: [batch, states + 1]; [batch, 0] without one."""
        if not self.states or not len(windows):
            return np.empty((len(windows), 0), dtype=np.float32)
        return np.concatenate([self._run((STATE,), self._feed(part))[0] for part in _batches(windows)])

    def _bind(self) -> None:
        self._window = np.zeros((1, *self.window_shape), np.float32)
        self._said = np.full(1, UNKNOWN_STATE, np.int64)
        self._score = np.zeros(1, np.float32)
        self._row = np.zeros((1, self.states + 1), np.float32)
        binding = self._session.io_binding()
        bound: list[tuple[Any, str, NDArray[Any]]] = [
            (binding.bind_input, WINDOW, self._window),
            (binding.bind_output, SCORE, self._score),
        ]
        bound += [(binding.bind_input, STATE, self._said)] if self._asks_state else []
        bound += [(binding.bind_output, STATE, self._row)] if self.states else []
        for bind, name, array in bound:
            bind(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        self._binding = binding

    def _feed(self, windows: Samples) -> dict[str, NDArray[Any]]:
        unknown = {STATE: np.full(len(windows), UNKNOWN_STATE, np.int64)} if self._asks_state else {}
        return {WINDOW: windows, **unknown}

    def contributions(self, windows: Samples) -> Scores:
        """Each feature's share in each score, [batch, features]; [batch, 0] where the graph has none.

        `windows` as for `score`.
        """
        if not self.explains or not len(windows):
            return np.empty((len(windows), 0), dtype=np.float32)
        if self._whole is None:
            self._whole = _open(self._model, self._where, self._threads)
        run = self._whole.run
        return np.concatenate([run((CONTRIBUTIONS,), self._feed(part))[0] for part in _batches(windows)])


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
    named = len(manifest.states["names"]) if manifest.states is not None else 0
    if named != graph.states:
        raise ArtefactError(
            f"the manifest names {named} operating states, the graph tells {graph.states} apart",
            where=where,
            remedy="The file was altered after export; export it again",
        )
    _check_golden(manifest, graph, where=where)
    return Artefact(manifest, graph)


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
