"""Trials of a detector and its threshold on an operating condition that both were not fitted on.

A trial does what is done with a real model: it calibrates on the remaining conditions only, exports, loads
the file with the edge's scorer and evaluates it through the edge's stages.
"""

import tempfile
import time
import timeit
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import DataError, Samples
from edge_runtime.models import Graph, open_trusted
from trainer import fitting
from trainer.comparison.outcomes import DetectorTrials, Trial
from trainer.comparison.unseen_faults import missed_unseen_kinds
from trainer.core import ChoiceError, FitError, Progress, TrainerError, quiet, without
from trainer.detectors import REGISTRY
from trainer.evaluation import ScoredRecording, by_window, judge_all, score_recording
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
    long_enough,
)

ARRANGEMENTS: Final = ("unseen", "single")
_LOUDEST: Final = 100.0
"""Largest factor tried, 40 dB: a detector that has not exceeded its threshold by then never will."""
_PRECISION: Final = 1.001
"""Of the factor that the bisection finds; it is printed with two decimals."""
_TIMED: Final = 50
"""Timings of one window, of which the median is taken: enough that a busy moment does not count."""


def run_trials(
    recordings: Sequence[Recording],
    order: Order,
    arrangement: str = "unseen",
    progress: Progress = quiet,
) -> DetectorTrials:
    """Run the trials of one detector, one for each operating condition.

    `unseen`: fit on all conditions but one, evaluate on that one. `single`: fit on one, evaluate on all
    others. Raises FitError when there are too few conditions; a detector that refuses the data has no trials.
    """
    recordings = long_enough(recordings, order.samples)
    trials: list[Trial] = []
    kept: fitting.Kept = {}
    for number, fold in enumerate(chosen := trial_folds(recordings, arrangement)):
        try:
            part = without(progress, number / len(chosen), 1 / len(chosen), fold.name)
            trials.append(_trial(fold, order, kept, part))
        except (TrainerError, DataError) as error:
            progress(1.0, "refused")
            return DetectorTrials(order.detector, (), str(error))
    kinds = missed_unseen_kinds(recordings, order) if REGISTRY[order.detector].supervised else {}
    progress(1.0, "done")
    return DetectorTrials(order.detector, tuple(trials), unseen_fault_kinds=kinds)


def louder(graph: Graph, threshold: float, normal: Samples) -> float:
    """Factor on the level of normal windows [n, samples, channels] at which half of them exceed the
    threshold.

    A fault that only raises the level is not noticed below it. 1 if they exceed it already, infinity if they
    do not at 100 times their level. Found by bisection.
    """
    low, high = 1.0, _LOUDEST
    if np.median(graph.score(normal)) > threshold:
        return 1.0
    if not np.median(graph.score(normal * np.float32(high))) > threshold:
        return np.inf
    while high / low > _PRECISION:
        middle = float(np.sqrt(low * high))
        above = np.median(graph.score(normal * np.float32(middle))) > threshold
        low, high = (low, middle) if above else (middle, high)
    return high


def trial_folds(recordings: Sequence[Recording], arrangement: str) -> list[Fold]:
    """Split recordings into what is fitted and what is left out, one fold for each normal condition.

    Raises ChoiceError for an unknown arrangement, FitError for fewer than two normal operating conditions.
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


def _trial(fold: Fold, order: Order, kept: fitting.Kept, progress: Progress) -> Trial:
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
    window = normal[:1]
    times_s = timeit.repeat(lambda: artefact.graph.score(window), number=1, repeat=_TIMED)
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
        score_s=float(np.median(times_s)),
        power=fitted.power,
    )


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
