"""How a detector and its threshold do on a condition they never saw: fit without it, judge on it.

Everything goes the way a real model goes: calibrated inside what remains, exported, opened by the edge's
scorer, judged through the edge's stages.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import Calibration, DataError, Samples
from edge_runtime.models import Graph, open_trusted
from trainer import fitting
from trainer.comparison.unseen_faults import missed_unseen_kinds
from trainer.core import ChoiceError, FitError, Progress, TrainerError, quiet
from trainer.detectors import REGISTRY
from trainer.evaluation import Evaluation, ScoredRecording, by_window, judge_all, score_recording
from trainer.fitting import Order
from trainer.recordings import (
    NORMAL,
    Cut,
    Fold,
    Recording,
    check_folds_apart,
    condition_names,
    gather_windows,
    leave_out_conditions,
)

ARRANGEMENTS: Final = ("unseen", "single")
_LOUDEST: Final = 100.0
_TIMED: Final = 50


@dataclass(frozen=True, slots=True)
class Trial:
    """One fit, and what it did on what it had not seen."""

    detector: str
    learnt: tuple[str, ...]
    """Conditions it learnt from."""
    unseen: tuple[str, ...]
    """Conditions it was judged on."""
    evaluation: Evaluation
    calibration: Calibration
    louder: float
    """Factor on the level at which half of the unseen normal windows exceed the threshold."""
    aurocs: Mapping[str, float]
    """Of each faulty recording, against all unseen normal windows."""
    bytes: int
    fit_s: float
    """Seconds for this fit, if it was not made before."""
    export_s: float
    """Seconds to write, compare and prove the file."""
    score_s: float
    """Seconds to score one window with the edge's scorer, here: the median of fifty."""


@dataclass(frozen=True, slots=True)
class DetectorTrials:
    """All trials of one detector; the worst counts."""

    detector: str
    trials: tuple[Trial, ...]
    refused: str = ""
    """Why there are none."""
    unseen_fault_kinds: Mapping[str, float] = field(default_factory=dict)
    """Supervised only: share of windows missed of a kind of fault that was left out of the training."""

    @property
    def supervised(self) -> bool:
        """Whether it learns from labelled faults."""
        return REGISTRY[self.detector].supervised

    @property
    def recommendable(self) -> bool:
        """Whether a site may be told to use it: learns from normal alone, its thresholds are supported."""
        supported = bool(self.trials) and all(trial.calibration.supported for trial in self.trials)
        return supported and not self.supervised

    @property
    def false_alarm_rate(self) -> float:
        """Share of normal windows above the threshold, in the worst trial."""
        return max((trial.evaluation.by_window.false_alarm_rate for trial in self.trials), default=np.nan)

    @property
    def missed_rate(self) -> float:
        """Share of faulty windows not above the threshold, in the worst trial."""
        return max((trial.evaluation.by_window.missed_rate for trial in self.trials), default=np.nan)

    @property
    def false_alarms(self) -> int:
        """Alarms on normal recordings."""
        return sum(trial.evaluation.by_alarm.false_alarms for trial in self.trials)

    @property
    def uncaught(self) -> int:
        """Faulty recordings without an alarm."""
        return sum(
            trial.evaluation.by_alarm.faulty - trial.evaluation.by_alarm.caught for trial in self.trials
        )

    @property
    def rank(self) -> tuple[float, ...]:
        """Smaller is better: wrong recordings, the worst trial's wrong windows, deafness to level, cost.

        Deafness counts by doublings first, and to the last digit at the very end: what hears a machine
        that is half as loud is worth its price, a tenth less is not.
        """
        if not self.trials:
            return (np.inf,)
        wrong = self.false_alarms + self.uncaught
        rates = [rate for rate in (self.false_alarm_rate, self.missed_rate) if np.isfinite(rate)]
        deaf = max(trial.louder for trial in self.trials)
        doublings = round(np.log2(deaf)) if np.isfinite(deaf) else np.inf
        return (wrong, round(max(rates, default=np.inf), 3), doublings, round(np.log10(self.cost)), deaf)

    @property
    def cost(self) -> float:
        """Seconds to fit, seconds to score a window and bytes, multiplied: each counts by its ratio.

        Of no use as a figure of its own. Ranks see it in powers of ten, so that a busy machine, which moves
        times by half, seldom changes who is recommended.
        """
        each = [trial.fit_s * trial.score_s * trial.bytes for trial in self.trials]
        return float(np.median(each)) if each else np.inf


def run_trials(
    recordings: Sequence[Recording],
    order: Order,
    arrangement: str = "unseen",
    progress: Progress = quiet,
) -> DetectorTrials:
    """Try one detector on every condition.

    `unseen`: learn from all conditions but one, judge on that one. `single`: learn from one, judge on all
    others. Raises FitError when there are too few conditions to leave one out; a detector that refuses
    the data gives a candidate without trials.
    """
    trials: list[Trial] = []
    kept: fitting.Kept = {}
    for number, fold in enumerate(chosen := trial_folds(recordings, arrangement)):
        try:
            trials.append(_try(fold, order, kept, _part(progress, fold, number / len(chosen), len(chosen))))
        except (TrainerError, DataError) as error:
            progress(1.0, "refused")
            return DetectorTrials(order.detector, (), str(error))
    kinds = missed_unseen_kinds(recordings, order) if REGISTRY[order.detector].supervised else {}
    progress(1.0, "done")
    return DetectorTrials(order.detector, tuple(trials), unseen_fault_kinds=kinds)


def louder(graph: Graph, threshold: float, normal: Samples) -> float:
    """Factor on the level of normal windows at which half of them exceed the threshold.

    The price of learning that level does not matter: a fault that only raises the level stays unseen below.
    """
    low, high = 1.0, _LOUDEST
    if np.median(graph.score(normal)) > threshold:
        return 1.0
    if not np.median(graph.score(normal * np.float32(high))) > threshold:
        return np.inf
    while high / low > 1.001:
        middle = float(np.sqrt(low * high))
        above = np.median(graph.score(normal * np.float32(middle))) > threshold
        low, high = (low, middle) if above else (middle, high)
    return high


def trial_folds(recordings: Sequence[Recording], arrangement: str) -> list[Fold]:
    """Split the list as an arrangement says.

    Raises ChoiceError for one that there is not, FitError for too few operating conditions.
    """
    if arrangement not in ARRANGEMENTS:
        raise ChoiceError(
            f"there is no arrangement {arrangement!r}", remedy=f"Choose one of {', '.join(ARRANGEMENTS)}"
        )
    normal = set(condition_names(item for item in recordings if item.label == NORMAL))
    found = [fold for fold in leave_out_conditions(recordings) if fold.name in normal]
    if len(normal) < 2:
        raise FitError(
            f"normal recordings of {len(normal)} operating condition, an unseen one cannot be tried",
            remedy="Record the healthy machine at another load or speed",
        )
    if arrangement == "single":
        found = [Fold(f"all but {fold.name}", fold.held, fold.train) for fold in found]
    return found


def _part(progress: Progress, fold: Fold, start: float, parts: int) -> Progress:
    return lambda done, what: progress(start + done / parts, f"without {fold.name}: {what}")


def _try(fold: Fold, order: Order, kept: fitting.Kept, progress: Progress) -> Trial:
    learnt = [item for item in fold.train if REGISTRY[order.detector].supervised or item.label == NORMAL]
    check_folds_apart(learnt, fold.held)
    fitted = fitting.fit(fold.train, order, progress, kept)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        fitting.write(fitted, order, path)
        export_s = time.perf_counter() - started
        artefact, size = open_trusted(path), path.stat().st_size
    watched = [score_recording(artefact, item) for item in fold.held]
    unseen = [item for item in fold.held if item.label == NORMAL]
    normal, _ = gather_windows(unseen, Cut(order.samples, order.hop), order.seed)
    return Trial(
        detector=order.detector,
        learnt=condition_names(item for item in fold.train if item.label == NORMAL),
        unseen=condition_names(fold.held),
        evaluation=judge_all(artefact, watched),
        calibration=artefact.manifest.calibration,
        louder=louder(artefact.graph, artefact.manifest.threshold, normal),
        aurocs=_aurocs(watched),
        bytes=size,
        fit_s=fitted.fit_s,
        export_s=export_s,
        score_s=_score_s(artefact.graph, normal[:1]),
    )


def _score_s(graph: Graph, window: Samples) -> float:
    times = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        graph.score(window)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def _aurocs(watched: Sequence[ScoredRecording]) -> dict[str, float]:
    scores = [(item.recording, item.scores[np.isfinite(item.scores)]) for item in watched]
    normal = np.concatenate([part for item, part in scores if item.label == NORMAL])
    return {
        item.name: by_window(
            np.concatenate([normal, part]).astype(np.float64),
            np.arange(len(normal) + len(part)) >= len(normal),
            0.0,
        ).auroc
        for item, part in scores
        if item.label != NORMAL
    }
