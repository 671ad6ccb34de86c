"""What a threshold rests on, for the manifest: how it was found, from what, and what it does not cover."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge_runtime.calibration import Threshold, spreads
from edge_runtime.core import Calibration
from trainer.calibration.choice import METHODS, CalibrationPlan, Held
from trainer.recordings import NORMAL, Recording, condition_names

RECORDED: Final = "recorded"
"""Name of the manifest's note on how much vibration was used."""
_FEW: Final = 3
"""Fewer conditions than this make a bound so wide that the manifest says so: with 2 it is 7.7 standard
deviations above the mean, with 3 it is 3.4."""
_QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)
"""Of held-out scores, for the manifest: the median, and decades of the tail down to the largest."""


def describe(found: Threshold, held: Sequence[Held], plan: CalibrationPlan) -> Calibration:
    """Describe for the manifest what the threshold rests on."""
    normal = [item for item in held if item.recording.label == NORMAL]
    scores = np.concatenate([item.scores for item in normal]).astype(np.float64)
    names = condition_names(item.recording for item in normal)
    return Calibration(
        method=found.method,
        false_alarm_rate=found.rate,
        supported=found.supported,
        statement=f"{found.statement}. {_reason(found.method, names, plan)}",
        windows=found.windows,
        conditions=names,
        quantiles={f"{p:g}": float(np.quantile(scores, p)) for p in _QUANTILES},
    )


def notes(normals: Sequence[Recording], plan: CalibrationPlan) -> dict[str, str]:
    """Note for the manifest what was recorded, widened, and which conditions the threshold does not cover."""
    names = condition_names(normals)
    seconds = sum(item.duration_s for item in normals)
    # In the unit that leaves one or two digits before the point: minutes from 2 on, hours from 2 on.
    span = f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
    if seconds < 120:
        span = f"{seconds:.1f} s"
    plural = "" if len(normals) == 1 else "s"
    found = {RECORDED: f"{span} of normal vibration in {len(normals)} recording{plural}"}
    if plan.augmentation:
        found["augmentation"] = str(plan.augmentation)
    if plan.conditions == "all" and len(names) > 1:
        found["unsupported"] = f"every operating condition but {', '.join(names)}: said to be all there are"
    if len(names) == 1:
        beyond = f" within {plan.augmentation}" if plan.augmentation else ""
        found["unsupported"] = f"every operating condition but {names[0]}: none was recorded" + (
            f"; variants{beyond} stand in for them" if beyond else ""
        )
    return found


def _reason(method: str, names: Sequence[str], plan: CalibrationPlan) -> str:
    count = len(names)
    if method not in METHODS:
        tried = f"{count} conditions were" if count > 1 else "blocks of one condition were"
        return f"For it {tried} left out in turn"
    asked = method in (plan.method, plan.budget and "budget")
    chosen = "was asked for" if asked else "is what this data supports best"
    if count > 1 and plan.conditions == "all":
        return (
            f"Method {method} {chosen}: blocks of each of {count} conditions were left out in turn, and no "
            "other condition was tried"
        )
    if count > 1:
        few = ""
        if method == "conditions" and count < _FEW:
            now, then = (spreads(number) for number in (count, count + 1))
            few = (
                f". From {count} conditions this threshold is set very high, {now:.1f} times their spread "
                f"above their mean, and faults may pass below it; with one more it would be {then:.1f} "
                "times: record the healthy machine at another load or speed"
            )
        return f"Method {method} {chosen}: {count} conditions were left out in turn{few}"
    if plan.augmentation:
        chosen += f"; blocks are taken at {plan.augmentation}, too, which stands in for unseen conditions"
    return (
        f"Method {method} {chosen}: there is one condition, {names[0]}, so blocks of its recordings were "
        "left out in turn; no unseen condition was tried"
    )
