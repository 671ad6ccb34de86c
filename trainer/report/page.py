"""One self-contained HTML page on a model, for the operators of the machine: pictures first, tables after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import jinja2
import numpy as np

from edge_runtime.core import Manifest
from edge_runtime.models import Artefact, Scores
from trainer.calibration import RECORDED
from trainer.comparison import Comparison, detector_label, level_factor, power_figure, unseen_kinds_table
from trainer.core import Progress, RecordingError, quiet
from trainer.evaluation import ByRecording, Evaluation, ScoredRecording, judge_all, score_recording
from trainer.power import read_power
from trainer.recordings import (
    NORMAL,
    Recording,
    RecordingProblem,
    condition_names,
    cut_windows,
)
from trainer.report import plots
from trainer.report.charts import Chart
from trainer.report.filled import template
from trainer.report.held_out import loudest, rows_of, unseen_of
from trainer.report.page_charts import courses_chart, spectra_chart, trend_charts
from trainer.report.trend import Origin, origins_in_words, trend_plot

_NEXT: Final = {  # by the number of conditions that the threshold rests on
    1: "a second and a third load or speed",
    2: "a third load or speed (two say little about any other, so the threshold has to be very high)",
}
_SCORES: Final = (
    "Every group of recordings on one line. Blue circles are the healthy machine, orange diamonds faults. "
    "Right of the dashed line a window counts as anomalous."
)
_OVER_TIME: Final = (
    "The dashed line is the threshold. Alarms begin at the marks above, after the policy's votes and delays."
)
_SPECTRUM: Final = "What the healthy machine sounds like, and how much that varies over time and conditions."
_HEARING: Final = (
    "Standard faults put into held-out healthy vibration: how large each must be. Further left is better. "
    "Sizes are relative to the healthy machine's own vibration."
)
_NOT_TRIED: Final = "Which faults it would hear was not measured when this file was made"
_COURSES: Final = 5
"""Recordings whose scores over time are drawn: as many as fit on a screen below one another."""
_EXPLAINED: Final = 64
"""Windows of a recording whose contributions are averaged: a mean of more looks the same in a bar chart."""
_FEW_CONDITIONS: Final = 4
"""With fewer the page asks for more: the bound for an unseen condition narrows most over the first few."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG and what it shows."""

    title: str
    caption: str
    svg: str
    chart: Chart | None = None
    """The same, to be zoomed and read off on a screen."""


def report_page(
    artefact: Artefact,
    recordings: Sequence[Recording],
    findings: Sequence[RecordingProblem] = (),
    comparison: Comparison | None = None,
    progress: Progress = quiet,
) -> str:
    """Score the recordings and return the page, HTML.

    Raises RecordingError without a normal recording, or where model and recordings do not fit each other.
    """
    if not any(item.label == NORMAL for item in recordings):
        raise RecordingError("no normal recordings to show", remedy=f"Label some of the list {NORMAL!r}")
    watched = []
    for number, item in enumerate(recordings):
        progress(number / len(recordings), item.name)
        watched.append(score_recording(artefact, item))
    evaluation = judge_all(artefact, watched)
    unseen = unseen_of(watched, evaluation)
    rows = rows_of(watched, evaluation)
    # What was learnt is in the model; the list may hold other recordings.
    recorded = artefact.manifest.notes.get(RECORDED)
    conditions = ", ".join(artefact.manifest.calibration.conditions)
    return _template().render(
        manifest=artefact.manifest,
        evaluation=evaluation,
        unseen=judge_all(artefact, unseen),
        held_out=len(unseen) < len(watched),
        loudest=loudest(unseen, evaluation.threshold),
        rows=rows,
        of=origins_in_words(origin for _, _, origin in rows),
        pictures=_pictures(artefact, watched, evaluation, rows),
        findings=findings,
        comparison=comparison,
        kinds=unseen_kinds_table(comparison) if comparison else [],
        advice=advice(artefact.manifest, recordings),
        expected=_expected(artefact.manifest),
        hears=artefact.manifest.power["statement"] if artefact.manifest.power else _NOT_TRIED,
        learnt=f"{recorded}: {conditions}" if recorded else f"the healthy machine at {conditions}",
    )


def _pictures(
    artefact: Artefact,
    watched: Sequence[ScoredRecording],
    evaluation: Evaluation,
    rows: Sequence[tuple[ByRecording, float, Origin]],
) -> list[Picture]:
    # The faulty recording with the lowest scores is the hardest to distinguish from normal ones.
    medians = [
        (row.median, number)
        for number, row in enumerate(evaluation.by_recording)
        if row.label != NORMAL and np.isfinite(row.median)
    ]
    hardest = watched[min(medians)[1]] if medians else None
    chosen, recordings = _chosen(watched, hardest), [item.recording for item in watched]
    limit, heard = evaluation.threshold, f"{_SPECTRUM}{_channel(artefact.manifest)}"
    courses = plots.courses(chosen, limit), courses_chart(chosen, limit)
    pictures = [
        Picture("Scores and threshold", _SCORES, plots.distributions(watched, limit)),
        Picture("Scores over time", _OVER_TIME, *courses),
        _waveform(artefact.manifest, watched, hardest),
        Picture("Spectrum", heard, plots.spectra(recordings), spectra_chart(recordings)),
    ]
    trends = trend_charts(rows, limit)
    pictures += [Picture("Trend", caption, trend_plot(chart), chart) for caption, chart in trends]
    if artefact.manifest.power:
        power = read_power(artefact.manifest.power)
        pictures.insert(1, Picture("What it would hear", _HEARING, plots.hearing(power)))
    if artefact.graph.explains and artefact.manifest.features:
        pictures.append(_explained(artefact, watched, hardest))
    return pictures


def _waveform(
    manifest: Manifest, watched: Sequence[ScoredRecording], hardest: ScoredRecording | None
) -> Picture:
    fault = f", and {hardest.recording.name}, the fault that resembles it most" if hardest else ""
    band = f", limited to {manifest.lowpass_hz:g} Hz" if manifest.lowpass_hz else ""
    return Picture(
        "Waveform",
        f"The healthy machine{fault}, as the model takes it: {manifest.rate_hz:g} samples a second{band}."
        f"{_channel(manifest)}",
        plots.waveforms(_normal(watched), hardest.recording if hardest else None),
    )


def _channel(manifest: Manifest) -> str:
    first, *more = manifest.channels
    return f" Channel {first} of {', '.join(manifest.channels)}." if more else ""


def _normal(watched: Sequence[ScoredRecording]) -> Recording:
    return next(item.recording for item in watched if item.recording.label == NORMAL)


def _explained(
    artefact: Artefact, watched: Sequence[ScoredRecording], hardest: ScoredRecording | None
) -> Picture:
    faulty = None if hardest is None else _contributions(artefact, hardest.recording)
    shown = "healthy windows" + ("" if hardest is None else f" and those of {hardest.recording.name}")
    return Picture(
        "What made the score",
        f"Mean contributions in {shown}, largest features only, in order of frequency.",
        plots.bands(artefact.manifest, _contributions(artefact, _normal(watched)), faulty),
    )


def _contributions(artefact: Artefact, recording: Recording) -> Scores:
    cut = cut_windows(recording, artefact.manifest.samples, artefact.manifest.hop)[:_EXPLAINED]
    return np.asarray(artefact.graph.contributions(cut).mean(axis=0))


def _chosen(watched: Sequence[ScoredRecording], hardest: ScoredRecording | None) -> list[ScoredRecording]:
    """The two normal recordings with the highest scores, the hardest faulty one, and a few other."""
    normal = [item for item in watched if item.recording.label == NORMAL]
    highest = sorted(normal, key=lambda item: -float(np.nanmax(item.scores)))[:2]
    faulty = [item for item in watched if item.recording.label != NORMAL and item is not hardest]
    rest = faulty[:: max(1, len(faulty) // 2)][: _COURSES - len(highest) - 1]
    return [*highest, *([hardest] if hardest else []), *rest]


def _expected(manifest: Manifest) -> str:
    """State in a sentence what false alarms are expected, or that nothing is known of them."""
    found = manifest.calibration
    if not found.supported:
        return "Nothing is promised about false alarms."
    recorded = manifest.notes.get(RECORDED, f"{found.windows} windows of normal vibration")
    rests = f"from {recorded}, {len(found.conditions)} operating condition{'s'[: len(found.conditions) - 1]}"
    if found.method == "budget":
        return f"No more false alarms are expected than the budget below allows, {rests}."
    votes, windows = manifest.policy.votes
    return (
        f"Expect at most {found.false_alarm_rate:.2%} of healthy windows above the threshold, {rests}. An "
        f"alarm takes {votes} of {windows} windows; how many alarms that makes in a month is not promised: "
        "trainer fit --max-false-alarms asks for that."
    )


def advice(manifest: Manifest, recordings: Sequence[Recording]) -> list[str]:
    """What to record next, in sentences, the most useful first."""
    normal = [item for item in recordings if item.label == NORMAL]
    found = []
    count = len(manifest.calibration.conditions)
    if count < _FEW_CONDITIONS:
        rests = f"The threshold rests on {count} operating condition{'' if count == 1 else 's'}. Record"
        more = _NEXT.get(count, "another load or speed")
        found.append(
            f"{rests} the healthy machine at {more}: each new one narrows what an unseen one may do."
        )
    if not manifest.calibration.supported:
        found.append("The data do not support this threshold. Take alarms as hints until more is recorded.")
    short = min(normal, key=lambda item: item.duration_s)
    found.append(
        f"The shortest normal recording is {short.name} ({short.condition}, {short.duration_s:.1f} s); "
        "minutes instead of seconds allow a lower false-alarm rate to be promised."
    )
    if len(condition_names(recordings)) == len(condition_names(normal)) and len(normal) == len(recordings):
        found.append("No faulty recordings were listed: what is missed cannot be known from this page.")
    return found


def _template() -> jinja2.Template:
    # Of one recording there is no interval.
    unknown = "an unknown share (one recording says nothing about others)"
    return template(
        "page.html.j2",
        detector=detector_label,
        factor=level_factor,
        power=power_figure,
        percent=lambda share: "-" if not np.isfinite(share) else f"{share:.2%}",
        span=lambda ends: f"{ends[0]:.2%} to {ends[1]:.2%}" if np.isfinite(ends[0]) else unknown,
        seconds=lambda value: "-" if not np.isfinite(value) else f"{value:.2f} s",
        figure=lambda value: "-" if not np.isfinite(value) else f"{value:.4g}",
    )
