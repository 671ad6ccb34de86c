"""Calibration on what can be learnt from: dead sensors and strangers are left out, counted and named."""

from collections.abc import Sequence
from dataclasses import replace

from trainer.calibration.choice import CalibrationPlan
from trainer.calibration.cross_validation import Calibrated, FitGraph, calibrate, context_of
from trainer.calibration.slow_alarm import USUAL_S
from trainer.core import FitError, Progress, quiet
from trainer.recordings import (
    NORMAL,
    Drawn,
    LeftOut,
    Recording,
    condition_names,
    cut_out,
    draw_stretches,
    left_out_notes,
    long_enough,
    strangers,
    towering,
    unusable,
    variant_count,
)


def calibrate_screened(
    fit: FitGraph,
    recordings: Sequence[Recording],
    plan: CalibrationPlan,
    seed: int = 0,
    progress: Progress = quiet,
) -> tuple[tuple[Recording, ...], Calibrated]:
    """Calibrate, and return the recordings that were learnt from.

    Windows in which the edge would call the sensor faulty are left out always, strangers unless the plan
    accepts them: those of another level or peak before anything is fitted, those whose held-out score towers
    after that, in which case all is fitted once more without them. Raises what `calibrate` does, and FitError
    where nothing healthy is left.
    """
    normal = condition_names(item for item in recordings if item.label == NORMAL)
    progress(0.0, "looking for dead sensors and strangers")
    recordings = long_enough(recordings, plan.samples * (2 if plan.within(len(normal)) else 1))
    drawn = stretches_of(recordings, plan, seed)
    recordings = drawn.recordings
    left_out = unusable(recordings, plan.samples, plan.hop, plan.range_)
    kept = _without(recordings, left_out, plan)
    if not plan.accept_towering:
        odd = strangers(kept, plan.samples, plan.hop)
        left_out, kept = left_out + odd, _without(kept, odd, plan)
    found = calibrate(fit, kept, plan, context_of(kept, seed, progress))
    odd = [] if plan.accept_towering else _towering(found, plan)
    if odd:
        left_out, kept = left_out + odd, _without(kept, odd, plan)
        found = calibrate(fit, kept, plan, context_of(kept, seed, progress))
    notes = {**found.notes, **drawn.notes, **left_out_notes(left_out, plan.samples)}
    return kept, replace(found, notes=notes)


def stretches_of(recordings: Sequence[Recording], plan: CalibrationPlan, seed: int) -> Drawn:
    """Stretches of long recordings; all, where hours are what is asked about: by a budget, a long average."""
    if plan.budget or (plan.slow_s or 0) > USUAL_S:
        return Drawn(tuple(recordings), {})
    variants = variant_count(plan.augmentation) if plan.augmentation else 1
    return draw_stretches(recordings, plan.samples, plan.hop, variants=variants, seed=seed)


def _towering(found: Calibrated, plan: CalibrationPlan) -> list[LeftOut]:
    # Of the variants of a recording the one in the middle is as it was recorded.
    own = variant_count(plan.augmentation) // 2 if plan.augmentation else 0
    variants = {item.variant for item in found.held}
    scores = [
        (item.recording, item.scores)
        for item in found.held
        if item.recording.label == NORMAL and item.variant == (own if own in variants else 0)
    ]
    return towering(scores, plan.samples, plan.hop)


def _without(
    recordings: Sequence[Recording], left_out: Sequence[LeftOut], plan: CalibrationPlan
) -> tuple[Recording, ...]:
    normal = [item for item in recordings if item.label == NORMAL]
    # Of a single condition every recording is cut into two blocks at least.
    least = plan.samples if len(condition_names(normal)) > 1 else 2 * plan.samples
    kept = cut_out(recordings, left_out, least)
    if normal and not any(item.label == NORMAL for item in kept):
        why = "; ".join(left_out_notes(left_out, plan.samples).values())
        raise FitError(
            f"nothing healthy is left to learn from: {why}",
            where="list",
            remedy="Record the healthy machine again, with a sensor that works",
        )
    return kept
