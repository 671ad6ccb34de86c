"""Cross-validation by operating condition: leave out each in turn, refit, score what was left out.

The scores come from the exported graph run by the edge's own scorer, so the threshold is for what will run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from edge_runtime.calibration import Threshold
from edge_runtime.core import Calibration, Samples
from edge_runtime.models import Graph
from trainer.calibration import choice, support
from trainer.calibration.choice import CalibrationPlan, Held
from trainer.calibration.slow_alarm import find_slow
from trainer.core import FitContext, FitError, Progress, RecordingError, part_of, quiet, without
from trainer.recordings import (
    DIGITS,
    NORMAL,
    Fold,
    Recording,
    condition_names,
    cut_windows,
    gather_all,
    leave_out_blocks,
    leave_out_conditions,
    measure_quota,
    moments,
    parts,
    widen,
)

FitGraph = Callable[[Samples, FitContext], bytes]
"""Fits a new detector on windows [n, samples, channels] and returns its graph as ONNX bytes."""

_DRAWING: Final = 0.3
"""Share of a fit's progress that the drawing of its windows has. A judgement."""
_KEPT_GRAPHS: Final = 8
"""Graphs of folds that are kept to try faults with: a file each, of up to megabytes. More conditions narrow
what is stated little, and take longer."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The threshold, what supports it, and the held-out scores."""

    threshold: Threshold
    calibration: Calibration
    held: tuple[Held, ...]
    notes: Mapping[str, str]
    """Further notes for the manifest: what was widened, what was never tried."""
    slow_alarm: Mapping[str, Any] | None = None
    """When averages of scores raise an alarm, as a manifest has it; None where they do not."""
    graphs: tuple[tuple[Fold, bytes], ...] = ()
    """Folds, and of each the graph of the fit that left it out; of many folds some, evenly drawn."""


def context_of(recordings: Sequence[Recording], seed: int = 0, progress: Progress = quiet) -> FitContext:
    """Return what a detector may know besides the windows; recordings of one list agree on it."""
    first = recordings[0]
    normals = [item for item in recordings if item.label == NORMAL]
    powers = [float(moments(item).variance.mean()) for item in normals]
    return FitContext(
        rate_hz=first.rate_hz,
        channels=first.channels,
        unit=first.unit,
        lowpass_hz=first.lowpass_hz,
        reference=float(np.sqrt(np.mean(powers))) if powers else 0.0,
        seed=seed,
        progress=progress,
    )


def training(
    recordings: Sequence[Recording], plan: CalibrationPlan, context: FitContext
) -> tuple[Samples, FitContext]:
    """Windows to fit on, [n, samples, channels], and the context with their labels for supervised detectors.

    Raises FitError where there is no normal recording.
    """
    normals = [item for item in recordings if item.label == NORMAL]
    if not normals:
        raise FitError(
            "no normal recordings to learn from",
            where=", ".join(condition_names(recordings)) or "list",
            remedy=f"Label the recordings of the healthy machine {NORMAL!r}",
        )
    drawing = part_of(context.progress, 0.0, _DRAWING)
    found = gather_all(_learnt(recordings, plan), plan.cut, context.seed, plan.augmentation, drawing)
    labels = found.labels if plan.supervised else ()
    fitting = part_of(context.progress, _DRAWING, 1 - _DRAWING)
    return found.windows, replace(context, labels=labels, conditions=found.conditions, progress=fitting)


def learnt_digests(recordings: Sequence[Recording], plan: CalibrationPlan) -> tuple[str, ...]:
    """Beginnings of the digests of what is learnt from, each once: so many digits no two files share."""
    return tuple(dict.fromkeys(item.digest[:DIGITS] for item in _learnt(recordings, plan)))


def calibrate(
    fit: FitGraph, recordings: Sequence[Recording], plan: CalibrationPlan, context: FitContext
) -> Calibrated:
    """Find the threshold. Faulty recordings are used by method `f1` and supervised detectors only.

    Raises FitError when the data cannot support what is asked, ChoiceError for an unknown method.
    """
    normals = [item for item in recordings if item.label == NORMAL]
    method = choice.choose(normals, plan)
    used = recordings if plan.supervised or method == "f1" else normals
    names = condition_names(normals)
    if not names:
        training(used, plan, context)  # raises the error that names what is missing
    folds = tuple(fold for fold in leave_out_conditions(used) if fold.name in names)
    if plan.within(len(names)):
        try:
            folds = leave_out_blocks(used, plan.samples)
        except RecordingError as error:
            raise FitError(error.what, where=error.where, remedy=error.remedy) from error
    held, graphs = hold_out(fit, folds, plan, context)
    found = choice.find(method, held, plan)
    kept = measure_quota(_learnt(recordings, plan), plan.cut, plan.augmentation)
    slow, why = find_slow(held, found, plan)
    notes = support.notes(normals, plan) | kept.note(context.seed) | why
    return Calibrated(found, support.describe(found, held, plan), tuple(held), notes, slow, tuple(graphs))


def hold_out(
    fit: FitGraph, folds: Sequence[Fold], plan: CalibrationPlan, context: FitContext
) -> tuple[list[Held], list[tuple[Fold, bytes]]]:
    """Refit for every fold and score what it holds out, in order of the folds; also a few folds' graphs.

    Raises FitError where a fold leaves no normal recording, and what `fit` raises.
    """
    held: list[Held] = []
    graphs: list[tuple[Fold, bytes]] = []
    kept = set(np.linspace(0, len(folds) - 1, min(len(folds), _KEPT_GRAPHS)).round().astype(int).tolist())
    for number, fold in enumerate(folds):
        share = number / len(folds)
        context.progress(share, f"leaving out {fold.name}")
        inner = replace(context, progress=without(context.progress, share, 1 / len(folds), fold.name))
        data = fit(*training(fold.train, plan, inner))
        graph = Graph(data, where=f"fit without {fold.name}")
        graphs += [(fold, data)] if number in kept else []
        inner.progress(1.0, "scoring what was left out")
        # With one condition only, its variants stand in for those that were never recorded.
        ranges = plan.augmentation if fold.within_condition else None
        for item in fold.held:  # one variant of one part in memory at a time
            scored = [
                [
                    graph.score(cut_windows(one, plan.samples, plan.hop))
                    for one in widen([part], ranges, context.seed)
                ]
                for part in parts(item, plan.samples, plan.hop)
            ]
            held += [
                Held(item, np.concatenate(of), variant)
                for variant, of in enumerate(zip(*scored, strict=True))
            ]
    return held, graphs


def _learnt(recordings: Sequence[Recording], plan: CalibrationPlan) -> list[Recording]:
    """Normal recordings, then the faulty ones where the detector is supervised."""
    normals = [item for item in recordings if item.label == NORMAL]
    return normals + [item for item in recordings if plan.supervised and item.label != NORMAL]
