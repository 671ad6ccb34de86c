"""Held-out scores to a threshold: leave out each operating condition in turn, refit, score what was left out.

The scores come from the exported graph run by the edge's own scorer, so the threshold is for what will run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from edge_runtime import threshold
from edge_runtime.artefact import Calibration
from edge_runtime.errors import DataError
from edge_runtime.records import Samples
from edge_runtime.scorer import Graph, Scores
from edge_runtime.threshold import Threshold
from trainer.augment import Augmentation, count, widen
from trainer.dataset import Fold, conditions, leave_out_blocks, leave_out_conditions, windows
from trainer.detector import FitContext, Progress, quiet
from trainer.errors import ChoiceError, FitError, RecordingError
from trainer.listing import NORMAL
from trainer.recordings import Recording

Fit = Callable[[Samples, FitContext], bytes]
"""Fits a detector afresh on windows and returns its graph as ONNX bytes."""

METHODS: Final = ("conditions", "quantile", "f1")
_QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How windows are cut and what is asked of the threshold."""

    samples: int
    hop: int
    rate: float | None = None
    """Share of normal windows that may exceed the threshold; None for the lowest the data support."""
    method: str = ""
    """One of METHODS; empty for the one best supported by the data."""
    best_effort: bool = False
    """Whether a threshold that the data cannot support is given all the same, marked so."""
    supervised: bool = False
    """Whether the detector learns from labelled faults, too."""
    augmentation: Augmentation | None = None
    """How normal recordings are widened before they are learnt from; None for not at all."""


@dataclass(frozen=True, slots=True)
class Held:
    """Scores of one recording by a detector that never saw its condition."""

    recording: Recording
    scores: Scores
    """In order of time, one a window."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The threshold, what supports it, and the scores it rests on."""

    threshold: Threshold
    calibration: Calibration
    held: tuple[Held, ...]


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


def training(recordings: Sequence[Recording], plan: Plan, context: FitContext) -> tuple[Samples, FitContext]:
    """Windows to fit on, and the context with their labels where the detector is supervised.

    Raises FitError when no normal recording is there to learn from.
    """
    normals = [item for item in recordings if item.label == NORMAL]
    if not normals:
        raise FitError(
            "no normal recordings to learn from",
            where=", ".join(conditions(recordings)) or "list",
            remedy=f"Label the recordings of the healthy machine {NORMAL!r}",
        )
    faulty = [item for item in recordings if plan.supervised and item.label != NORMAL]
    used = [*widen(normals, plan.augmentation, context.seed), *faulty]
    parts = [windows(item, plan.samples, plan.hop) for item in used]
    labels = [item.label for item, part in zip(used, parts, strict=True) for _ in part]
    return np.concatenate(parts), replace(context, labels=labels if plan.supervised else ())


def calibrate(fit: Fit, recordings: Sequence[Recording], plan: Plan, context: FitContext) -> Calibrated:
    """Find the threshold. Faulty recordings are used by method `f1` and supervised detectors only.

    Raises FitError when the data cannot support what is asked, ChoiceError for an unknown method.
    """
    normals = [item for item in recordings if item.label == NORMAL]
    method = plan.method or ("conditions" if len(conditions(normals)) > 1 else "quantile")
    if method not in METHODS:
        raise ChoiceError(f"there is no method {method!r}", remedy=f"Choose one of {', '.join(METHODS)}")
    used = recordings if plan.supervised or method == "f1" else normals
    held = _hold_out(fit, used, plan, context)
    found = _threshold(method, held, plan)
    return Calibrated(found, _describe(found, held, plan), tuple(held))


def hold_out(fit: Fit, folds: Sequence[Fold], plan: Plan, context: FitContext) -> list[Held]:
    """Refit for every fold and score what it holds out, in order of the folds."""
    held: list[Held] = []
    for number, fold in enumerate(folds):
        share = number / len(folds)
        context.progress(share, f"leaving out {fold.name}")
        inner = replace(context, progress=_within(context.progress, share, 1 / len(folds), fold.name))
        graph = Graph(fit(*training(fold.train, plan, inner)), where=f"fit without {fold.name}")
        # With one condition only, its variants stand in for those that were never recorded.
        ranges = plan.augmentation if fold.within_condition else None
        left = widen(fold.held, ranges, context.seed)
        held += [Held(item, graph.score(windows(item, plan.samples, plan.hop))) for item in left]
    return held


def _hold_out(fit: Fit, recordings: Sequence[Recording], plan: Plan, context: FitContext) -> list[Held]:
    normals = [item for item in recordings if item.label == NORMAL]
    if not normals:
        training(recordings, plan, context)  # says what is missing
    try:
        folds = _folds(recordings, normals, plan)
    except RecordingError as error:
        raise FitError(error.what, where=error.where, remedy=error.remedy) from error
    return hold_out(fit, folds, plan, context)


def _folds(recordings: Sequence[Recording], normals: Sequence[Recording], plan: Plan) -> tuple[Fold, ...]:
    if len(conditions(normals)) == 1:
        return leave_out_blocks(recordings, plan.samples)
    known = set(conditions(normals))
    return tuple(fold for fold in leave_out_conditions(recordings) if fold.name in known)


def _level(normals: Sequence[Recording]) -> float:
    powers = [float(item.samples.astype(np.float64).var(axis=0).mean()) for item in normals]
    return float(np.sqrt(np.mean(powers))) if powers else 0.0


def _within(progress: Progress, start: float, share: float, name: str) -> Progress:
    return lambda done, what: progress(start + share * done, f"without {name}: {what}")


def _threshold(method: str, held: Sequence[Held], plan: Plan) -> Threshold:
    try:
        return _by_method(method, held, plan)
    except DataError as error:
        if not plan.best_effort or not 0 < (plan.rate or 1.0) < 1:
            raise FitError(error.what, where=error.where, remedy=error.remedy) from error
        return _best_effort(held, plan.rate or 0.0, error)


def _by_method(method: str, held: Sequence[Held], plan: Plan) -> Threshold:
    share = plan.hop / plan.samples
    scores = np.concatenate([item.scores for item in held])
    if method == "f1":
        faulty = np.concatenate([np.full(len(item.scores), item.recording.label != NORMAL) for item in held])
        return threshold.f1(scores, faulty)
    normal = [item for item in held if item.recording.label == NORMAL]
    if method == "quantile":
        scores = np.concatenate([item.scores for item in normal])
        # Variants of one window are no further draws of what the machine does.
        alike = count(plan.augmentation) if plan.augmentation and len(_by_condition(normal)) == 1 else 1
        return threshold.quantile(scores, plan.rate, independent=max(1, int(len(scores) * share / alike)))
    return threshold.conditions(_by_condition(normal), plan.rate, independent=share)


def _by_condition(held: Sequence[Held]) -> dict[str, Scores]:
    names = conditions(item.recording for item in held)
    return {
        name: np.concatenate([item.scores for item in held if item.recording.condition == name])
        for name in names
    }


def _best_effort(held: Sequence[Held], rate: float, error: DataError) -> Threshold:
    scores = np.concatenate([item.scores for item in held if item.recording.label == NORMAL])
    names = conditions(item.recording for item in held)
    statement = (
        f"Unsupported: {error.what}. The threshold is the largest score of {len(scores)} held-out windows"
    )
    return Threshold(float(scores.max()), "largest", rate, False, len(scores), len(names), statement)


def _describe(found: Threshold, held: Sequence[Held], plan: Plan) -> Calibration:
    normal = [item for item in held if item.recording.label == NORMAL]
    scores = np.concatenate([item.scores for item in normal]).astype(np.float64)
    names = conditions(item.recording for item in normal)
    return Calibration(
        method=found.method,
        false_alarm_rate=found.rate,
        supported=found.supported,
        statement=f"{found.statement}. {_reason(found.method, names, plan)}",
        windows=found.windows,
        conditions=names,
        quantiles={f"{p:g}": float(np.quantile(scores, p)) for p in _QUANTILES},
    )


def _reason(method: str, names: Sequence[str], plan: Plan) -> str:
    chosen = "was asked for" if plan.method == method else "is what this data supports best"
    if len(names) > 1:
        return f"Method {method} {chosen}: {len(names)} conditions were left out in turn"
    if plan.augmentation:
        chosen += f"; blocks are taken at {plan.augmentation}, too, which stands in for unseen conditions"
    return (
        f"Method {method} {chosen}: there is one condition, {names[0]}, so blocks of its recordings were "
        "left out in turn; no unseen condition was tried"
    )
