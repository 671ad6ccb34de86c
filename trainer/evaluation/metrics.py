"""Metrics of a model on labelled recordings: per window, per recording and per alarm.

All through the edge's own stages, see `replay`. Windows in which the sensor was at fault are counted and left
out of every rate.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Manifest
from edge_runtime.models import Artefact, load_model
from trainer.core import READING, Progress, RecordingError, part_of, quiet
from trainer.evaluation.bootstrap import Interval, interval
from trainer.evaluation.replay import ScoredRecording, score_recording
from trainer.evaluation.separation import auroc, average_precision
from trainer.recordings import DIGITS, NORMAL, Recording, load_list, long_enough


@dataclass(frozen=True, slots=True)
class ByWindow:
    """Confusion matrix and rates of windows; faulty is positive. A share of nothing is NaN."""

    true_alarms: int
    false_alarms: int
    true_calm: int
    missed: int
    precision: float
    recall: float
    f1: float
    false_alarm_rate: float
    """False acceptance as a fault, FAR: share of normal windows above the threshold."""
    missed_rate: float
    """False rejection, FRR: share of faulty windows not above the threshold."""
    auroc: float
    auprc: float
    """Average precision."""

    @property
    def one_minus_auroc(self) -> float:
        """Distance of AUROC to 1, for models where AUROC itself rounds to 1.000."""
        return 1.0 - self.auroc


@dataclass(frozen=True, slots=True)
class ByRecording:
    """One recording."""

    name: str
    label: str
    condition: str
    windows: int
    sensor_faults: int
    """Windows in which the sensor was at fault."""
    exceeded: float
    """Share of the other windows above the threshold."""
    lowest: float
    median: float
    highest: float
    """Scores: these three; NaN where the sensor was always at fault."""
    alarms: int
    delay_s: float
    """From the recording's start to its first alarm, seconds; NaN for none."""
    duration_s: float
    learnt: bool
    """Whether the model learnt from it: its figures flatter."""

    @property
    def right(self) -> bool:
        """Whether an alarm was raised exactly if the machine was faulty."""
        return (self.alarms > 0) == (self.label != NORMAL)


@dataclass(frozen=True, slots=True)
class ByAlarm:
    """Counts of alarms, with the votes and delays of the policy."""

    normal_hours: float
    false_alarms: int
    false_alarms_per_hour: float
    faulty: int
    """Faulty recordings."""
    caught: int
    """Faulty recordings with an alarm."""
    median_delay_s: float
    longest_delay_s: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All metrics of one model on one set of recordings."""

    model: str
    detector: str
    threshold: float
    method: str
    by_window: ByWindow
    by_alarm: ByAlarm
    by_recording: tuple[ByRecording, ...]
    false_alarm_interval: Interval
    """95 % interval of the false-alarm rate, over recordings."""
    missed_interval: Interval
    """95 % interval of the missed rate, over recordings."""

    @property
    def learnt(self) -> int:
        """How many of the recordings the model learnt from."""
        return sum(row.learnt for row in self.by_recording)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN and infinity become null."""
        body = asdict(self)
        body["learnt"] = self.learnt
        body["by_window"]["one_minus_auroc"] = self.by_window.one_minus_auroc
        return {key: _plain(value) for key, value in body.items()}


def evaluate_list(model: Path, listing: Path, progress: Progress = quiet) -> Evaluation:
    """Judge a file on labelled recordings through the edge's stages."""
    artefact = load_model(model)
    recordings = load_list(listing, part_of(progress, 0.0, READING))
    return evaluate(artefact, recordings, part_of(progress, READING, 1 - READING))


def evaluate(artefact: Artefact, recordings: Sequence[Recording], progress: Progress = quiet) -> Evaluation:
    """Judge a model on labelled recordings.

    Raises RecordingError for no recordings, and where a recording and the model disagree on rate, band,
    channels or unit.
    """
    if not recordings:
        raise RecordingError("no recordings to evaluate on", remedy="Give a list with at least one line")
    recordings = long_enough(recordings, artefact.manifest.samples)
    scored = []
    for number, recording in enumerate(recordings):
        progress(number / len(recordings), recording.name)
        scored.append(score_recording(artefact, recording))
    return judge_all(artefact, scored)


def judge_all(artefact: Artefact, scored: Sequence[ScoredRecording]) -> Evaluation:
    """Summarise scored recordings."""
    manifest = artefact.manifest
    rows = tuple(_recording(item, manifest) for item in scored)
    scores = np.concatenate([item.scores for item in scored]).astype(np.float64)
    faulty = np.concatenate([np.full(len(item.scores), item.recording.label != NORMAL) for item in scored])
    valid = np.isfinite(scores)
    faulty_rows = [_above(row) for row in rows if row.label != NORMAL]
    return Evaluation(
        model=manifest.name,
        detector=manifest.detector,
        threshold=manifest.threshold,
        method=manifest.calibration.method,
        by_window=by_window(scores[valid], faulty[valid], manifest.threshold),
        by_alarm=by_alarm(rows),
        by_recording=rows,
        false_alarm_interval=interval([_above(row) for row in rows if row.label == NORMAL]),
        missed_interval=interval([(of - above, of) for above, of in faulty_rows]),
    )


def by_window(scores: NDArray[np.float64], faulty: NDArray[np.bool_], threshold: float) -> ByWindow:
    """Count windows at a threshold, and rank them over all; `scores` and `faulty` are of shape [windows]."""
    above = scores > threshold
    hits, false = int((above & faulty).sum()), int((above & ~faulty).sum())
    missed, calm = int((~above & faulty).sum()), int((~above & ~faulty).sum())
    both = bool(faulty.any() and not faulty.all())
    return ByWindow(
        true_alarms=hits,
        false_alarms=false,
        true_calm=calm,
        missed=missed,
        precision=_share(hits, hits + false),
        recall=_share(hits, hits + missed),
        f1=_share(2 * hits, 2 * hits + false + missed),
        false_alarm_rate=_share(false, false + calm),
        missed_rate=_share(missed, hits + missed),
        auroc=auroc(scores, faulty) if both else math.nan,
        auprc=average_precision(scores, faulty) if both else math.nan,
    )


def by_alarm(rows: Sequence[ByRecording]) -> ByAlarm:
    """Count alarms over recordings."""
    normal = [row for row in rows if row.label == NORMAL]
    faulty = [row for row in rows if row.label != NORMAL]
    delays = [row.delay_s for row in faulty if row.alarms]
    hours = sum(row.duration_s for row in normal) / 3600
    false = sum(row.alarms for row in normal)
    return ByAlarm(
        normal_hours=hours,
        false_alarms=false,
        false_alarms_per_hour=false / hours if hours else math.nan,
        faulty=len(faulty),
        caught=len(delays),
        median_delay_s=float(np.median(delays)) if delays else math.nan,
        longest_delay_s=max(delays, default=math.nan),
    )


def _recording(scored: ScoredRecording, manifest: Manifest) -> ByRecording:
    threshold = manifest.threshold
    recording, alarms = scored.recording, scored.alarms_us
    scores = scored.scores[np.isfinite(scored.scores)].astype(np.float64)
    low, middle, high = np.quantile(scores, (0.0, 0.5, 1.0)) if len(scores) else (math.nan,) * 3
    return ByRecording(
        name=recording.name,
        label=recording.label,
        condition=recording.condition,
        windows=len(scored.scores),
        sensor_faults=sum(bool(text) for text in scored.problems),
        exceeded=_share(int((scores > threshold).sum()), len(scores)),
        lowest=float(low),
        median=float(middle),
        highest=float(high),
        alarms=len(alarms),
        delay_s=alarms[0] / 1e6 if alarms else math.nan,
        duration_s=recording.duration_s,
        learnt=recording.digest[:DIGITS] in (manifest.learnt or ()),
    )


def _above(row: ByRecording) -> tuple[int, int]:
    """Windows above the threshold, and windows with a score."""
    scored = row.windows - row.sensor_faults
    return (round(row.exceeded * scored), scored) if scored else (0, 0)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
