"""All use of onnxruntime: `Graph` scores windows, `prove_model` opens an artefact and verifies it.

A file is verified before it may score: its manifest must agree with its graph, and the golden windows in it
must score here as they did at the trainer, whatever processor and onnxruntime version this is.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_runtime.core import (
    ArtefactError,
    GoldenWindowError,
    Manifest,
    Samples,
    first_line,
    manifest_from_metadata,
)
from edge_runtime.models.initializers import Floats, read_initializer
from edge_runtime.models.pruning import metadata_of, pruned, without_metadata
from edge_runtime.models.sessions import (
    CONTRIBUTIONS,
    QUOTED,
    SCORE,
    STATE,
    WINDOW,
    Initializers,
    check_states,
    open_session,
    open_whole,
    read_model,
    shape_of_window,
    states_told,
)

Scores = NDArray[np.float32]
UNKNOWN_STATE: Final = -1
"""Input `state` where nobody says which one it is."""
_BATCH: Final = 256
"""Windows of one run. A judgement: more are hardly faster, and an hour of windows shall not need an hour's
worth of activations."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """An opened .onnx file that has been verified."""

    manifest: Manifest
    graph: "Graph"

    def time_window(self) -> float:
        """Score one of its golden windows; how long that took just now, seconds."""
        begun_s = time.perf_counter()
        self.graph.score_one(self.manifest.golden[0].samples)
        return time.perf_counter() - begun_s


class Graph:
    """A model opened with onnxruntime: windows in, scores out.

    Scores come from a session without the contributions' share of the work, contributions from one of the
    whole model, opened when they are first asked for. Sessions may be shared between sensors, not between
    threads of this program: a single thread scores.
    """

    def __init__(
        self, model: bytes, where: str, threads: int = 1, initializers: Initializers | None = None
    ) -> None:
        """Open a model from its bytes; `where` names it in messages, `threads` is onnxruntime's for one run.

        `initializers` are used in place of the file's constants of their names, which they have the shape and
        type of. Raises ArtefactError when onnxruntime refuses it or its inputs and outputs are not a
        detector's.
        """
        self.where, self._threads = where, threads
        self._given, new = initializers or {}, onnxruntime.OrtValue.ortvalue_from_numpy
        # Sessions read these where they are, so they live as long as the graph.
        self._constants = {name: new(values) for name, values in self._given.items()}
        self._whole: onnxruntime.InferenceSession | None = None
        session = open_whole(model, where, threads, self._constants)
        self.window_shape = shape_of_window(session, where)
        self.states = states_told(session, where)
        """How many operating states it tells apart; 0 where it has no such output."""
        self._asks_state = STATE in [given.name for given in session.get_inputs()]
        # Without the manifest, which is half of many a file, and which the caller has read.
        self._model = without_metadata(model)
        self.digest = hashlib.sha256(model).hexdigest()
        """SHA-256 of the file, hexadecimal."""
        self.explains = CONTRIBUTIONS in [output.name for output in session.get_outputs()]
        """Whether it has contributions."""
        self._session = session
        if self.explains:
            try:
                self._session = self._open(pruned(model, SCORE, STATE))
            except (ValueError, ArtefactError):  # a file that cannot be cut scores as it is
                self._whole = session
        self._run = self._session.run
        self._binding: onnxruntime.IOBinding | None = None

    def score(self, windows: Samples) -> Scores:
        """Score windows [batch, samples, channels] in physical units: [batch], higher is more anomalous."""
        options = onnxruntime.RunOptions()
        # Each run gives back the memory of its activations: of a batch they are tens of megabytes, and a fit
        # has a dozen graphs open.
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        parts = [self._run((SCORE,), self._feed(part), options)[0] for part in _batches(windows)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def score_one(self, window: Samples, state: int = UNKNOWN_STATE) -> float:
        """Score one window [samples, channels]: the hot path, which makes no array.

        `state` is the column of what the site says; `state_row` is then this window's.
        """
        if self._binding is None:  # binds input and output to arrays that no run makes or copies again
            self._bind()
        self._window[0], self._said[0] = window, state
        self._session.run_with_iobinding(self._binding)
        return float(self._score[0])

    @property
    def state_row(self) -> Scores:
        """The output `state` of the window scored last, [states + 1]; empty without one. A view of it."""
        return self._row[0] if self.states and self._binding is not None else np.empty(0, np.float32)

    def _bind(self) -> None:
        self._window = np.zeros((1, *self.window_shape), np.float32)
        self._said = np.full(1, UNKNOWN_STATE, np.int64)
        self._score = np.zeros(1, np.float32)
        self._row = np.zeros((1, self.states + 1), np.float32)
        binding = self._session.io_binding()
        bound: list[tuple[Any, str, NDArray[Any]]] = [(binding.bind_input, WINDOW, self._window)]
        bound += [(binding.bind_output, SCORE, self._score)]
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
            self._whole = self._open(self._model)
        run = self._whole.run
        return np.concatenate([run((CONTRIBUTIONS,), self._feed(part))[0] for part in _batches(windows)])

    def output(self, name: str, windows: Samples) -> Floats:
        """One output of the graph for one or more windows, as for `score`: [batch, ...].

        Opens the file for this alone. Raises ArtefactError where there is no such output.
        """
        try:
            session = self._open(pruned(self._model, name))
            parts = [session.run((name,), self._feed(part))[0] for part in _batches(windows)]
        except Exception as error:  # onnxruntime's exceptions share no other base
            raise ArtefactError(
                f"its output {name!r} cannot be had ({first_line(error)})",
                where=self.where,
                remedy="Export it with `trainer fit`",
            ) from error
        return np.concatenate(parts)

    def initializer(self, name: str) -> Floats | None:
        """The file's constant of that name, [values]; None where there is none of floating point."""
        return read_initializer(self._model, name)

    def with_initializers(self, initializers: Initializers) -> "Graph":
        """The same file with other values for constants, which they have the shape and type of."""
        changed = Graph(self._model, self.where, self._threads, initializers)
        changed.digest = self.digest
        return changed

    def _open(self, model: bytes) -> onnxruntime.InferenceSession:
        return open_session(model, self.where, self._threads, self._constants)


def open_trusted(path: Path, threads: int = 1) -> Artefact:
    """Open an artefact and verify it.

    Raises ArtefactError for a missing, foreign or damaged file and for a manifest that disagrees with the
    graph; GoldenWindowError, which is one, for golden windows that score differently here.
    """
    return prove_model(read_model(path), str(path), threads)


def prove_model(model: bytes, where: str, threads: int = 1) -> Artefact:
    """Open an artefact from its bytes, as `open_trusted` does; `where` names it in messages."""
    graph = Graph(model, where, threads)
    manifest = manifest_from_metadata(metadata_of(model), where=where)
    declared = (manifest.samples, len(manifest.channels))
    if declared != graph.window_shape:
        raise ArtefactError(
            f"the manifest says windows of {declared[0]} samples x {declared[1]} channels, "
            f"the graph takes {graph.window_shape[0]} x {graph.window_shape[1]}",
            where=where,
            remedy="The file was altered after export; export it again",
        )
    check_states(manifest, graph.states, where)
    check_golden(manifest, graph, where=where)
    return Artefact(manifest, graph)


def _batches(windows: Samples) -> Sequence[Samples]:
    if windows.dtype != np.float32:
        windows = windows.astype(np.float32)
    return [windows[start : start + _BATCH] for start in range(0, len(windows), _BATCH)]


def check_golden(manifest: Manifest, graph: Graph, where: str) -> None:
    """Raise GoldenWindowError where a golden window scores otherwise than the manifest says."""
    # Relative to the score; for one near zero, the sum of large terms, to the median of all.
    usual = float(np.median([abs(golden.score) for golden in manifest.golden]))
    for index, golden in enumerate(manifest.golden):
        try:
            score = graph.score_one(golden.samples)
        except Exception as error:  # onnxruntime's exceptions share no other base
            raise ArtefactError(
                f"onnxruntime cannot run it ({str(error).splitlines()[0][:QUOTED]})",
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
