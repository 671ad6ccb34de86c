"""Held-out scores to a threshold: leave out each operating condition in turn, refit, score what was left out.

The scores come from the exported graph run by the edge's own scorer, so the threshold is for what will run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_runtime.calibration import Threshold
from edge_runtime.core import Calibration, Samples
from edge_runtime.models import Graph
from trainer.calibration import choice
from trainer.calibration.choice import CalibrationPlan, Held
from trainer.core import FitContext, FitError, Progress, RecordingError, quiet
from trainer.recordings import (
    NORMAL,
    Fold,
    Recording,
    condition_names,
    cut_windows,
    gather_windows,
    leave_out_blocks,
    leave_out_conditions,
    measure_quota,
    widen,
)

FitGraph = Callable[[Samples, FitContext], bytes]
"""Fits a detector afresh on windows and returns its graph as ONNX bytes."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The threshold, what supports it, and the scores it rests on."""

    threshold: Threshold
    calibration: Calibration
    held: tuple[Held, ...]
    notes: Mapping[str, str]
    """What the manifest should tell beside: what was widened, what was never tried."""


def context_of(recordings: Sequence[Recording], seed: int = 0, progress: Progress = quiet) -> FitContext:
    """Say what a detector may know beside the windows. The recordings agree on it: they are of one list."""
    first = recordings[0]
    return FitContext(
        rate_hz=first.rate_hz,
        channels=first.channels,
        unit=first.unit,
        lowpass_hz=first.lowpass_hz,
        reference=_level([item for item in recordings if item.label == NORMAL]),
        seed=seed,
        progress=progress,
    )


def training(
    recordings: Sequence[Recording], plan: CalibrationPlan, context: FitContext
) -> tuple[Samples, FitContext]:
    """Windows to fit on, and the context with their labels where the detector is supervised.

    Raises FitError when no normal recording is there to learn from.
    """
    normals = [item for item in recordings if item.label == NORMAL]
    if not normals:
        raise FitError(
            "no normal recordings to learn from",
            where=", ".join(condition_names(recordings)) or "list",
            remedy=f"Label the recordings of the healthy machine {NORMAL!r}",
        )
    parts, labels = gather_windows(_learnt(recordings, plan), plan.cut, context.seed, plan.augmentation)
    return parts, replace(context, labels=labels if plan.supervised else ())


def calibrate(
    fit: FitGraph, recordings: Sequence[Recording], plan: CalibrationPlan, context: FitContext
) -> Calibrated:
    """Find the threshold. Faulty recordings are used by method `f1` and supervised detectors only.

    Raises FitError when the data cannot support what is asked, ChoiceError for an unknown method.
    """
    normals = [item for item in recordings if item.label == NORMAL]
    method = choice.choose(normals, plan)
    used = recordings if plan.supervised or method == "f1" else normals
    held = _hold_out(fit, used, plan, context)
    found = choice.find(method, held, plan)
    kept = measure_quota(_learnt(recordings, plan), plan.cut, plan.augmentation)
    notes = choice.notes(normals, plan) | kept.note(context.seed)
    return Calibrated(found, choice.describe(found, held, plan), tuple(held), notes)


def hold_out(fit: FitGraph, folds: Sequence[Fold], plan: CalibrationPlan, context: FitContext) -> list[Held]:
    """Refit for every fold and score what it holds out, in order of the folds."""
    held: list[Held] = []
    for number, fold in enumerate(folds):
        share = number / len(folds)
        context.progress(share, f"leaving out {fold.name}")
        inner = replace(context, progress=_within(context.progress, share, 1 / len(folds), fold.name))
        graph = Graph(fit(*training(fold.train, plan, inner)), where=f"fit without {fold.name}")
        # With one condition only, its variants stand in for those that were never recorded.
        ranges = plan.augmentation if fold.within_condition else None
        for item in fold.held:  # a variant is gone when it is scored
            held += [
                Held(item, graph.score(cut_windows(one, plan.samples, plan.hop)), variant)
                for variant, one in enumerate(widen([item], ranges, context.seed))
            ]
    return held


def _hold_out(
    fit: FitGraph, recordings: Sequence[Recording], plan: CalibrationPlan, context: FitContext
) -> list[Held]:
    normals = [item for item in recordings if item.label == NORMAL]
    if not normals:
        training(recordings, plan, context)  # says what is missing
    try:
        folds = _folds(recordings, normals, plan)
    except RecordingError as error:
        raise FitError(error.what, where=error.where, remedy=error.remedy) from error
    return hold_out(fit, folds, plan, context)


def _folds(
    recordings: Sequence[Recording], normals: Sequence[Recording], plan: CalibrationPlan
) -> tuple[Fold, ...]:
    if len(condition_names(normals)) == 1:
        return leave_out_blocks(recordings, plan.samples)
    known = set(condition_names(normals))
    return tuple(fold for fold in leave_out_conditions(recordings) if fold.name in known)


def _learnt(recordings: Sequence[Recording], plan: CalibrationPlan) -> list[Recording]:
    """Normal recordings, and behind them the faulty ones where the detector is supervised."""
    normals = [item for item in recordings if item.label == NORMAL]
    return normals + [item for item in recordings if plan.supervised and item.label != NORMAL]


def _level(normals: Sequence[Recording]) -> float:
    powers = [float(item.samples.astype(np.float64).var(axis=0).mean()) for item in normals]
    return float(np.sqrt(np.mean(powers))) if powers else 0.0


def _within(progress: Progress, start: float, share: float, name: str) -> Progress:
    return lambda done, what: progress(start + share * done, f"without {name}: {what}")
