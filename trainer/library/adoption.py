"""Make a model of a graph that another tool made: calibrate it on recordings, verify it, add the manifest.

The graph is fixed: calibration scores every condition with it and refits nothing. Whether it had seen those
recordings is not known here, and the manifest says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_runtime.core import (
    AlarmPolicy,
    ArtefactError,
    Calibration,
    Feature,
    Manifest,
    Samples,
    manifest_from_metadata,
    manifest_to_metadata,
)
from edge_runtime.models import Graph, prove_model, read_model
from trainer.calibration import Calibrated, CalibrationPlan, calibrate_screened, context_of, training
from trainer.core import ChoiceError, FitContext, Progress, check_apart, check_file, quiet
from trainer.detectors import Detector
from trainer.export import ForeignGraph, read_foreign
from trainer.fitting import Fitted, Order, refuse_deaf, with_power
from trainer.library.foreign_scores import TOLERANCE, check_scores
from trainer.library.models import FilePath, Model, content_of, write
from trainer.recordings import (
    TOWERING,
    Data,
    Recording,
    as_recordings,
    check_recordings,
    check_together,
    load_list,
    problem_notes,
)

MAX_BYTES: Final = 48 * 1024 * 1024
"""Largest file: the edge reads 64 MiB, golden windows and manifest included."""


class Adopted(Detector):
    """A graph that was not fitted here, as a detector that can only score."""

    name = "adopted"
    summary = "a graph that another tool made"
    golden_tolerance = TOLERANCE
    parity = TOLERANCE
    max_bytes = MAX_BYTES

    def __init__(self, foreign: ForeignGraph, graph: Graph) -> None:
        """Take a graph that was checked, and the same graph opened."""
        self._foreign, self._graph = foreign, graph

    def fit(self, windows: Samples, context: FitContext) -> None:
        """Do nothing: the graph is fixed."""

    def graph(self) -> onnx.ModelProto:
        """Return the graph unchanged."""
        return self._foreign.model

    def features(self) -> tuple[Feature, ...]:
        """Return nothing: the score is the only output."""
        return ()

    def reference_scores(self, windows: Samples) -> NDArray[np.float64]:
        """Score each window alone: in any batch it must score the same."""
        return np.array([self._graph.score_one(window) for window in windows])

    def within(self, context: FitContext) -> Self:  # noqa: ARG002  the name is the interface's
        """Return itself: the graph does not use the reference level."""
        return self


@dataclass(frozen=True, slots=True)
class AdoptionOrder:
    """What is asked of the model, beside its graph."""

    name: str = ""
    """What a site calls it; "adopted" when empty."""
    hop: int | None = None
    """Samples from one window to the next; None for half a window."""
    method: str = ""
    rate: float | None = None
    budget: str = ""
    policy: AlarmPolicy | None = None
    accept: tuple[str, ...] = ()
    best_effort: bool = False


def adopt(
    graph: bytes | FilePath,
    data: Data,
    *,
    rate_hz: float | None = None,
    channels: Sequence[str] | None = None,
    unit: str = "g",
    name: str = "",
    hop: int | None = None,
    method: str = "",
    false_alarm_rate: float | None = None,
    max_false_alarms: str = "",
    policy: AlarmPolicy | None = None,
    accept: Sequence[str] = (),
    best_effort: bool = False,
    progress: Progress = quiet,
) -> Model:
    """Calibrate a foreign ONNX graph on the normal recordings and prove it; `graph` is a file or its bytes.

    `data` as for `fit`. The graph takes float32 windows [batch, samples, channels] in the recordings' unit
    and gives one float32 score each, [batch], higher for more anomalous windows; of standard ONNX operators,
    without loops, functions and external data. Raises ArtefactError for any other graph and for scores that
    are of no use; ChoiceError, RecordingError and FitError as `fit` does.
    """
    where = "graph" if isinstance(graph, bytes) else str(graph)
    foreign = read_foreign(graph if isinstance(graph, bytes) else _read(Path(graph)), where)
    given = as_recordings(data, rate_hz=rate_hz, channels=channels, unit=unit)
    order = AdoptionOrder(
        name, hop, method, false_alarm_rate, max_false_alarms, policy, tuple(accept), best_effort
    )
    return _adopted(foreign, where, given, order, progress)


def adopt_list(
    model: Path, listing: Path, output: Path, order: AdoptionOrder, progress: Progress = quiet
) -> Manifest:
    """Read graph and recordings list, calibrate and write the model. Raises what `adopt` does."""
    check_file(output, listing, model)
    foreign = read_foreign(_read(model), str(model))
    progress(0.0, f"reading {listing.name}")
    recordings = load_list(listing)
    check_apart(output, *(Path(item.file) for item in recordings))
    made = _adopted(foreign, str(model), recordings, order, progress)
    progress(1.0, f"writing {output.name}")
    return write(made, output)


def _read(path: Path) -> bytes:
    try:
        return read_model(path)
    except ArtefactError as error:  # its remedy is for files that `trainer fit` wrote
        raise ArtefactError(error.what, where=error.where, remedy="Give the ONNX file to adopt") from error


def _adopted(
    foreign: ForeignGraph,
    where: str,
    recordings: tuple[Recording, ...],
    order: AdoptionOrder,
    progress: Progress,
) -> Model:
    plan = _plan(order, foreign.samples)
    check_together(recordings)
    _check_channels(foreign, recordings[0], where)
    found = check_recordings(recordings, order.accept)
    data = foreign.model.SerializeToString()
    graph = Graph(data, where)
    context = context_of(recordings, progress=progress)
    check_scores(graph, training(recordings, plan, context)[0], where)
    kept, calibrated = calibrate_screened(
        lambda _windows, _context: data, recordings, plan, progress=progress
    )
    windows, context = training(kept, plan, context)
    notes = {"adopted": f"the graph of {Path(where).name}, not fitted here", **problem_notes(found)}
    fitted = Fitted(
        detector=Adopted(foreign, graph),
        windows=windows,
        context=context,
        calibrated=replace(calibrated, calibration=_calibration(calibrated)),
        fit_s=0.0,
        calibrate_s=0.0,
    )
    written = _as_fitted(order, plan)
    fitted = with_power(fitted, written)
    refuse_deaf(fitted, written)
    made = _with_opset(content_of(fitted, written, notes), foreign.opset)
    return Model(prove_model(made, where), made)


def _as_fitted(order: AdoptionOrder, plan: CalibrationPlan) -> Order:
    """What would have been ordered of a fit, for what is written and measured as of one."""
    return Order(
        Adopted.name,
        name=order.name,
        samples=plan.samples,
        hop=plan.hop,
        policy=plan.policy,
        best_effort=order.best_effort,
    )


def _with_opset(data: bytes, opset: int) -> bytes:
    """Return the file with the opset of its graph in the manifest, in place of that of our own graphs."""
    model = onnx.ModelProto.FromString(data)
    found = {item.key: item.value for item in model.metadata_props}
    manifest = replace(manifest_from_metadata(found, where=Adopted.name), opset=opset)
    onnx.helper.set_model_props(model, manifest_to_metadata(manifest))
    return bytes(model.SerializeToString(deterministic=True))


def _plan(order: AdoptionOrder, samples: int) -> CalibrationPlan:
    hop = max(1, samples // 2) if order.hop is None else order.hop
    if not 1 <= hop <= samples:
        raise ChoiceError(
            f"windows of {samples} samples every {hop} cannot be cut",
            remedy="Give a hop between 1 and the window's length, which the graph states",
        )
    return CalibrationPlan(
        samples=samples,
        hop=hop,
        rate=order.rate,
        method=order.method,
        best_effort=order.best_effort,
        budget=order.budget,
        policy=order.policy or AlarmPolicy(),
        accept_towering=TOWERING in order.accept,
    )


def _check_channels(foreign: ForeignGraph, first: Recording, where: str) -> None:
    count = len(first.channels)
    if foreign.channels == count:
        return
    turned = foreign.samples == count
    raise ArtefactError(
        f"takes windows of {foreign.samples} samples x {foreign.channels} channels, the recordings have "
        f"{count} channel{'s'[: count - 1]} ({', '.join(first.channels)})",
        where=where,
        remedy="Its axes seem to be [batch, channels, samples]: put a Transpose in front of it"
        if turned
        else "Give recordings of the channels it was made for",
    )


def _calibration(calibrated: Calibrated) -> Calibration:
    found = calibrated.calibration
    tried = f"{len(found.conditions)} condition{'s'[: len(found.conditions) - 1]}"
    return replace(
        found,
        statement=f"{calibrated.threshold.statement}. Method {found.method}: {tried} scored by a graph that "
        "was given and not refitted; where it learnt from them, this promises too much",
    )
