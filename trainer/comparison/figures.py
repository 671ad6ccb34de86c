"""The figures of one detector over its trials, and in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trainer.comparison.outcomes import DetectorTrials
from trainer.recordings import NORMAL

_CRITERIA: Final = (
    "is wrong about fewer recordings",
    "is wrong about fewer windows in its worst condition",
    "notices a much smaller rise in level at equal errors",
    "costs less at equal errors (the other takes {})",
    "notices a smaller rise in level at equal errors and like cost",
)
"""What being better in each part of `DetectorTrials.rank` means, in words, by the labels of recordings."""
_POWER_CRITERIA: Final = (
    "raises fewer alarms on the healthy machine",
    "keeps its promise on healthy windows better",
    "hears smaller faults at equal false alarms",
    "costs less at equal power (the other takes {})",
    "hears slightly smaller faults at like cost",
)
"""The same by power."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Error rates on conditions that were not fitted on: of the worst trial, and the mean over trials."""

    worst_false_alarm_rate: float
    mean_false_alarm_rate: float
    worst_miss_rate: float
    mean_miss_rate: float
    alarmed_fault_recordings: int
    fault_recordings: int
    """A recording counts once for each trial that judged it."""
    alarmed_normal_recordings: int
    normal_recordings: int


@dataclass(frozen=True, slots=True)
class RankedDetector:
    """The figures of one detector over its trials."""

    detector: str
    supervised: bool
    auroc: float
    """Over all windows of a trial's unseen conditions; the mean over trials."""
    worst_recording: str
    worst_recording_auroc: float
    """Of the windows of that recording against the normal ones of the same trial."""
    unseen_condition: Unseen | None
    unseen_fault_kinds: Mapping[str, float]
    """Supervised only, by kind of fault: share of its windows missed when left out of training."""
    louder: float
    """Factor on the level of normal vibration before half of the windows exceed the threshold."""
    power: float
    """Median size of standard faults that half of the windows exceed with, worst trial; NaN if unknown."""
    hears: str
    """The same in words, of the trial with the worst."""
    bytes: int
    fit_s: float
    """Seconds of the longest fit."""
    export_s: float
    """Seconds of the longest export."""
    score_s: float
    """Seconds to score one window on this machine: only ratios between detectors are meaningful."""
    refused: str = ""
    """Why there are no figures."""


def rank_detector(candidate: DetectorTrials) -> RankedDetector:
    """Summarise the trials of one detector."""
    trials = candidate.trials
    aurocs = [(value, name) for trial in trials for name, value in trial.aurocs.items()]
    lowest, worst = min(aurocs, default=(math.nan, ""))
    return RankedDetector(
        detector=candidate.detector,
        supervised=candidate.supervised,
        auroc=_mean([trial.evaluation.by_window.auroc for trial in trials]),
        worst_recording=worst,
        worst_recording_auroc=lowest,
        unseen_condition=_error_rates(candidate) if trials else None,
        unseen_fault_kinds=candidate.unseen_fault_kinds,
        louder=max((trial.louder for trial in trials), default=math.nan),
        power=candidate.power_index,
        hears=max(
            ((trial.power.index, trial.power.statement) for trial in trials if trial.power), default=(0.0, "")
        )[1],
        bytes=max((trial.bytes for trial in trials), default=0),
        fit_s=max((trial.fit_s for trial in trials), default=math.nan),
        export_s=max((trial.export_s for trial in trials), default=math.nan),
        score_s=_mean([trial.score_s for trial in trials]),
        refused=candidate.refused,
    )


def _error_rates(candidate: DetectorTrials) -> Unseen:
    by_window = [trial.evaluation.by_window for trial in candidate.trials]
    rows = [row for trial in candidate.trials for row in trial.evaluation.by_recording]
    alarmed = [row for row in rows if row.alarms]
    return Unseen(
        worst_false_alarm_rate=_worst([found.false_alarm_rate for found in by_window]),
        mean_false_alarm_rate=_mean([found.false_alarm_rate for found in by_window]),
        worst_miss_rate=_worst([found.missed_rate for found in by_window]),
        mean_miss_rate=_mean([found.missed_rate for found in by_window]),
        alarmed_fault_recordings=sum(row.label != NORMAL for row in alarmed),
        fault_recordings=sum(row.label != NORMAL for row in rows),
        alarmed_normal_recordings=sum(row.label == NORMAL for row in alarmed),
        normal_recordings=sum(row.label == NORMAL for row in rows),
    )


def performance(candidate: DetectorTrials) -> str:
    """Say how a detector did, as the rest of a sentence that begins with its name."""
    found = rank_detector(candidate)
    rates = found.unseen_condition
    if rates is None:
        return "was refused"
    missed = (
        f", missed {rates.worst_miss_rate:.2%} of faulty ones"
        if math.isfinite(rates.worst_miss_rate)
        else " (no faulty recordings were listed)"
    )
    louder = (
        f"notices the healthy machine {found.louder:.2f} times as loud"
        if math.isfinite(found.louder)
        else "does not notice the healthy machine however loud"
    )
    size = f", and standard faults from {found.power:.2g} on" if math.isfinite(found.power) else ""
    return (
        f"raised an alarm on {rates.alarmed_normal_recordings} of {rates.normal_recordings} healthy and "
        f"{rates.alarmed_fault_recordings} of {rates.fault_recordings} faulty recordings, exceeded its "
        f"threshold in {rates.worst_false_alarm_rate:.2%} of healthy windows{missed} in the worst condition, "
        f"and {louder}{size}"
    )


def compared(best: DetectorTrials, rival: DetectorTrials) -> str:
    """Say which criterion put the best before the next."""
    mine, other = rank_detector(best), rank_detector(rival)
    fit, score, size = (
        f"{ratio:.2g}"
        for ratio in (other.fit_s / mine.fit_s, other.score_s / mine.score_s, other.bytes / mine.bytes)
    )
    costs = (
        f"{fit} times as long to fit and {score} times to score a window, with a file {size} times as large"
    )
    criteria = _CRITERIA if math.isnan(mine.power) else _POWER_CRITERIA
    for criterion, of_best, of_rival in zip(criteria, best.rank, rival.rank, strict=True):
        if of_best < of_rival:
            return f"{best.detector} comes first because it {criterion.format(costs)}"
    return "nothing that is compared tells the two apart"


def _worst(values: Sequence[float]) -> float:
    return max((value for value in values if math.isfinite(value)), default=math.nan)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan
