"""The ranking of detectors by their trials, and which of them is recommended."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from trainer.comparison.trials import DetectorTrials, Trial
from trainer.recordings import NORMAL, RecordingProblem

_CRITERIA: Final = (
    "is wrong about fewer recordings",
    "is wrong about fewer windows in its worst condition",
    "notices a much smaller rise in level at equal errors",
    "costs less at equal errors (the other takes {})",
    "notices a smaller rise in level at equal errors and like cost",
)
"""What being better in each part of `DetectorTrials.rank` means, in words."""
TITLES: Final = {
    "unseen": "each operating condition is judged by a fit on the others",
    "single": "all other operating conditions are judged by a fit on one",
}


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
    bytes: int
    fit_s: float
    """Seconds of the longest fit."""
    export_s: float
    """Seconds of the longest export."""
    score_s: float
    """Seconds to score one window on this machine: only ratios between detectors are meaningful."""
    refused: str = ""
    """Why there are no figures."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of `trainer compare`."""

    arrangement: str
    candidates: tuple[DetectorTrials, ...]
    """Recommendable ones first, each group best first."""
    findings: tuple[RecordingProblem, ...] = ()
    """Problems of the recordings that did not stop the comparison."""

    @property
    def recommended(self) -> str:
        """The best recommendable detector; empty where there is none."""
        best = self.candidates[0]
        return best.detector if best.recommendable else ""

    @property
    def reason(self) -> str:
        """Why that one, or why none, in sentences separated by semicolons."""
        if not self.recommended:
            return "all are supervised, were refused, or have thresholds that the data do not support"
        best, *others = self.candidates
        found = [f"{best.detector} {_performance(best)}"]
        if wrong := best.false_alarms:
            found.append(
                f"beware: the best there is raised {wrong} false alarm{'s'[: wrong - 1]} on the healthy "
                "machine, so record it in more operating conditions before its alarms are believed"
            )
        rivals = [other for other in others if other.recommendable]
        if rivals:
            found += [
                f"next comes {rivals[0].detector}, which {_performance(rivals[0])}",
                _compared(best, rivals[0]),
            ]
        return "; ".join(found)

    @property
    def title(self) -> str:
        """What was fitted on which conditions."""
        return TITLES[self.arrangement]

    @property
    def ranking(self) -> list[RankedDetector]:
        """One entry per detector, in the order of the candidates."""
        return [rank_detector(candidate) for candidate in self.candidates]

    def to_json(self) -> list[dict[str, Any]]:
        """One object per detector; numbers that are not finite become null."""
        shared = {
            "arrangement": self.arrangement,
            "findings": [asdict(finding) for finding in self.findings],
        }
        return [
            {
                **_plain(asdict(rank_detector(candidate))),
                "recommended": candidate.detector == self.recommended,
                "reason": self.reason if candidate.detector == self.recommended else "",
                **shared,
                "trials": [_trial_json(trial) for trial in candidate.trials],
            }
            for candidate in self.candidates
        ]


def rank_detectors(
    arrangement: str, candidates: Sequence[DetectorTrials], findings: Sequence[RecordingProblem] = ()
) -> Comparison:
    """Sort candidates: recommendable ones first, then by rank."""
    order = sorted(candidates, key=lambda candidate: (not candidate.recommendable, candidate.rank))
    return Comparison(arrangement, tuple(order), tuple(findings))


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


def _performance(candidate: DetectorTrials) -> str:
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
    return (
        f"raised an alarm on {rates.alarmed_normal_recordings} of {rates.normal_recordings} healthy and "
        f"{rates.alarmed_fault_recordings} of {rates.fault_recordings} faulty recordings, exceeded its "
        f"threshold in {rates.worst_false_alarm_rate:.2%} of healthy windows{missed} in the worst condition, "
        f"and {louder}"
    )


def _compared(best: DetectorTrials, rival: DetectorTrials) -> str:
    """Say which criterion put the best before the next."""
    mine, other = rank_detector(best), rank_detector(rival)
    fit, score, size = (
        f"{ratio:.2g}"
        for ratio in (other.fit_s / mine.fit_s, other.score_s / mine.score_s, other.bytes / mine.bytes)
    )
    costs = (
        f"{fit} times as long to fit and {score} times to score a window, with a file {size} times as large"
    )
    for criterion, of_best, of_rival in zip(_CRITERIA, best.rank, rival.rank, strict=True):
        if of_best < of_rival:
            return f"{best.detector} comes first because it {criterion.format(costs)}"
    return "nothing that is compared distinguishes the two"


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "learnt": trial.learnt,
        "unseen": trial.unseen,
        "louder": _plain(trial.louder),
        "bytes": trial.bytes,
        "fit_s": trial.fit_s,
        "export_s": trial.export_s,
        "score_s": trial.score_s,
        "calibration": _plain(asdict(trial.calibration)),
        "evaluation": trial.evaluation.to_json(),
    }


def _worst(values: Sequence[float]) -> float:
    return max((value for value in values if math.isfinite(value)), default=math.nan)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
