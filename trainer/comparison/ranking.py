"""The ranking of detectors by their trials, and which of them is recommended."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from trainer.comparison.figures import RankedDetector, compared, performance, rank_detector
from trainer.comparison.outcomes import DetectorTrials, Trial
from trainer.recordings import RecordingProblem

BY_POWER: Final = "power"
BY_LABELS: Final = "labels"
"""What the recommendation rests on."""
TITLES: Final = {
    "unseen": "each operating condition is judged by a fit on the others",
    "single": "all other operating conditions are judged by a fit on one",
}


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
    def basis(self) -> str:
        """What the recommendation rests on: BY_POWER, without any label of a fault, or BY_LABELS."""
        measured = [item for item in self.candidates if item.trials]
        return BY_POWER if all(math.isfinite(item.power_index) for item in measured) else BY_LABELS

    @property
    def reason(self) -> str:
        """Why that one, or why none, in sentences separated by semicolons."""
        if not self.recommended:
            return "all are supervised, were refused, or have thresholds that the data do not support"
        best, *others = self.candidates
        rests = "which faults it would hear" if self.basis == BY_POWER else "the labels of the recordings"
        found = [f"chosen by {rests}", f"{best.detector} {performance(best)}"]
        if wrong := best.false_alarms:
            found.append(
                f"beware: the best there is raised {wrong} false alarm{'s'[: wrong - 1]} on the healthy "
                "machine, so record it in more operating conditions before its alarms are believed"
            )
        rivals = [other for other in others if other.recommendable]
        if rivals:
            found += [
                f"next comes {rivals[0].detector}, which {performance(rivals[0])}",
                compared(best, rivals[0]),
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
                "chosen_by": self.basis,
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
        "power": None if trial.power is None else _plain(trial.power.to_json()),
        "evaluation": trial.evaluation.to_json(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
