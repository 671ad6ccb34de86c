"""From held-out scores to a threshold, by the method asked for or the one that the data support best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from edge_runtime.calibration import (
    Budget,
    Series,
    Threshold,
    budget_threshold,
    check_budget,
    check_effective,
    checked_rate,
    conditions_threshold,
    effective_windows,
    extrapolated_budget,
    f1_threshold,
    quantile_threshold,
    tail_threshold,
)
from edge_runtime.core import AlarmPolicy, DataError
from edge_runtime.models import Scores
from trainer.core import ChoiceError, FitError
from trainer.recordings import (
    MOST_VALUES,
    NORMAL,
    Augmentation,
    Cut,
    Recording,
    condition_names,
    variant_count,
)

CONDITIONS: Final = ("new", "all")
METHODS: Final = ("conditions", "quantile", "tail", "budget", "f1")


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """How windows are cut, and requirements on the threshold."""

    samples: int
    hop: int
    rate: float | None = None
    """Share of normal windows that may exceed the threshold; None for the lowest the data support."""
    method: str = ""
    """One of METHODS; empty for the one best supported by the data."""
    best_effort: bool = False
    """Whether a threshold that the data cannot support is still returned, marked as such."""
    supervised: bool = False
    """Whether the detector learns from labelled faults, too."""
    squared: bool = False
    """Whether its scores are squared distances."""
    budget: str = ""
    """False alarms a sensor may raise, such as `1/month`; for method `tail`, or `budget`, the one implied."""
    policy: AlarmPolicy = field(default_factory=AlarmPolicy)
    """The alarm's votes and delays, which the budget is counted with."""
    augmentation: Augmentation | None = None
    """How normal recordings are widened before a fit; None for not at all."""
    accept_towering: bool = False
    """Whether windows unlike the rest of their condition are learnt from all the same."""
    range_: float = math.inf
    """Largest magnitude that the sensor reports, in the recordings' unit; infinite where unknown."""
    conditions: str = "new"
    """`new`: the machine will run in conditions that were not recorded, so each is left out in turn; `all`:
    the list holds every one, so blocks are left out within each."""
    slow_s: float | None = None
    """Seconds that the slow alarm averages over, 0 for none; None for a minute where ten were recorded."""
    most_values: int = MOST_VALUES
    """Samples that the windows of one fit may hold, see `trainer.recordings.sampling`."""

    def within(self, conditions: int) -> bool:
        """Whether blocks are left out within conditions, of so many."""
        return conditions == 1 or self.conditions == "all"

    @property
    def cut(self) -> Cut:
        """How windows to learn from are cut."""
        return Cut(self.samples, self.hop, self.most_values)


@dataclass(frozen=True, slots=True)
class Held:
    """Scores of one recording by a detector that never saw its condition."""

    recording: Recording
    scores: Scores
    """In order of time, one per window."""
    variant: int = 0
    """Number of the recording's variant, where it was widened."""


def choose(normals: Sequence[Recording], plan: CalibrationPlan) -> str:
    """Return the method: the one asked for, else the one that these recordings support best.

    Raises ChoiceError for an unknown method or requirements that exclude each other, FitError for a rate or
    budget that is out of range or that so few hours cannot show: before anything is fitted.
    """
    default = "quantile" if plan.within(len(condition_names(normals))) else "conditions"
    method = plan.method or ("budget" if plan.budget else default)
    if method not in METHODS:
        raise ChoiceError(f"there is no method {method!r}", remedy=f"Choose one of {', '.join(METHODS)}")
    _check_requirements(method, plan)
    try:
        if plan.rate is not None:
            checked_rate(plan.rate)
        if plan.budget:
            budget = Budget.parse(plan.budget)
            if normals and method == "budget" and not plan.best_effort:
                hours = {
                    name: sum(item.duration_s for item in normals if item.condition == name) / 3600
                    for name in condition_names(normals)
                }
                check_budget(hours, budget)
    except DataError as error:
        raise FitError(error.what, where=error.where, remedy=error.remedy) from error
    return method


def _check_requirements(method: str, plan: CalibrationPlan) -> None:
    """Refuse a requirement that the method would ignore."""
    if method == "budget" and not plan.budget:
        raise ChoiceError("method budget needs a budget", remedy="Give --max-false-alarms, such as 1/month")
    if plan.conditions not in CONDITIONS:
        raise ChoiceError(
            f"conditions cannot be {plan.conditions!r}", remedy=f"Choose one of {', '.join(CONDITIONS)}"
        )
    if method == "conditions" and plan.conditions == "all":
        raise ChoiceError(
            "method conditions bounds a condition never seen, and --conditions all says that there is none",
            remedy="Leave one of the two out",
        )
    if plan.budget and method not in ("budget", "tail"):
        raise ChoiceError(
            f"method {method} does not count alarms, which --max-false-alarms {plan.budget} asks for",
            remedy="Leave one of the two out",
        )
    if plan.rate is not None and (plan.budget or method in ("budget", "f1")):
        raise ChoiceError(
            f"method {method}{' of a budget' if method == 'tail' else ''} does not count windows, which "
            f"--false-alarm-rate {plan.rate:g} asks for",
            remedy="Leave --false-alarm-rate out, or choose another method",
        )


def find(method: str, held: Sequence[Held], plan: CalibrationPlan) -> Threshold:
    """Find the threshold. Raises FitError where the held-out scores cannot support what is asked."""
    try:
        return _find(method, held, plan)
    except DataError as error:
        if not plan.best_effort:
            raise FitError(error.what, where=error.where, remedy=error.remedy) from error
        scores = np.concatenate([item.scores for item in held if item.recording.label == NORMAL])
        conditions = len(condition_names(item.recording for item in held))
        largest = f"The threshold is the largest score of {len(scores)} held-out windows"
        statement = f"Unsupported: {error.what}. {largest}"
        return Threshold(
            float(scores.max()), "largest", plan.rate or 0.0, False, len(scores), conditions, statement
        )


def _find(method: str, held: Sequence[Held], plan: CalibrationPlan) -> Threshold:
    if method == "f1":
        scores = np.concatenate([item.scores for item in held])
        faulty = np.concatenate([np.full(len(item.scores), item.recording.label != NORMAL) for item in held])
        return f1_threshold(scores, faulty)
    normal = [item for item in held if item.recording.label == NORMAL]
    if plan.budget:
        series = [
            Series(item.recording.condition, item.scores, plan.hop / item.recording.rate_hz, item.variant)
            for item in normal
        ]
        keep = budget_threshold if method == "budget" else extrapolated_budget
        return keep(series, Budget.parse(plan.budget), plan.policy)
    return _by_share(method, normal, plan)


def _by_share(method: str, normal: Sequence[Held], plan: CalibrationPlan) -> Threshold:
    """The threshold that a share of normal windows exceeds, which count as far as they are independent."""
    by_condition = {
        name: np.concatenate([item.scores for item in normal if item.recording.condition == name])
        for name in condition_names(item.recording for item in normal)
    }
    share = plan.hop / plan.samples  # windows that overlap are not independent
    # Variants of one window are no further draws of what the machine does; the middle one is as recorded.
    alike = variant_count(plan.augmentation) if plan.augmentation and plan.within(len(by_condition)) else 1
    own = [item for item in normal if item.variant == alike // 2] if alike > 1 else normal
    worth = {
        name: effective_windows([item.scores for item in own if item.recording.condition == name])
        for name in by_condition
    }
    if method == "conditions":
        return conditions_threshold(
            by_condition, plan.rate, independent=share, effective=worth, squared=plan.squared
        )
    threshold = quantile_threshold if method == "quantile" else tail_threshold
    # Where others may come, what was recorded is one mixture; where all are known, each has its promise.
    groups = [[name] for name in by_condition] if plan.conditions == "all" else [list(by_condition)]
    found = []
    for names in groups:
        scores = np.concatenate([by_condition[name] for name in names])
        count = len(scores) // alike
        effective = check_effective(sum(worth[name] for name in names), count)
        independent = max(1, min(int(count * share), effective))
        found.append(threshold(scores, plan.rate, independent=independent))
    return _in_each(found)


def _in_each(found: Sequence[Threshold]) -> Threshold:
    """The threshold that keeps its promise in each known condition: the highest, with the highest rate."""
    highest = max(found, key=lambda part: part.value)
    if len(found) == 1:
        return highest
    rate = max(part.rate for part in found)
    statement = (
        f"At most {rate:.3g} of normal windows exceed it in each of {len(found)} operating conditions, each "
        "with 95% confidence, as long as the machine runs in no other"
    )
    windows = sum(part.windows for part in found)
    return replace(highest, rate=rate, windows=windows, conditions=len(found), statement=statement)
