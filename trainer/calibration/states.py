"""Operating states of a model: those of the list's conditions, and a threshold for each that it knows.

In a state that was learnt the machine is known, so that blocks of it are held out instead of the whole: its
threshold may be lower than the one for conditions that nobody saw.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy

from edge_runtime.calibration import conditions_threshold
from edge_runtime.core import NO_STATES, NOT_RUNNING, DataError
from edge_runtime.models import Scores
from trainer.calibration.choice import CalibrationPlan
from trainer.calibration.cross_validation import FitGraph, hold_out
from trainer.core import ChoiceError, FitContext, RecordingError
from trainer.detectors import MEANS, ROOTS, OperatingStates, learn_states
from trainer.recordings import (
    NORMAL,
    Recording,
    condition_names,
    cut_windows,
    leave_out_blocks,
    leave_out_runs,
)

_LEAST_BLOCKS: Final = 3
"""Blocks of a state that bound its threshold: with two the bound lies 7.7 standard deviations above their
mean, which is no bound."""
MARGIN: Final = 0.8
"""How far from the median a state's threshold lies, as a share of the way to those bounds of single windows:
half of the windows of eight seconds have to exceed it. Measured on the fan, two splits that choices are made
on: of sixty pieces with a coin on the blade 1.0 misses three, 0.8 and 0.6 one; in six hours of stops and
starts 0.6 raises four alarms, the others none."""
_COVERED: Final = 0.99
_CONFIDENCE: Final = 0.95
"""So many of a state's windows lie below the threshold, with this confidence, if the logarithm of their
scores is normal. Few windows widen it: the blocks of 2 s of a CWRU load are more alike than its next 2 s."""


@dataclass(frozen=True, slots=True)
class FoundStates:
    """The states of one model."""

    states: OperatingStates
    thresholds: Mapping[str, float]
    """By the state's name; without one where too little was recorded of it."""

    def to_json(self) -> dict[str, Any]:
        """As the manifest states them."""
        states = self.states
        return {
            "names": list(states.conditions),
            "conditions": {name: list(own) for name, own in states.conditions.items()},
            "thresholds": dict(self.thresholds),
            "levels": {name: list(level) for name, level in states.levels.items()},
            "span": states.span,
            "initialisers": {"means": MEANS, "roots": ROOTS},
        }


def set_apart(
    recordings: Sequence[Recording], standing: str
) -> tuple[tuple[Recording, ...], tuple[Recording, ...]]:
    """The recordings of the machine while it runs, and those of condition `standing`: no detector learns
    from these.

    Raises ChoiceError where nothing of `standing` was recorded, and for conditions that no state may be
    called after.
    """
    names = condition_names(recordings)
    if standing != NOT_RUNNING and standing not in names:
        raise ChoiceError(
            f"nothing was recorded of condition {standing!r}",
            remedy=f"Name one of {', '.join(names)}, or leave --not-running out",
        )
    if wrong := NO_STATES.intersection(names):
        raise ChoiceError(
            f"no state may be called {min(wrong)!r}, which is what the edge calls one that it does not know",
            remedy="Call the condition otherwise in the list",
        )
    still = tuple(item for item in recordings if item.condition == standing and item.label == NORMAL)
    return tuple(item for item in recordings if item.condition != standing), still


def find_states(
    fit: FitGraph,
    recordings: Sequence[Recording],
    still: Sequence[Recording],
    plan: CalibrationPlan,
    context: FitContext,
    *,
    general: float,
) -> FoundStates:
    """Learn the states of normal recordings, and of those of the machine while it stands `still`.

    `general` is the threshold for states that nobody saw, which no other exceeds. Raises FitError for too
    little of a condition.
    """
    normals = [item for item in recordings if item.label == NORMAL]
    windows = {
        name: np.concatenate(
            [
                cut_windows(item, plan.samples, plan.hop)
                for item in (*normals, *still)
                if item.condition == name
            ]
        )
        for name in condition_names([*normals, *still])
    }
    standing = still[0].condition if still else ""
    states = learn_states(windows, context, plan.hop / context.rate_hz, standing)
    tops = _held_out(fit, normals, plan, context)
    thresholds: dict[str, float] = {}
    for name, own in states.conditions.items():
        blocks = {block: part for (block, condition), part in tops.items() if condition in own}
        if len(blocks) >= _LEAST_BLOCKS:
            thresholds[name] = min(general, state_threshold(blocks, plan))
    return FoundStates(states, thresholds)


def _held_out(
    fit: FitGraph, normals: Sequence[Recording], plan: CalibrationPlan, context: FitContext
) -> dict[tuple[str, str], Scores]:
    """Scores of blocks by fits that did not see them, by block and condition."""
    try:
        folds = leave_out_blocks(normals, plan.samples)
    except RecordingError:  # short recordings, of which many are of one condition
        folds = leave_out_runs(normals)
    found: dict[tuple[str, str], Scores] = {}
    for fold in folds:
        held, _ = hold_out(fit, [replace(fold, within_condition=False)], plan, context)
        for name in condition_names(item.recording for item in held):
            parts = [item.scores for item in held if item.recording.condition == name]
            found[f"{fold.name} of {name}", name] = np.concatenate(parts)
    return found


def state_threshold(blocks: Mapping[str, Scores], plan: CalibrationPlan) -> float:
    """The threshold of one state, from the scores of its blocks, each by a fit that did not see it."""
    share = plan.hop / plan.samples  # windows that overlap are not independent
    try:
        bound = conditions_threshold(blocks, plan.rate, independent=share).value
    except DataError:  # too few windows for the rate that is asked for: the lowest that they support
        bound = conditions_threshold(blocks, None, independent=share).value
    scores = np.concatenate(list(blocks.values()))
    middle = float(np.median(scores))
    return middle + MARGIN * (max(bound, _tolerance_bound(scores, share)) - middle)


def _tolerance_bound(scores: Scores, share: float) -> float:
    """Upper tolerance bound of scores of which that share is independent; on the logarithm where they are
    positive. Hahn and Meeker, "Statistical intervals", 4.6."""
    exact = scores.astype(np.float64)
    positive = bool((exact > 0).all())
    values = np.log(exact) if positive else exact
    count = max(2, round(len(values) * share))
    far = scipy.stats.norm.ppf(_COVERED) * math.sqrt(count)
    factor = float(scipy.stats.nct.ppf(_CONFIDENCE, count - 1, far)) / math.sqrt(count)
    bound = float(values.mean() + factor * values.std(ddof=1))
    return math.exp(bound) if positive else bound
