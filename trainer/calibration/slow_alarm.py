"""The slow alarm of a fit: averages of the held-out scores, as the edge will average them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from edge_runtime.calibration import Budget, Series, Threshold, slow_threshold
from edge_runtime.core import DataError
from trainer.calibration.choice import CalibrationPlan, Held
from trainer.core import FitError
from trainer.recordings import NORMAL, condition_names

USUAL_S: Final = 60.0
"""Averaged over where nobody says otherwise. A judgement: a minute is a thousand windows of usual length, and
soon enough for wear."""
_ENOUGH: Final = 10
"""Such spans of each condition from which on a fit has a slow alarm without being asked for one: as many as
the run length is extrapolated from."""
NOTE: Final = "slow_alarm"
"""Name of the manifest's note on why there is none."""


def find_slow(
    held: Sequence[Held], fast: Threshold, plan: CalibrationPlan
) -> tuple[Mapping[str, Any] | None, dict[str, str]]:
    """Find the slow alarm, as a manifest has it, or None and a note that says why.

    Raises FitError where one was asked for and the data cannot support it, unless the plan takes what there
    is.
    """
    normal = [item for item in held if item.recording.label == NORMAL]
    names = condition_names(item.recording for item in normal)
    if plan.slow_s is None:
        lasted = dict.fromkeys(names, 0.0)
        for item in normal:
            lasted[item.recording.condition] += item.recording.duration_s
        variants = len({item.variant for item in normal})
        if min(lasted.values()) / variants < _ENOUGH * USUAL_S:
            return None, {}
    if plan.slow_s == 0:
        return None, {}
    wanted = Budget.parse(plan.budget) if plan.budget else None
    try:
        found = slow_threshold(
            _joined(normal, plan),
            plan.slow_s or USUAL_S,
            fast.value,
            plan.policy,
            known=plan.conditions == "all",
            **({} if wanted is None else {"run_length_h": 1 / wanted.per_hour}),
        )
    except DataError as error:
        if plan.slow_s is None or plan.best_effort:
            return None, {NOTE: f"none: {error.what}"}
        raise FitError(error.what, where=error.where, remedy=error.remedy) from error
    return found.to_json(), {}


def _joined(normal: Sequence[Held], plan: CalibrationPlan) -> list[Series]:
    """Blocks of one recording in order of time: an average goes on from one to the next, also over what was
    not drawn, as it is over time with scores."""
    parts: dict[tuple[str, int], list[Held]] = {}
    for item in normal:
        parts.setdefault((item.recording.digest, item.variant), []).append(item)
    return [
        Series(
            own[0].recording.condition,
            np.concatenate([part.scores for part in sorted(own, key=lambda part: part.recording.offset)]),
            plan.hop / own[0].recording.rate_hz,
            variant,
        )
        for (_, variant), own in parts.items()
    ]
