"""One self-contained HTML page on a model, for the people of the plant: pictures first, tables after."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

import jinja2
import numpy as np

from edge_runtime.artefact import Manifest
from edge_runtime.scorer import Artefact, Scores
from trainer import figures, scoreboard
from trainer.dataset import conditions, windows
from trainer.detector import Progress, quiet
from trainer.errors import RecordingError
from trainer.evaluate import Evaluation, judge_all
from trainer.guards import Finding
from trainer.listing import NORMAL
from trainer.recordings import Recording
from trainer.standings import Comparison
from trainer.watch import Watched, watch

_NEXT: Final = {
    1: "a second and a third load or speed",
    2: "a third load or speed (two say little about any other, so the threshold has to be very high)",
}
_COURSES: Final = 5
_EXPLAINED: Final = 64


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG and what it shows."""

    title: str
    caption: str
    svg: str


def page(
    artefact: Artefact,
    recordings: Sequence[Recording],
    findings: Sequence[Finding] = (),
    comparison: Comparison | None = None,
    progress: Progress = quiet,
) -> str:
    """Write the page. Raises RecordingError without a normal recording, or where model and list disagree."""
    if not any(item.label == NORMAL for item in recordings):
        raise RecordingError("no normal recordings to show", remedy=f"Label some of the list {NORMAL!r}")
    watched = []
    for number, item in enumerate(recordings):
        progress(number / len(recordings), item.name)
        watched.append(watch(artefact, item))
    evaluation = judge_all(artefact, watched)
    return _template().render(
        manifest=artefact.manifest,
        evaluation=evaluation,
        pictures=_pictures(artefact, watched, evaluation),
        findings=findings,
        comparison=comparison,
        kinds=scoreboard.kinds(comparison) if comparison else [],
        advice=_advice(artefact.manifest, recordings),
        expected=_expected(artefact.manifest, recordings),
        learnt=[item for item in recordings if item.label == NORMAL],
        seconds=sum(item.duration_s for item in recordings if item.label == NORMAL),
    )


def _pictures(artefact: Artefact, watched: Sequence[Watched], evaluation: Evaluation) -> list[Picture]:
    normal = next(item.recording for item in watched if item.recording.label == NORMAL)
    hardest = _hardest(watched, evaluation)
    recordings = [item.recording for item in watched]
    threshold = evaluation.threshold
    made = [
        Picture(
            "Scores and threshold",
            "Every group of recordings on one line. Blue circles are the healthy machine, orange diamonds "
            "faults. Right of the dashed line a window counts as anomalous.",
            figures.distributions(watched, threshold),
        ),
        Picture(
            "Scores over time",
            "The dashed line is the threshold. Alarms begin where marked, after the votes and delays of the "
            "alarm policy.",
            figures.courses(_chosen(watched, hardest), threshold),
        ),
        Picture(
            "Waveform",
            "A tenth of a second as the sensor gave it.",
            figures.waveforms(normal, hardest.recording if hardest else None),
        ),
        Picture(
            "Spectrum",
            "What the healthy machine sounds like, and how much that varies over time and conditions.",
            figures.spectra(recordings),
        ),
    ]
    if artefact.graph.explains and artefact.manifest.features:
        made.append(_explained(artefact, watched, hardest))
    return made


def _explained(artefact: Artefact, watched: Sequence[Watched], hardest: Watched | None) -> Picture:
    normal = next(item.recording for item in watched if item.recording.label == NORMAL)
    faulty = None if hardest is None else _contributions(artefact, hardest.recording)
    shown = "healthy windows" + ("" if hardest is None else f" and those of {hardest.recording.name}")
    return Picture(
        "What made the score",
        f"Mean contributions in {shown}, largest features only, in order of frequency.",
        figures.bands(artefact.manifest, _contributions(artefact, normal), faulty),
    )


def _contributions(artefact: Artefact, recording: Recording) -> Scores:
    cut = windows(recording, artefact.manifest.samples, artefact.manifest.hop)[:_EXPLAINED]
    return np.asarray(artefact.graph.contributions(cut).mean(axis=0))


def _hardest(watched: Sequence[Watched], evaluation: Evaluation) -> Watched | None:
    pairs = [
        (row.median, item)
        for row, item in zip(evaluation.by_recording, watched, strict=True)
        if row.label != NORMAL and np.isfinite(row.median)
    ]
    return min(pairs, key=lambda pair: pair[0])[1] if pairs else None


def _chosen(watched: Sequence[Watched], hardest: Watched | None) -> list[Watched]:
    normal = [item for item in watched if item.recording.label == NORMAL]
    loudest = sorted(normal, key=lambda item: -float(np.nanmax(item.scores)))[:2]
    faulty = [item for item in watched if item.recording.label != NORMAL and item is not hardest]
    rest = faulty[:: max(1, len(faulty) // 2)][: _COURSES - len(loudest) - 1]
    return [*loudest, *([hardest] if hardest else []), *rest]


def _expected(manifest: Manifest, recordings: Sequence[Recording]) -> str:
    """Say the threshold's promise in one sentence, or that there is none."""
    found = manifest.calibration
    if not found.supported:
        return "Nothing is promised about false alarms."
    hours = sum(item.duration_s for item in recordings if item.label == NORMAL) / 3600
    spent = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"
    rests = f"from {spent} in {len(found.conditions)} operating condition{'s'[: len(found.conditions) - 1]}"
    if found.method == "budget":
        return f"No more false alarms are expected than the budget below allows, {rests}."
    votes, windows = manifest.policy.votes
    return (
        f"Expect at most {found.false_alarm_rate:.2%} of healthy windows above the threshold, {rests}; "
        f"an alarm takes {votes} of {windows} windows."
    )


def _advice(manifest: Manifest, recordings: Sequence[Recording]) -> list[str]:
    normal = [item for item in recordings if item.label == NORMAL]
    advice = []
    count = len(manifest.calibration.conditions)
    if count < 4:
        rests = f"The threshold rests on {count} operating condition{'' if count == 1 else 's'}. Record"
        more = _NEXT.get(count, "another load or speed")
        advice.append(
            f"{rests} the healthy machine at {more}: each new one narrows what an unseen one may do."
        )
    if not manifest.calibration.supported:
        advice.append("The data do not support this threshold. Take alarms as hints until more is recorded.")
    short = min(normal, key=lambda item: item.duration_s)
    advice.append(
        f"The shortest normal recording is {short.name} ({short.condition}, {short.duration_s:.1f} s); "
        "minutes instead of seconds allow a lower false-alarm rate to be promised."
    )
    if len(conditions(recordings)) == len(conditions(normal)) and len(normal) == len(recordings):
        advice.append("No faulty recordings were listed: what is missed cannot be known from this page.")
    return advice


def _template() -> jinja2.Template:
    text = resources.files("trainer").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["detector"] = scoreboard.name
    environment.filters["percent"] = lambda share: "-" if not np.isfinite(share) else f"{share:.2%}"
    environment.filters["seconds"] = lambda value: "-" if not np.isfinite(value) else f"{value:.2f} s"
    environment.filters["figure"] = lambda value: "-" if not np.isfinite(value) else f"{value:.4g}"
    return environment.from_string(text)
