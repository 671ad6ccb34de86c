"""The order of steps for `trainer trials` and `trainer report`: guards, trials, the page."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from edge_runtime import scorer
from trainer import guards, pipeline, report, trials
from trainer.detector import Progress, quiet
from trainer.errors import FitError
from trainer.guards import Finding
from trainer.pipeline import Order
from trainer.recordings import Recording, load
from trainer.trials import Contest


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found; detectors best first."""

    arrangement: str
    contests: tuple[Contest, ...]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values for JSON; what is not finite becomes null."""
        return {
            "arrangement": self.arrangement,
            "findings": [asdict(finding) for finding in self.findings],
            "detectors": [_contest(contest) for contest in self.contests],
        }


def compare(
    recordings: Sequence[Recording],
    orders: Sequence[Order],
    arrangement: str = "unseen",
    accept: Sequence[str] = (),
    progress: Progress = quiet,
) -> Comparison:
    """Try detectors on conditions they never saw. Raises RecordingError, FitError, ChoiceError."""
    findings = guards.check(recordings, accept)
    contests = []
    for number, order in enumerate(orders):
        start, share = number / len(orders), 1 / len(orders)
        inner = _within(progress, start, share)
        contests.append(trials.contest(recordings, order, arrangement, inner))
    ranked = sorted(contests, key=lambda contest: contest.rank)
    if not ranked[0].trials:
        raise FitError(
            f"no detector could be fitted; {ranked[0].detector}: {ranked[0].refused}",
            remedy="Record more, or choose other detectors",
        )
    return Comparison(arrangement, tuple(ranked), findings)


def write_comparison(
    found: Comparison, recordings: tuple[Recording, ...], orders: Sequence[Order], folder: Path
) -> Path:
    """Fit the best detector on everything, and write it with the page and the figures; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    order = next(item for item in orders if item.detector == found.contests[0].detector)
    model = folder / f"{order.detector}.onnx"
    fitted = pipeline.fit(recordings, replace(order, name=order.name or order.detector))
    pipeline.write(fitted, order, model)
    body = json.dumps(found.to_json(), indent=2, allow_nan=False)
    (folder / "trials.json").write_text(body + "\n", encoding="utf-8")
    page = report.page(scorer.load(model), recordings, found.findings, found.contests)
    target = folder / "report.html"
    target.write_text(page, encoding="utf-8")
    return target


def write_report(model: Path, listing: Path, target: Path, progress: Progress = quiet) -> None:
    """Write the page on one model and the recordings of a list."""
    artefact, recordings = scorer.load(model), load(listing)
    page = report.page(artefact, recordings, guards.findings(recordings), progress=progress)
    target.write_text(page, encoding="utf-8")


def table(found: Comparison) -> Table:
    """Detectors, best first; the worst trial of each."""
    made = Table(title=_TITLES[found.arrangement])
    made.add_column("detector")
    for name in (
        "false alarms, worst",
        "missed, worst",
        "normal alarmed",
        "faulty not",
        "louder",
        "KB",
        "fit s",
    ):
        made.add_column(name, justify="right")
    for contest in found.contests:
        made.add_row(*_cells(contest))
    return made


_TITLES = {
    "unseen": "each condition judged by a fit on the others",
    "single": "all other conditions judged by a fit on one",
}


def _cells(contest: Contest) -> tuple[str, ...]:
    if not contest.trials:
        return (contest.detector, f"refused: {contest.refused}")
    return (
        contest.detector,
        f"{contest.false_alarm_rate:.2%}",
        f"{contest.missed_rate:.2%}",
        str(contest.false_alarms),
        str(contest.uncaught),
        f"{max(trial.louder for trial in contest.trials):.2f} x",
        str(max(trial.bytes for trial in contest.trials) // 1000),
        f"{max(trial.fit_s for trial in contest.trials):.2f}",
    )


def _contest(contest: Contest) -> dict[str, Any]:
    return {
        "detector": contest.detector,
        "refused": contest.refused,
        "worst_false_alarm_rate": _finite(contest.false_alarm_rate),
        "worst_missed_rate": _finite(contest.missed_rate),
        "normal_alarms": contest.false_alarms,
        "faulty_without_alarm": contest.uncaught,
        "trials": [
            {
                "learnt": trial.learnt,
                "unseen": trial.unseen,
                "louder": _finite(trial.louder),
                "bytes": trial.bytes,
                "fit_s": trial.fit_s,
                "calibration": asdict(trial.calibration),
                "evaluation": trial.evaluation.to_json(),
            }
            for trial in contest.trials
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _within(progress: Progress, start: float, share: float) -> Progress:
    return lambda done, what: progress(start + share * done, what)
