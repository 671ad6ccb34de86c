"""Write a fitted detector: compare, add the manifest, write atomically, load with the edge's scorer.

A file appears only if every check has passed, and never in part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from edge_runtime.core import (
    VERSION,
    AlarmPolicy,
    ArtefactError,
    Calibration,
    Golden,
    Manifest,
    Samples,
    manifest_to_metadata,
)
from edge_runtime.models import STATE, Graph, load_model
from trainer.core import ExportError, FitContext, whole_file
from trainer.detectors import Detector, OperatingStates
from trainer.graphs import OPSET
from trainer.recordings import NORMAL

BATCHES: Final = (1, 2, 7, 64)
"""Batch sizes at which the graph must agree with the fitted object: one window, few, an odd number and many,
as onnxruntime chooses other kernels for them."""
GOLDEN_BYTES: Final = 192 * 1024
"""Most that golden windows may take, a tenth of the 2 MB of a file; as base64 in the metadata it is a third
more."""
_GOLDEN: Final = 8
"""Golden windows over the range of scores: each is scored at every start of the edge, so few, and enough to
cover it."""
_LEARNT: Final = 10_000
"""Recordings learnt from that a file names: 200 KB."""
_STATES_PARITY: Final = 1e-3
"""Largest difference of a state's distance between graph and fit, in shares of the limit: it decides only
where a window is at the limit to a thousandth."""
_SCALES: Final = (0.25, 4.0)
"""Quieter and louder than anything learnt, by 12 dB: the graph must agree there, too, as faults are loud."""


@dataclass(frozen=True, slots=True)
class ExportDetails:
    """What the manifest says and the detector does not know."""

    name: str
    """What a site calls this model."""
    hop: int
    """Samples from the start of one window to that of the next."""
    threshold: float
    calibration: Calibration
    policy: AlarmPolicy
    data_digest: str
    """SHA-256 of the windows, hexadecimal."""
    created: str
    """RFC 3339, UTC."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Added to the detector's own notes."""
    power: Mapping[str, Any] | None = None
    """Which faults it would hear, as `trainer.power` writes it; None where that was not measured."""
    slow_alarm: Mapping[str, Any] | None = None
    """When averages of scores raise an alarm; None where they do not."""
    learnt: tuple[str, ...] = ()
    """The beginning of the digest of each recording learnt from."""
    states: OperatingStates | None = None
    """Operating states that the file tells apart."""
    states_json: Mapping[str, Any] | None = None
    """What the manifest says of them."""


def write_model(
    detector: Detector, windows: Samples, context: FitContext, stamp: ExportDetails, path: Path
) -> Manifest:
    """Write a fitted detector to `path`. `windows` [n, samples, channels] are those it was fitted on.

    Raises ExportError when graph and fitted object disagree or the file is too large, AccessError and
    UnavailableError when it cannot be written. Nothing is left behind then; what was at `path` stays.
    """
    model = detector.graph()
    if stamp.states is not None:
        model = stamp.states.write(model, windows.shape[1], context)
    graph = Graph(model.SerializeToString(), where=detector.name)
    parity_error(detector, graph, windows)
    if stamp.states is not None:
        states_error(stamp.states, graph, windows[: BATCHES[-1]], context)
    manifest = _manifest(detector, graph, windows, context, stamp)
    try:
        metadata = manifest_to_metadata(manifest)
    except ValueError as error:
        raise ExportError(
            f"a figure is not finite (threshold {manifest.threshold:g})",
            where=str(path),
            remedy="The detector does not fit this data; choose another",
        ) from error
    onnx.helper.set_model_props(model, metadata)
    data = model.SerializeToString(deterministic=True)
    if len(data) > detector.max_bytes:
        raise ExportError(
            f"{detector.name} came out at {len(data)} bytes, more than {detector.max_bytes}",
            where=str(path),
            remedy="Choose shorter windows, fewer channels or a smaller network",
        )
    _write_checked(data, path)
    return manifest


def parity_error(detector: Detector, graph: Graph, windows: Samples) -> float:
    """Compare the graph with the fitted object on normal and on scaled windows, at every batch size.

    `windows` are [n, samples, channels]. Returns the largest difference, relative to the score or to a
    typical one, whichever is larger. Raises ExportError when it is larger than the detector allows.
    """
    chosen = windows[np.linspace(0, len(windows) - 1, BATCHES[-1]).round().astype(int)]
    scales = np.resize((1.0, 1.0, *_SCALES), len(chosen)).astype(np.float32)  # half of them as they are
    probes = np.asarray(chosen * scales[:, np.newaxis, np.newaxis])
    truth = detector.reference_scores(probes)
    typical = float(np.median(np.abs(detector.reference_scores(windows[: BATCHES[-1]]))))
    allowance = np.maximum(np.abs(truth), max(typical, 1e-12))  # not 0, for scores that all are
    worst = 0.0
    for size in BATCHES:
        seen = np.concatenate(
            [graph.score(probes[start : start + size]) for start in range(0, len(probes), size)]
        )
        worst = max(worst, float((np.abs(seen - truth) / allowance).max()))
    if not worst <= detector.parity:
        raise ExportError(
            f"the graph of {detector.name} differs from the fitted object by {worst:.2g}, relative",
            remedy=f"At most {detector.parity:g} is allowed; report this with the data's shape",
        )
    return worst


def states_error(states: OperatingStates, graph: Graph, windows: Samples, context: FitContext) -> float:
    """Compare the graph's operating states of windows with those that were learnt, as `parity_error` does."""
    truth, seen = states.reference(windows, context), graph.output(STATE, windows)
    worst = float((np.abs(seen - truth) / np.maximum(np.abs(truth), 1.0)).max())
    if not worst <= _STATES_PARITY:
        raise ExportError(
            f"the graph's operating states differ from those that were learnt by {worst:.2g}, relative",
            remedy=f"At most {_STATES_PARITY:g} is allowed; report this with the data's shape",
        )
    return worst


def _manifest(
    detector: Detector, graph: Graph, windows: Samples, context: FitContext, stamp: ExportDetails
) -> Manifest:
    return Manifest(
        name=stamp.name,
        detector=detector.name,
        detector_version=detector.version,
        created=stamp.created,
        rate_hz=context.rate_hz,
        samples=windows.shape[1],
        hop=stamp.hop,
        channels=context.channels,
        unit=context.unit,
        lowpass_hz=context.lowpass_hz,
        threshold=stamp.threshold,
        calibration=stamp.calibration,
        policy=stamp.policy,
        features=detector.features() if graph.explains else (),
        golden=_golden(graph, windows),
        golden_tolerance=detector.golden_tolerance,
        data_digest=stamp.data_digest,
        opset=OPSET,
        producer=f"steadyhum {VERSION}",
        notes={**detector.notes(), **stamp.notes},
        known_faults=tuple(sorted(set(context.labels) - {NORMAL})) or None,
        power=stamp.power,
        slow_alarm=stamp.slow_alarm,
        learnt=stamp.learnt[:_LEARNT] or None,
        adaptable=detector.adaptable(),
        states=stamp.states_json,
    )


def _golden(graph: Graph, windows: Samples) -> tuple[Golden, ...]:
    """Choose windows over the whole range of training scores, and the median one louder and quieter."""
    ranked = np.argsort(graph.score(windows), kind="stable")
    room = max(1, min(_GOLDEN, GOLDEN_BYTES // windows[0].nbytes - len(_SCALES)))
    chosen = windows[ranked[np.linspace(0, len(ranked) - 1, room).round().astype(int)]]
    middle = windows[ranked[len(ranked) // 2]]
    scaled = [middle * np.float32(scale) for scale in _SCALES if room > 1]
    golden = np.stack([*chosen, *scaled])
    return tuple(
        Golden(window, float(score)) for window, score in zip(golden, graph.score(golden), strict=True)
    )


def _write_checked(data: bytes, path: Path) -> None:
    """Write the file under another name, load it as the edge will, and give it its name only then."""
    with whole_file(path) as file:
        file.write(data)
        file.flush()
        try:
            load_model(Path(file.name))
        except ArtefactError as error:
            raise ExportError(
                f"the edge would refuse it: {error.what}", where=str(path), remedy=error.remedy
            ) from error
